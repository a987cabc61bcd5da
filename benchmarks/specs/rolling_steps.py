"""A day ahead, planned anew every hour: one model changed in place against a new one every time."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness import Case, Size, Spec
from commonwatt.optimum import highs
from commonwatt.optimum.reuse import Kept

from ._rolling import MEMBERS, SIGHT, Steps

DAYS = {"full": 8, "quick": 3, "tiny": 2}


def cases(size: Size) -> Sequence[Case]:
    """The same problems both ways."""
    steps = Steps.of(DAYS[size])
    text = f"{len(steps.problems)} steps of {MEMBERS} x {SIGHT}"
    return [
        Case(
            "rolling_steps", text, "HiGHS, built anew every step",
            lambda: lambda: steps.costs(Kept()), lambda: lambda: steps.costs(highs.solve), goal=1.3,
        )
    ]  # fmt: skip


SPEC = Spec("rolling_steps", "Steps of a rolling horizon, proven.", cases, rounds=3)
