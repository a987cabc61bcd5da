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


@dataclass(frozen=True, eq=False, kw_only=True)
class Planned(Noun):
    """A plan as it was decided, for all slots in sight, and what it believed: enough to reckon it up again.

    What charges and discharges follows from the levels, who imports and exports from what moves.
    """

    proof: Certificate
    load_kwh: TN
    """Believed."""
    pv_kwh: TN
    """Believed."""
    buy: TN
    """What members were taken to pay outside. [money/kWh]"""
    sell: TN
    """What they were taken to get there. [money/kWh]"""
    level_kwh: TK
    """At the end of each slot."""
    curtailed_kwh: TN
    unserved_kwh: TN
    pooled_kwh: TN
    """What members take from the pool less what they give."""
    together: bool
    """Whether energy shared inside was planned with, where the market shares any."""
    heeds_shared: bool
    """Whether limits were heeded that members share."""
    curtails: bool
    """Whether PV could be thrown away where no limit asked for it."""
    stored_value: float | None
    """Worth of what is left in a store, as a share of its owner's mean buying price; none: it had to be left. [-]"""
