"""Bills of S1's three settlements, and nothing but bills, by the compiled settlement kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from commonwatt.flow import Array, Community
from commonwatt.markets._rates import gross_mix, served, slid
from commonwatt.settlement import bills_at, slot_sums

from . import _s1

DAYS = {"full": 30, "quick": 30, "tiny": 1}


def settled(members: Community) -> Work:
    """From load and PV to the bills of all three: sums by slot, rates of every mechanism, one pass for each."""
    case, slots = _s1.Case1.of(members), members.shape[0]
    flows, is_open = (case.load, case.pv), case.is_open
    buy, sell = (np.full(slots, price) for price in (case.joint_buy, case.joint_sell))
    own = case.buy[None, :], case.sell[None, :]
    reference = np.full(own[0].shape, case.joint_buy), np.full(own[0].shape, case.joint_sell)
    never, conventional = np.zeros(slots, np.bool_), np.zeros((4, slots))

    def work() -> Array:
        drawn, made, demand, supply = slot_sums(*flows)
        inner = slid(drawn, made, buy, sell)
        mixed, shared = np.zeros((4, slots)), np.empty((4, slots))
        mixed[:2] = gross_mix(drawn, made, inner, buy, sell)
        part = served(demand, supply, 1.0)
        np.multiply(part, inner, out=shared[:2])
        np.subtract(1.0, part, out=shared[2:])
        bills = (
            bills_at(flows, never, own, conventional),
            bills_at(flows, is_open, reference, mixed),
            bills_at(flows, is_open, own, shared),
        )
        return np.concatenate(bills) * case.hours  # flows are means in kW

    return work


def s1_at_rates(members: Community) -> list[Array]:
    """What each member owes under the conventional settlement, mid-market rate and bill sharing. (N,) each"""
    return list(np.asarray(settled(members)()).reshape(3, -1))


def cases(size: Size) -> Sequence[Case]:
    """Against a notebook, and against tight loops."""
    members = _s1.community(DAYS[size])
    case = _s1.Case1.of(members)
    shape = f"3 settlements, {members.shape[1]} x {members.shape[0]}"
    return [
        Case(
            "s1_bills", shape, "notebook loops over numpy arrays",
            lambda: settled(members), lambda: lambda: _s1.notebook(case), goal=1000.0,
        ),
        Case(
            "s1_bills", shape, "tight loops over Python lists",
            lambda: settled(members), lambda: _s1.over_lists(case), goal=50.0,
        ),
    ]  # fmt: skip


SPEC = Spec("s1_bills", "Bills of three mechanisms, without series: the compiled settlement kernels.", cases)
