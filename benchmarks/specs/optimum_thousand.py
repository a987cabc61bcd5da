"""The joint plan of a thousand homes over a day, proven to 1e-6, against the interior point method of HiGHS."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness import Case, Size, Spec
from benchmarks.specs._plans import blocked, community
from benchmarks.specs._raw import Solver, missing, solved

MEMBERS = {"full": 1000, "quick": 100, "tiny": 4}
PEERS: tuple[tuple[Solver, str, float], ...] = (
    ("ipm", "HiGHS interior point (IPX) without crossover, fed with sparse arrays", 20.0),
    ("hipo", "HiGHS interior point (HiPO) without crossover, fed with sparse arrays", 12.0),
)


def cases(size: Size) -> Sequence[Case]:
    """Whichever of its interior point methods this HiGHS was built with."""
    given, members = community(MEMBERS[size]), MEMBERS[size]
    return [
        Case(
            "optimum_thousand", f"{members:,} members, 96 slots, gap 1e-6", peer,
            lambda: blocked(given, 1e-6), lambda solver=solver: solved(given, solver), goal=goal,
        )
        for solver, peer, goal in PEERS if not missing(solver)
    ]  # fmt: skip


SPEC = Spec("optimum_thousand", "The joint plan of a thousand homes, proven.", cases, rounds=1)
"""The promise."""
