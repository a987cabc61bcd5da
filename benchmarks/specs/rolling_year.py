"""A year of hours, each planned a day ahead, through the whole pipeline: time and memory."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness import Case, Size, Spec
from commonwatt.optimum.reuse import Kept

from ._rolling import DAY, MEMBERS, SIGHT, YEAR, Steps, billed

DAYS = {"full": (YEAR, 4), "quick": (14, 3), "tiny": (2, 2)}
"""Of our run, and of the slice that the peer does."""


def cases(size: Size) -> Sequence[Case]:
    """Our whole run; beside it the plans alone, built anew, of a few days, counted as often as the run is longer."""
    days, few = DAYS[size]
    steps = Steps.of(few)
    return [
        Case(
            "rolling_year", f"{MEMBERS} members, {days * DAY} steps, {SIGHT} ahead",
            f"the plans alone, built anew, on {len(steps.problems)} steps",
            lambda: lambda: billed(days), lambda: lambda: steps.costs(None), goal=1.0,
            scale=days * DAY / len(steps.problems), same=lambda: lambda: steps.costs(Kept()), most_mib=512.0,
        )
    ]  # fmt: skip


SPEC = Spec("rolling_year", "A year on a rolling horizon, audited records aside.", cases, rounds=1)
