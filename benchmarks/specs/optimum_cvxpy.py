"""The joint plan of a hundred homes against the same model in CVXPY, written with whole tables, HiGHS behind it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness import Case, Size, Spec, Work
from benchmarks.specs import _cvxpy
from benchmarks.specs._plans import blocked, community
from commonwatt.optimum.problem import Problem

MEMBERS = {"full": 100, "quick": 30, "tiny": 4}


def theirs(given: Problem) -> Work:
    """Building the model, compiling and solving it."""

    def work() -> None:
        _cvxpy.Model(given).solved()

    return work


def cases(size: Size) -> Sequence[Case]:
    """One day."""
    given = community(MEMBERS[size])
    return [Case(
        "optimum_cvxpy", f"{MEMBERS[size]} members, 96 slots, gap 1e-6", "CVXPY, vectorised, with HiGHS",
        lambda: blocked(1e-6, given), lambda: theirs(given), goal=12.0,
    )]  # fmt: skip


SPEC = Spec("optimum_cvxpy", "The joint plan of a hundred homes, proven.", cases, rounds=3, missing=_cvxpy.missing)
"""The promise."""
