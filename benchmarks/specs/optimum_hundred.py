"""The joint plan of a hundred homes over a day: our interior point method against what HiGHS has, fed directly."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness import Case, Size, Spec
from benchmarks.specs._plans import blocked, community
from benchmarks.specs._raw import Solver, solved

MEMBERS = {"full": 100, "quick": 30, "tiny": 4}
PEERS: tuple[tuple[Solver, str], ...] = (
    ("simplex", "HiGHS dual simplex, fed with sparse arrays"),
    ("ipm", "HiGHS interior point without crossover, fed with sparse arrays"),
)


def cases(size: Size) -> Sequence[Case]:
    """Both ways of HiGHS; the better one counts."""
    given, members = community(MEMBERS[size]), MEMBERS[size]
    return [
        Case(
            "optimum_hundred", f"{members} members, 96 slots, gap 1e-6", peer,
            lambda: blocked(1e-6, given), lambda solver=solver: solved(given, solver), goal=8.0,
        )
        for solver, peer in PEERS
    ]  # fmt: skip


SPEC = Spec("optimum_hundred", "The joint plan of a hundred homes, proven.", cases, rounds=5)
"""The promise."""
