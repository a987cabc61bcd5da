"""The best plan of one member with a battery: dynamic programming against HiGHS on the same arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from commonwatt.flow import State
from commonwatt.optimum import dp, highs
from commonwatt.optimum.certificate import certify
from commonwatt.optimum.engine import Engine
from commonwatt.optimum.problem import Problem, build
from commonwatt.scenario import Scenario

DAYS = {"full": (28, 365), "quick": (7, 28), "tiny": (1, 2)}


def problem(days: int) -> Problem:
    """One home with PV and a 10 kWh battery under a real-time tariff, in quarter-hours."""
    scenario = Scenario(
        seed=1, source={"kind": "synthetic", "members": 1, "days": days}, devices=({"kind": "battery"},),
        tariff={"kind": "real_time"},
    )  # fmt: skip
    community = scenario.community()
    whole = build(community, scenario.prices(community), State.initial(community), p2p=False)
    one = np.flatnonzero(np.bincount(whole.stores.owner, minlength=1) <= 1)
    return whole.of(one)


def planned(given: Problem, engine: Engine) -> Work:
    """The plan; checked once, outside of what is measured, to be proven."""
    _, proof = certify(given, engine(given, 1e-9, None), 1e-9)
    if proof.status != "proven":
        raise AssertionError(proof)

    def work() -> None:
        engine(given, 1e-9, None)

    return work


def case(days: int, goal: float) -> Case:
    """A stretch of days."""
    given = problem(days)
    size = f"1 member, {given.shape[0]} slots"
    peer = "HiGHS, fed with sparse arrays"
    return Case(
        "optimum_member", size, peer,
        lambda: planned(given, dp.solve), lambda: planned(given, highs.solve), goal=goal,
    )  # fmt: skip


def cases(size: Size) -> Sequence[Case]:
    """A shorter and a longer stretch."""
    return [case(days, goal) for days, goal in zip(DAYS[size], (30.0, 100.0), strict=True)]


SPEC = Spec("optimum_member", "The best plan of one member, proven.", cases, rounds=3)
