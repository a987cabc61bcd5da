"""What all batteries have in common, whoever owns them."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat

from ..errors import ScenarioError
from ..flow import Array, Flexibility, Index
from . import Device

Share = Annotated[float, Field(ge=0, le=1)]
Efficiency = Annotated[float, Field(gt=0, le=1)]


class Storage(Device):
    """The data sheet of a battery, apart from its size."""

    power_kw: PositiveFloat | None = None
    """Highest charging and discharging power; none: half the capacity per hour. [kW]"""
    charge_efficiency: Efficiency = 0.95
    """Stored per drawn. [-]"""
    discharge_efficiency: Efficiency = 0.95
    """Delivered per taken out. [-]"""
    leakage: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Lost per slot, as a share of what is stored. [-]"""
    soc_min: Share = 0.1
    """Lowest level, as a share of capacity. [-]"""
    soc_max: Share = 0.9
    """Highest level, as a share of capacity. [-]"""
    soc_start: Share = 0.5
    """Level before the first slot, as a share of capacity. [-]"""
    wear: NonNegativeFloat = 0.0
    """What a kWh charged or discharged costs the battery: planners count it, no bill does. [money/kWh]"""
    terminal_value: NonNegativeFloat = 0.0
    """What a kWh left in it at the end is worth to a planner; 0: the planner's own rule. [money/kWh]"""

    def batteries(self, slots: int, owner: Index, capacity_kwh: Array) -> Flexibility:
        """Batteries of that kind: owners (K,), sizes (K,) [kWh]. Raises ScenarioError where levels do not rise."""
        if not self.soc_min <= self.soc_start <= self.soc_max:
            levels = f"{self.soc_min:g}, {self.soc_start:g}, {self.soc_max:g}"
            raise ScenarioError(f"devices.{self.kind}: soc_min, soc_start, soc_max = {levels} must rise; reorder them")
        power = 0.5 * capacity_kwh if self.power_kw is None else np.full(owner.size, self.power_kw)
        return Flexibility.batteries(
            slots, owner, capacity_kwh, charge_kw=power, discharge_kw=power,
            soc_min=self.soc_min, soc_max=self.soc_max, soc_start=self.soc_start,
            charge_efficiency=self.charge_efficiency, discharge_efficiency=self.discharge_efficiency,
            leakage=self.leakage, wear=self.wear, terminal_value=self.terminal_value,
        )  # fmt: skip
