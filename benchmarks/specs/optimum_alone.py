"""Members that face nothing but prices, thousands of them: dynamic programming against HiGHS, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from benchmarks.specs._plans import community
from commonwatt._memory import keep_freed_memory
from commonwatt.optimum import dp, highs
from commonwatt.optimum.certificate import certify
from commonwatt.optimum.problem import Problem

MEMBERS = {"full": 6000, "quick": 1000, "tiny": 20}
SLICE = {"full": 30, "quick": 10, "tiny": 2}
RATE = 60_000.0
"""Members per second and day of quarter-hours."""


def alone(members: int, slots: int = 96) -> Problem:
    """Homes with at most one battery and no neighbours."""
    given = community(members, slots)
    mine = np.flatnonzero([kind == "battery" for kind in given.stores.kind])
    stores = given.stores.kept(mine, given.stores.owner[mine])
    return replace(given, inside=np.zeros(given.shape, np.bool_), stores=stores)


def ours(given: Problem) -> Work:
    """All at once, with memory kept as every run keeps it; checked once to be proven."""
    keep_freed_memory()
    if certify(given, dp.solve(given, 1e-9), 1e-9)[1].status != "proven":
        raise AssertionError("the plan is not proven")

    def work() -> None:
        dp.solve(given, 1e-9)

    return work


def theirs(given: Problem, count: int) -> Work:
    """Some, each as a model of its own."""
    parts = [given.of(np.array([n])) for n in range(count)]

    def work() -> None:
        for part in parts:
            highs.solve(part, 1e-9)

    return work


def cases(size: Size) -> Sequence[Case]:
    """A day."""
    given, count = alone(MEMBERS[size]), SLICE[size]
    return [Case(
        "optimum_alone", f"{MEMBERS[size]:,} members, 96 slots", f"HiGHS member by member, {count} of them",
        lambda: ours(given), lambda: theirs(given, count), goal=None, scale=MEMBERS[size] / count,
        most_s=MEMBERS[size] / RATE,
    )]  # fmt: skip


SPEC = Spec("optimum_alone", "The best plans of members that stand alone, proven.", cases, rounds=5)
"""The promise."""
