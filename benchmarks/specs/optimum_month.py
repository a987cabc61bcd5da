"""A month of quarter-hours of thirty homes that meet in a pool: windows that overlap, and the whole at once."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness import Case, Size, Spec
from benchmarks.specs._plans import community, planned
from commonwatt.optimum import highs, windows

SHAPES = {"full": (30, 2880), "quick": (30, 960), "tiny": (3, 576)}
GAP = 1e-2
"""What the cuts leave open here is more than half of it. [-]"""


def cases(size: Size) -> Sequence[Case]:
    """Both are certified for the whole month."""
    members, slots = SHAPES[size]
    given = community(members, slots)
    return [
        Case(
            "optimum_month", f"{members} members, {slots:,} slots, gap {GAP:g}", "HiGHS, all slots at once",
            lambda: planned(windows.solve, GAP, given), lambda: planned(highs.solve, GAP, given), goal=None,
        )
    ]  # fmt: skip


SPEC = Spec("optimum_month", "Weeks and months by windows, proven as a whole.", cases, rounds=1)
"""The promise."""
