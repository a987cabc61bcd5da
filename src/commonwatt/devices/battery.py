"""Home batteries."""

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat

from ..errors import ScenarioError
from ..flow import Community, Flexibility, Streams
from . import Device
from ._owners import candidates

Share = Annotated[float, Field(ge=0, le=1)]
Efficiency = Annotated[float, Field(gt=0, le=1)]


class Battery(Device):
    """A battery for some of the members, of a size drawn per member from a stream of its own."""

    kind: Literal["battery"] = "battery"
    share: Share = 1.0
    """Probability that a member owns one. [-]"""
    members: tuple[str, ...] = ()
    """Names of those who may; empty: all."""
    capacity_kwh: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (10.0,)
    """Sizes to choose from. [kWh]"""
    power_kw: PositiveFloat | None = None
    """Highest charging and discharging power; none: half the capacity per hour. [kW]"""
    charge_efficiency: Efficiency = 0.95
    """Stored per drawn. [-]"""
    discharge_efficiency: Efficiency = 0.95
    """Delivered per taken out. [-]"""
    leakage: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Lost per slot, as a share of the level. [-]"""
    soc_min: Share = 0.1
    """Level kept back, as a share of capacity. [-]"""
    soc_max: Share = 0.9
    """Highest level, as a share of capacity. [-]"""
    soc_start: Share = 0.5
    """Level before the first slot, as a share of capacity. [-]"""
    wear: NonNegativeFloat = 0.0
    """What a kWh charged or discharged costs the battery: planners count it, no bill does. [money/kWh]"""
    terminal_value: NonNegativeFloat = 0.0
    """What a kWh left in it at the end is worth to a planner; 0: the planner's own rule. [money/kWh]"""

    def added(self, community: Community, streams: Streams) -> Community:
        self._check()
        slots, members = community.shape
        size = np.zeros(members)
        for n in candidates(community, self.members, "devices.battery"):
            rng = streams.at("battery", n)
            size[n] = rng.choice(self.capacity_kwh) if rng.random() < self.share else 0.0
        owner = np.flatnonzero(size)
        size = size[owner]
        power = 0.5 * size if self.power_kw is None else np.full(owner.size, self.power_kw)
        envelope = Flexibility.batteries(
            slots, owner, size, charge_kw=power, discharge_kw=power,
            soc_min=self.soc_min, soc_max=self.soc_max, soc_start=self.soc_start,
            charge_efficiency=self.charge_efficiency, discharge_efficiency=self.discharge_efficiency,
            leakage=self.leakage, wear=self.wear, terminal_value=self.terminal_value,
        )  # fmt: skip
        return replace(community, flexibility=Flexibility.joined(community.flexibility, envelope))

    def _check(self) -> None:
        if not self.soc_min <= self.soc_start <= self.soc_max:
            levels = f"{self.soc_min:g}, {self.soc_start:g}, {self.soc_max:g}"
            raise ScenarioError(f"devices.battery: soc_min, soc_start, soc_max = {levels} must rise; reorder them")
