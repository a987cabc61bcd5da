"""Whether a plan holds: its feasibility, its cost and its proof, reckoned from what it decided and believed alone.

Knows nothing of the model, the engines or the certificate's making. A plan that claims no cost claims nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..connection import COUPLING_POINT, at_connection, at_feeder
from ..flow import Array
from ._connection import kwh
from ._plan_bounds import final_levels, least_levels
from ._plan_cost import Cost, reckoned, turned_over
from ._plan_facts import PlanFacts

PLANNED = {
    "P1": "A plan keeps devices, limits and the pool's balance, throws away and leaves unserved no more than there is, "
    "and leaves in store what it promised.",
    "P2": "A plan costs what its certificate says: energy, pool, charges, wear, what is unserved, less what is left.",
    "P3": "A certificate's bounds do not cross, its gap is no smaller than they are apart, and where it says proven, "
    "no more than asked.",
    "P4": "A plan of the whole run, made on the truth and carried out as decided, costs what is then billed.",
}
"""Identifiers and meanings of what is checked of plans."""
ROUNDING = 1e-12
"""Of a bound, as a share of what is added up; of a place, as a share of what moves there."""


@dataclass(frozen=True)
class Promise:
    """Something that a plan has to keep: by how much it does not (T, columns), and whose each column is."""

    what: str
    over: Array
    whose: Sequence[str]

    @cached_property
    def worst(self) -> float:
        """The most that it is missed by, at least 0. [kWh]"""
        most = float(np.max(self.over, initial=0.0))
        return most if np.isfinite(most) else np.inf

    def place(self, first: int) -> str:
        """Where that is, in a plan that begins in slot `first`, and what it is."""
        slot, column = np.unravel_index(int(np.argmax(np.nan_to_num(self.over, nan=np.inf))), self.over.shape)
        return f"slot {first + int(slot)}, {self.whose[int(column)]}: {self.what}"


@dataclass(frozen=True)
class Examined:
    """What was found of a plan."""

    promises: tuple[Promise, ...]
    energy: float
    """The largest flow or level. [kWh]"""
    cost: Cost
    claimed: float
    """By how much the proof claims more than bounds and gap allow. [money]"""


def examined(f: PlanFacts) -> Examined | None:
    """A plan reckoned up again; none for one that claims nothing, and says so."""
    if not np.isfinite(f.plan.proof.cost) and not f.plan.proof.status.startswith("proven"):
        return None
    cost = reckoned(f)
    tables = f.plan.load_kwh, f.plan.pv_kwh, f.plan.level_kwh
    energy = max(1.0, *(float(np.max(table, initial=0.0)) for table in tables))
    return Examined(tuple(_promises(f)), energy, cost, _claimed(f, cost))


def _promises(f: PlanFacts) -> Iterator[Promise]:
    members = f.now.names
    if f.now.flexibility.devices:
        yield from _stores(f)
    for what, cut, there in (
        ("PV is curtailed", f.plan.curtailed_kwh, f.plan.pv_kwh * _behind(f, "export", anyway=f.plan.curtails)),
        ("load is unserved", f.plan.unserved_kwh, f.plan.load_kwh * _behind(f, "import", anyway=False)),
    ):
        yield Promise(f"{what} that is not there, or may not be", np.maximum(cut - there, -cut), members)
    if not f.now.connection.is_open:
        for into, out, most, names in _places(f):
            net, rounding = into - out, ROUNDING * (into + out)
            yield Promise("a limit is exceeded", np.maximum(net - most[0], -net - most[1]) - rounding, names)
    if f.inside.any() or f.plan.pooled_kwh.any():
        yield from _sharing(f)


def _stores(f: PlanFacts) -> Iterator[Promise]:
    """Powers, levels, what is left at the end, shared batteries. Rising levels charge, falling ones discharge."""
    device, level, least = f.now.flexibility, f.plan.level_kwh, least_levels(f)
    names = [f"{kind} of {f.now.names[n]}" for kind, n in zip(device.kind, device.owner, strict=True)]
    yield Promise("a level leaves its bounds", np.maximum(level - device.level_max_kwh, least - level), names)
    yield Promise("more is charged than power allows", f.charge - device.charge_kw * f.hours, names)
    able = np.where(~device.obliged & (least < device.level_min_kwh), 0.0, device.discharge_kw * f.hours)
    yield Promise("more is discharged than power and least level allow", f.discharge - able, names)
    ends = np.full(level.shape, -np.inf)
    ends[-1] = final_levels(f) - level[-1]
    yield Promise("less is left than was promised", ends, names)
    for name, rows in device.batteries_shared.items():
        charge, discharge = f.charge[:, rows].sum(axis=1), f.discharge[:, rows].sum(axis=1)
        over = [charge - device.charge_kw[:, rows[0]] * f.hours, discharge - device.discharge_kw[:, rows[0]] * f.hours]
        over += [level[:, rows].sum(axis=1) - device.level_max_kwh[:, rows[0]], np.minimum(charge, discharge)]
        what = "accounts exceed room or power together, or run both ways"
        yield Promise(what, np.max(over, axis=0)[:, None], [name])


Place = tuple[Array, Array, tuple[Array | float, Array | float], Sequence[str]]


def _places(f: PlanFacts) -> Iterator[Place]:
    """Members, then groups and the coupling point where the plan heeds them: what goes in and out, limits, names."""
    limits, slots = f.now.connection, f.now.shape[0]
    yield f.want, f.give, kwh(limits, "member_", f.hours), [at_connection(name) for name in f.now.names]
    if not f.plan.heeds_shared:
        return
    if limits.group is not None:
        inside = [limits.group == g for g in range(len(limits.group_names))]
        into, out = (np.array([way[:, who].sum(axis=1) for who in inside]).T for way in (f.want, f.give))
        names = [at_feeder(name) for name in limits.group_names]
        yield into.reshape(slots, -1), out.reshape(slots, -1), kwh(limits, "group_", f.hours), names
    into, out = (way.sum(axis=1, keepdims=True) for way in (f.want, f.give))
    yield into, out, kwh(limits, "", f.hours), [COUPLING_POINT]


def _behind(f: PlanFacts, way: str, *, anyway: bool) -> Array:
    """1 where a member is behind a limit of that way that the plan heeds, or `anyway`; else 0. (T, N)"""
    limits, (slots, members) = f.now.connection, f.now.shape
    found = np.full((slots, members), anyway)
    side = ("import", "export").index(way)
    if anyway or limits.is_open:
        return found.astype(np.float64)
    found |= np.isfinite(kwh(limits, "member_", f.hours)[side])
    if f.plan.heeds_shared:
        found |= np.isfinite(kwh(limits, "", f.hours)[side])
        groups = np.isfinite(np.broadcast_to(kwh(limits, "group_", f.hours)[side], (slots, len(limits.group_names))))
        if limits.group is not None:
            found |= np.where(limits.group >= 0, groups[:, limits.group], False)
    return found.astype(np.float64)


def _sharing(f: PlanFacts) -> Iterator[Promise]:
    """Who is in the pool takes and gives no more than its meter shows; behind one meter, all of it."""
    beyond = f.bought - f.want * f.inside, f.sold - f.give * f.inside
    over = np.maximum(*(np.abs(side) if f.terms.one_meter else side for side in beyond))
    yield Promise("the pool moves what no meter shows, or leaves out what one does", over, f.now.names)
    if not f.terms.one_meter:
        demand, supply = f.pooled
        lost = np.abs(demand - f.terms.pool.efficiency * supply)[:, None]
        yield Promise("the pool delivers more or less than is sent, less losses", lost, ["the pool"])


def _claimed(f: PlanFacts, cost: Cost) -> float:
    """By how much the proof claims too much: a bound above the cost, a gap too small, proven for more than asked."""
    proof, least = f.plan.proof, turned_over(f)
    alone = float(np.maximum(np.abs(cost.own), least).sum()) + abs(cost.joint)
    share = max(abs(proof.cost), float(least.sum())) if f.couples else alone
    told = proof.gap if proof.gap > 0 else 0.0
    rounding = ROUNDING * (1e3 * float(least.sum()) + cost.turnover + abs(proof.cost))
    open_gap = proof.cost - proof.lower - rounding
    over = max(proof.lower - proof.cost, open_gap - told * share if np.isfinite(told) else 0.0, 0.0)
    false = proof.status.startswith("proven") and not proof.gap <= proof.asked
    return np.inf if false or np.isnan(proof.gap) else float(over)
