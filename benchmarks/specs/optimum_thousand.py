"""The joint plan of a thousand homes over a day, proven to 1e-6, against the interior point method of HiGHS."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness import Case, Size, Spec
from benchmarks.specs._plans import blocked, community
from benchmarks.specs._raw import Solver, solved

MEMBERS = {"full": 1000, "quick": 100, "tiny": 4}


def against(spec: str, solver: Solver, peer: str, goal: float, size: Size) -> Case:
    """One day against one of its solvers."""
    given, members = community(MEMBERS[size]), MEMBERS[size]
    return Case(
        spec, f"{members:,} members, 96 slots, gap 1e-6", f"{peer} without crossover, fed with sparse arrays",
        lambda: blocked(1e-6, given), lambda: solved(given, solver), goal=goal,
    )  # fmt: skip


def cases(size: Size) -> Sequence[Case]:
    """Against IPX."""
    return [against("optimum_thousand", "ipm", "HiGHS interior point (IPX)", 20.0, size)]


SPEC = Spec("optimum_thousand", "The joint plan of a thousand homes, proven.", cases, rounds=1)
"""The promise."""
