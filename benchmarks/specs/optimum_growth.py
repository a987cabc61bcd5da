"""How effort grows with members: ten times as many must cost no more than eleven times as much."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness import Case, Size, Spec
from benchmarks.specs._plans import blocked, community

GROWTH = 11.0
"""The most that ten times as many members may cost."""
PAIRS = {"full": ((1000, 100), (10_000, 1000)), "quick": ((300, 30), (1000, 100)), "tiny": ((40, 4),)}
LARGEST, MOST_S, MOST_MIB = 10_000, 60.0, 2048.0
"""Limits of time and memory for so many members."""


def case(many: int, few: int) -> Case:
    """A row whose peer is our own method on a tenth of the members, counted eleven times."""
    limits = {"most_s": MOST_S, "most_mib": MOST_MIB} if many == LARGEST else {}
    return Case(
        "optimum_growth", f"{many:,} members, 96 slots, gap 1e-3", f"{few:,} members, counted {GROWTH:g} times",
        lambda: blocked(1e-3, community(many)), lambda: blocked(1e-3, community(few)), goal=1.0, scale=GROWTH,
        **limits,
    )  # fmt: skip


def cases(size: Size) -> Sequence[Case]:
    """Ten times as many, and again."""
    return [case(many, few) for many, few in PAIRS[size]]


SPEC = Spec("optimum_growth", "The joint plan of thousands of homes, proven to a thousandth.", cases, rounds=1)
"""The promise."""
