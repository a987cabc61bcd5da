"""S3's rules for a day of hours, each of which must know the one before: batteries, auction, calls, regulator.

The goal holds the pipeline with every series against a loop over objects that keeps only balances and levels. The whole
run with audit, sums and everybody alone stands beside it without a goal: it does several times the work of the peer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

import commonwatt as cw
from benchmarks.harness import Case, Size, Spec, Work
from benchmarks.specs._hourly_loop import Prosumer, Rules, plain_loop
from commonwatt.flow import Array, Community
from commonwatt.run import run
from commonwatt.scenario import Scenario
from commonwatt.simulate import simulate

MEMBERS = {"full": 10_000, "quick": 2_000, "tiny": 20}
GOAL, MOST_MIB = 20.0, 600.0


@cache
def scenario(members: int) -> Scenario:
    """The preset without its ledger."""
    document = cw.load("community_p2p").model_dump(serialize_as_any=True)
    document["source"]["members"] = members
    return Scenario.model_validate({**document, "ledger": {"kind": "none"}})


@cache
def community(members: int) -> Community:
    """Who lives there."""
    return scenario(members).community()


def simulated(members: int) -> Work:
    """Wallets at the end, after every window with all its columns."""
    document, people = scenario(members), community(members)

    def work() -> Array:
        wallet = np.zeros(members)
        for window in simulate(document, replace(people)):
            window.columns()
            wallet = window.state.wallet
        return wallet

    return work


def audited(members: int) -> Work:
    """The same of the whole run."""
    document, people = scenario(members), community(members)
    return lambda: run(document, community=replace(people)).facts.wallet


def loop(members: int) -> Work:
    """Balances at the end of the loop over objects."""
    people, device = community(members), community(members).flexibility
    size = dict(zip(device.owner.tolist(), device.capacity_kwh.tolist(), strict=True))
    profiles = people.load_kw.tolist(), people.pv_kw.tolist()
    prices = people.signals["market_price"].tolist(), people.signals["price_forecast"].tolist()

    def work() -> Array:
        prosumers = [Prosumer(n, size.get(n, 0.0)) for n in range(members)]
        plain_loop(prosumers, *profiles, *prices, Rules())
        return np.array([p.balance for p in prosumers])

    return work


def cases(size: Size) -> Sequence[Case]:
    """The loop alone, and the whole run."""
    n = MEMBERS[size]
    goal = GOAL if size == "full" else 1.0
    peer = "loop over objects: balances and levels only"
    return [
        Case(
            "hourly_loop", f"{n:,} x 24: simulated, every series", peer, lambda: simulated(n), lambda: loop(n),
            goal=goal, most_mib=MOST_MIB,
        ),
        Case(
            "hourly_loop", f"{n:,} x 24: run() with audit and alone", peer, lambda: audited(n), lambda: loop(n),
            goal=None, most_mib=MOST_MIB,
        ),
    ]  # fmt: skip


SPEC = Spec("hourly_loop", "Windows of one slot: the hourly market of S3.", cases, rounds=5)
