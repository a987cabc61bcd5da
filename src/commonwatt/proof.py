"""What a planner proves about its plan; travels with the schedule."""

from __future__ import annotations

from dataclasses import dataclass

from .noun import TG, TK, TN, Noun

STOPPED = "time limit", "cancelled"
"""What an engine says that was not allowed to finish."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Certificate(Noun):
    """Bounds on what the best plan costs, found from the plan and prices alone, whatever the engine said.

    `lower` <= best plan's cost <= `cost`, which is that of the plan itself: energy at the terms planned against, less
    what stored energy is worth at the end. [money]
    """

    engine: str
    status: str
    """`proven` where the gap asked for is reached, else `open`; then what the engine said of itself."""
    proof: str
    """What the lower bound rests on: `duals`, checked here, or `branch and bound`, where binaries were needed."""
    cost: float
    lower: float
    gap: float
    """Between the bounds, as a share of the cost. [-]"""
    asked: float
    """Gap asked for. [-]"""
    iterations: int
    binaries: int
    """Either-or decisions that the relaxation did not settle."""
    energy_price: TN
    """What one more kWh would cost where the member stands. [money/kWh]"""
    stored_price: TK
    """What one more kWh in the store would be worth at the slot's end. [money/kWh]"""
    limit_names: tuple[str, ...]
    """Places whose net flow was limited."""
    limit_price: TG
    """What one kWh more of a place's limit would save: positive where imports are cut, negative where exports are.
    [money/kWh]"""

    @property
    def cut_short(self) -> bool:
        """Whether the search ended for want of time, or because somebody ended it: another one may end elsewhere."""
        return any(word in self.status for word in STOPPED)
