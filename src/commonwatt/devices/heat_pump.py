"""Heat pumps with a store of heat."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from ..errors import Problems, ScenarioError
from ..flow import Array, Community, Flexibility, Streams
from ..habits.heating import SUPPLY_C, cop_of_air, heat_pumps
from ..noun import spread
from . import Device
from ._owners import candidates, without

Share = Annotated[float, Field(ge=0, le=1)]


class HeatPump(Device):
    """The heat pumps of a file, or for some of the members one for a home of a size drawn.

    A home drawn needs heat in proportion to how far the outdoor temperature (signal `temperature_c`) is below the
    heating limit, and for hot water all day. The pump's electricity is load that its store makes flexible: uncontrolled
    a thermostat keeps the store where it is.
    """

    kind: Literal["heat_pump"] = "heat_pump"
    share: Share = 1.0
    """Probability that a member without one gets one. [-]"""
    members: tuple[str, ...] = ()
    """Names of those who may; empty: all."""
    file: Path | None = None
    """Heat pumps as in a folder's `heat_pumps.json`, which then says all about them; none: drawn. [path]"""
    heat_loss_w_per_k: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (120.0, 180.0, 240.0)
    """Heat that a home loses per kelvin; sizes to choose from. [W/K]"""
    heating_limit_c: float = 15.0
    """Outdoor temperature from which on nobody heats. [°C]"""
    hot_water_kwh: NonNegativeFloat = 6.0
    """Heat for hot water. [kWh/day]"""
    cop: PositiveFloat | None = None
    """Heat per electricity; none: of an air-source heat pump at the outdoor temperature. [-]"""
    supply_c: float = SUPPLY_C
    """Temperature to which water is heated, where `cop` is none. [°C]"""
    design_c: float = -12.0
    """Outdoor temperature at which the pump just meets the demand. [°C]"""
    store_kwh: NonNegativeFloat = 8.0
    """Heat that the store can hold. [kWh]"""
    kept_at: Share = 0.5
    """Level that the thermostat keeps, as a share of what the store can hold. [-]"""
    loss_per_hour: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Share of its heat that the store loses. [1/h]"""

    @model_validator(mode="after")
    def _one_says_all(self) -> Self:
        fields = type(self).model_fields
        beside = [name for name in fields if name != "file" and getattr(self, name) != fields[name].default]
        if self.file and beside:
            raise ValueError(f"beside `file`, {', '.join(beside)} say nothing; leave them out")
        if self.design_c >= self.heating_limit_c:
            raise ValueError(f"design_c = {self.design_c:g} (below heating_limit_c); lower it")
        return self

    def inputs(self) -> tuple[Path, ...]:
        return (self.file,) if self.file else ()

    def added(self, community: Community, streams: Streams) -> Community:
        pumps = self._read(community, self.file) if self.file else self._drawn(community, streams)
        return replace(community, flexibility=Flexibility.joined(community.flexibility, pumps))

    def _read(self, community: Community, file: Path) -> Flexibility:
        from ..reading.heat_pumps import read_heat_pumps

        problems = Problems()
        outdoor = community.signals.get("temperature_c")
        pumps = read_heat_pumps(file, community.clock, community.names, outdoor, problems)
        problems.check()
        return pumps

    def _drawn(self, community: Community, streams: Streams) -> Flexibility:
        outdoor, clock = self._outdoor(community), community.clock
        loss = {}
        for n in without(community, "heat_pump", candidates(community, self.members, "devices.heat_pump")):
            rng = streams.at("heat_pump", n)
            if rng.random() < self.share:
                loss[n] = float(rng.choice(self.heat_loss_w_per_k)) / 1000
        per_kelvin, coldest = np.array(list(loss.values())), np.full(1, self.design_c)
        shape = (clock.slots, per_kelvin.size)
        row = shape[1:]
        store = spread(self.store_kwh, row)
        return heat_pumps(
            clock, np.array(list(loss), dtype=np.int64), self._heat_kw(outdoor[:, None], per_kelvin) * clock.hours,
            spread(self._cop(outdoor)[:, None], shape),
            power_kw=self._heat_kw(coldest, per_kelvin) / self._cop(coldest),
            store_kwh=store, level_start_kwh=self.kept_at * store,
            leakage=spread(1 - (1 - self.loss_per_hour) ** clock.hours, row),
        )  # fmt: skip

    def _heat_kw(self, outdoor_c: Array, per_kelvin_kw: Array) -> Array:
        """What homes (K,) need at that temperature. [kW]"""
        heat: Array = np.maximum(self.heating_limit_c - outdoor_c, 0.0) * per_kelvin_kw + self.hot_water_kwh / 24
        return heat

    def _cop(self, outdoor_c: Array) -> Array:
        return cop_of_air(outdoor_c, self.supply_c) if self.cop is None else np.full(outdoor_c.shape, self.cop)

    def _outdoor(self, community: Community) -> Array:
        if "temperature_c" not in community.signals:
            raise ScenarioError(
                "devices.heat_pump: the community has no signal temperature_c (its homes are heated by the weather); "
                "add it to signals.csv, or give a file"
            )
        return community.signals["temperature_c"]
