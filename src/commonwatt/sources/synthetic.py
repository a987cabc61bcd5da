"""The calibrated community: homes under one sky that differ as real homes do."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator, model_validator

from ..clock import Clock, time_zone
from ..flow import Array, Community, Flexibility, Index, Mask, Sessions, Streams
from ..habits.driving import sessions
from ..habits.weeks import generators
from . import Source
from ._appliances import Neighbourhood, household_kw, neighbourhood
from ._climates import CLIMATES, ClimateName
from ._sky import Panels, Sky, daylight, held, lit, pv_kw, sky
from ._steps import Steps

Share = Annotated[float, Field(ge=0, le=1)]
MINUTES_OF_DAY = 1440
EMPTY, FULL = 0.1, 0.9


class Synthetic(Source):
    """Homes with appliances, and on some of them PV, batteries and electric vehicles; calibrated to metered profiles.

    A home does not change when members, days, PV, batteries or vehicles are added. Load, vehicles and days follow the
    local clock, the sun does not; an hour that the clock repeats in autumn repeats its load. Appliances and panels are
    followed in steps of a quarter-hour or finer, and a slot holds their mean.
    """

    kind: Literal["synthetic"] = "synthetic"
    members: PositiveInt = 10
    """How many homes. [members]"""
    days: PositiveInt = 7
    """Length from local midnight to local midnight, in as many whole slots as fit. [days]"""
    slot_minutes: PositiveInt = 15
    """Length of a slot; it divides a day. [min]"""
    start: date = date(2025, 6, 2)
    """First local day. [date]"""
    climate: ClimateName = "temperate_oceanic"
    """Where the sky is taken from: Duesseldorf (temperate oceanic) or Rome (mediterranean). [name]"""
    zone: str | None = None
    """Time zone; none: the climate's own. [IANA name]"""
    load_min_kwh: PositiveFloat = 1800.0
    """Household load of the smallest home. [kWh/year]"""
    load_max_kwh: PositiveFloat = 6000.0
    """Household load of the largest home. [kWh/year]"""
    pv_share: Share = 0.7
    """Homes with PV. [-]"""
    pv_min_kwp: PositiveFloat = 3.0
    """Smallest PV system. [kWp]"""
    pv_max_kwp: PositiveFloat = 8.0
    """Largest PV system. [kWp]"""
    battery_share: Share = 0.6
    """Homes with a battery among those with PV. [-]"""
    battery_sizes_kwh: tuple[PositiveFloat, ...] = Field(default=(5.0, 10.0, 13.5), min_length=1)
    """Capacities on offer; a battery starts empty and uses a tenth to nine tenths of its own. [kWh]"""
    battery_hours: PositiveFloat = 2.0
    """Capacity over power: 2 is C/2. [h]"""
    battery_efficiency: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Energy kept when charging, and again when discharging. [-]"""
    ev_share: Share = 0.0
    """Homes with an electric vehicle. [-]"""
    v2g_kw: NonNegativeFloat = 0.0
    """What a plugged-in vehicle may give back, at most its charger's power. [kW]"""

    @field_validator("slot_minutes")
    @classmethod
    def _fills_a_day(cls, minutes: int) -> int:
        if MINUTES_OF_DAY % minutes:
            raise ValueError("does not divide a day of 1440 min (§1: slots fill a day); write 5, 15, 30 or 60")
        return minutes

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for name, low, high in (
            ("pv_min_kwp", self.pv_min_kwp, self.pv_max_kwp),
            ("load_min_kwh", self.load_min_kwh, self.load_max_kwh),
        ):
            if low > high:
                raise ValueError(f"{name} = {low} (a smallest size is at most the largest, {high}); exchange them")
        return self

    def community(self, streams: Streams) -> Community:
        """Load and PV of every home, batteries and vehicles, air temperature and irradiance as signals."""
        clock = self._clock()
        place = CLIMATES[self.climate]
        steps = Steps.of(clock)
        above = sky(place, steps.utc, steps.number, streams)
        around = neighbourhood(streams, steps.number, -above.temperature_score, place.load_season)
        air_c = above.temperature_c()
        annual_kwh, peak_kw = self._sizes(streams)
        owner, capacity = self._storage(streams, peak_kw)
        driving = self._sessions(streams, clock)
        return Community(
            clock=clock,
            names=tuple(f"home_{home + 1:02d}" for home in range(self.members)),
            load_kw=_loads(streams, around, steps, annual_kwh),
            pv_kw=_generation(streams, above, steps, air_c, peak_kw),
            market_open=np.ones(clock.slots, np.bool_),
            flexibility=Flexibility.joined(
                self._batteries(clock.slots, owner, capacity),
                Flexibility.vehicles(clock, driving),
            ),
            sessions=driving,
            signals={
                "temperature_c": steps.slot_means(air_c),
                "irradiance_w_m2": steps.slot_means(above.clearness() * above.clear_w_m2),
            },
            traits={
                "annual_load_kwh": annual_kwh,
                "pv_kwp": peak_kw,
                "battery_kwh": np.bincount(owner, capacity, self.members).astype(np.float64),
            },
            streams=streams,
        )

    def _clock(self) -> Clock:
        zone = self.zone or CLIMATES[self.climate].zone
        first, last = (
            datetime.combine(day, time(), tzinfo=time_zone(zone)).timestamp()
            for day in (self.start, self.start + timedelta(days=self.days))
        )
        start = datetime.combine(self.start, time(), tzinfo=time_zone(zone))
        slots = max(round(last - first) // (60 * self.slot_minutes), 1)
        return Clock(start, timedelta(minutes=self.slot_minutes), slots, zone)

    def _sizes(self, streams: Streams) -> tuple[Array, Array]:
        """Yearly load [kWh], spread evenly over its logarithm, and PV [kWp], 0 for none. (N,), (N,)"""
        part = np.array([streams.at("home", home).random(2) for home in range(self.members)])
        load = self.load_min_kwh * (self.load_max_kwh / self.load_min_kwh) ** part[:, 0]
        peak = np.round(self.pv_min_kwp + (self.pv_max_kwp - self.pv_min_kwp) * part[:, 1], 2)
        return load, np.where(_every(self.pv_share, self.members), peak, 0.0)

    def _storage(self, streams: Streams, peak_kw: Array) -> tuple[Index, Array]:
        """Homes with a battery, and its capacity [kWh]. (K,), (K,)"""
        homes = np.flatnonzero(peak_kw > 0)
        owner = homes[_every(self.battery_share, homes.size)]
        sizes = self.battery_sizes_kwh
        chosen = [int(streams.at("battery", home).integers(len(sizes))) for home in owner.tolist()]
        return owner, np.array([sizes[size] for size in chosen], dtype=np.float64)

    def _batteries(self, slots: int, owner: Index, capacity: Array) -> Flexibility:
        return Flexibility.batteries(
            slots,
            owner,
            capacity,
            charge_kw=capacity / self.battery_hours,
            discharge_kw=capacity / self.battery_hours,
            soc_min=EMPTY,
            soc_max=FULL,
            soc_start=EMPTY,
            charge_efficiency=self.battery_efficiency,
            discharge_efficiency=self.battery_efficiency,
        )

    def _sessions(self, streams: Streams, clock: Clock) -> Sessions:
        owners = np.flatnonzero(_every(self.ev_share, self.members, phase=0.5)).tolist()
        return sessions(streams, owners, clock, self.v2g_kw)


def _every(share: float, count: int, phase: float = 0.0) -> Mask:
    """Who of `count` is among the `share`, evenly over the numbers: the first stay as they are when more come."""
    reached = np.floor(np.arange(count + 1) * share + phase + 1e-9)
    return np.asarray(np.diff(reached) > 0)


def _loads(streams: Streams, around: Neighbourhood, steps: Steps, annual_kwh: Array) -> Array:
    """Mean load of every home in every slot. (T, N) [kW]"""
    load = np.empty((steps.nominal.size // steps.per_slot, annual_kwh.size))
    for home, kwh in enumerate(annual_kwh.tolist()):
        load[:, home] = steps.slot_means(household_kw(streams, home, around, kwh, steps.hours)[steps.nominal])
    return load


def _generation(streams: Streams, above: Sky, steps: Steps, air_c: Array, peak_kw: Array) -> Array:
    """Mean PV power of every home in every slot. (T, N) [kW]"""
    up, part = daylight(above)
    day, warm = lit(above, up), air_c[up]
    pv, fine = np.zeros((up.size // steps.per_slot, peak_kw.size)), np.zeros(up.size)
    for home in np.flatnonzero(peak_kw > 0).tolist():
        own = held(above.climate, above.state, generators(streams, "pv_sky", home, above.number), part)
        fine[up] = pv_kw(day, _panels(streams, home, float(peak_kw[home])), day.clearness(own), warm)
        pv[:, home] = steps.slot_means(fine)
    return pv


def _panels(streams: Streams, home: int, peak_kw: float) -> Panels:
    """A roof: tilts around 32 degrees, directions around south, common losses."""
    draw = streams.at("pv", home)
    return Panels(
        peak_kw=peak_kw,
        tilt=float(np.clip(32 + 8 * draw.standard_normal(), 10, 55)),
        azimuth=float(np.clip(180 + 45 * draw.standard_normal(), 75, 285)),
        losses=float(draw.uniform(0.10, 0.18)),
        per_kelvin=float(draw.uniform(0.0035, 0.0047)),
    )
