"""A day ahead, planned anew every hour: one model changed in place against a new one every time."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness import Case, Size, Spec, Work
from commonwatt.optimum.reuse import Kept

from ._rolling import MEMBERS, SIGHT, Steps

DAYS = {"full": 8, "quick": 3, "tiny": 2}


def planned(steps: Steps, *, kept: bool) -> Work:
    """All steps in turn."""
    return lambda: steps.costs(Kept() if kept else None)


def cases(size: Size) -> Sequence[Case]:
    """The same problems both ways."""
    steps = Steps.of(DAYS[size])
    text = f"{len(steps.problems)} steps of {MEMBERS} x {SIGHT}"
    return [
        Case(
            "rolling_steps", text, "HiGHS, built anew every step",
            lambda: planned(steps, kept=True), lambda: planned(steps, kept=False), goal=1.3,
        )
    ]  # fmt: skip


SPEC = Spec("rolling_steps", "Steps of a rolling horizon, proven.", cases, rounds=3)
