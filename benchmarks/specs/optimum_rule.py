"""The rule of thumb for a community: a compiled loop against numpy, slot by slot over all members at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Case, Size, Spec, Work
from benchmarks.specs.optimum_alone import alone
from commonwatt._memory import keep_freed_memory
from commonwatt.optimum import rule
from commonwatt.optimum.problem import Problem
from commonwatt.optimum.stores import moves, reach

MEMBERS = {"full": (10, 1000), "quick": (10, 300), "tiny": (3, 20)}
DAYS = {"full": 7, "quick": 2, "tiny": 1}
NANOSECONDS = 4.0
"""For a member in a slot; six in ten have a battery."""


def week(members: int, days: int) -> Problem:
    """Batteries only."""
    return alone(members, 96 * days)


def ours(given: Problem) -> Work:
    """Levels by the compiled rule, with memory kept as every run keeps it."""
    keep_freed_memory()
    return lambda: rule.solve(given, 1.0).level_kwh


def theirs(given: Problem) -> Work:
    """The same, vectorised over members; one store per member."""
    return lambda: vectorised(given)


def vectorised(given: Problem) -> NDArray[np.float64]:
    """Each battery takes what its owner has left over, or gives what it lacks."""
    stores, surplus = given.stores, -given.base_kwh[:, given.stores.owner]
    start, keep, drain, fall, rise = moves(stores)
    low, high = reach(stores)
    level, before = np.empty(stores.shape), start
    for t in range(len(level)):
        base = keep * before - drain[t]
        into = np.minimum(surplus[t] * stores.gain[t], rise[t])
        wish = np.where(surplus[t] > 0, into, np.maximum(surplus[t] * stores.loss, -fall[t]))
        at = np.clip(base + wish, low[t], high[t])
        level[t] = before = np.clip(at, base - fall[t], base + rise[t])
    return level


def cases(size: Size) -> Sequence[Case]:
    """Few members and many; levels are the same."""
    found = []
    for members in MEMBERS[size]:
        given = week(members, DAYS[size])
        cells = given.shape[0] * given.shape[1]
        found.append(Case(
            "optimum_rule", f"{members:,} members, {given.shape[0]:,} slots", "numpy over all members, slot by slot",
            lambda given=given: ours(given), lambda given=given: theirs(given), goal=None,
            most_s=NANOSECONDS * 1e-9 * cells if members >= 1000 else None,
        ))  # fmt: skip
    return found


SPEC = Spec("optimum_rule", "Self-consumption, as a plan.", cases, rounds=7)
"""The promise."""
