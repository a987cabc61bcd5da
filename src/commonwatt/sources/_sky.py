"""One sky over all members: sun, clouds that stay, air temperature, and what a PV system makes of them.

A quarter-hour's clear-sky index is Q_s(Phi(z)): Q_s are the quantiles of the day's state s, z mixes a part of the day,
a part all sites share and a part of the site. It holds over its quarter-hour, so finer slots differ by the sun only.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ..habits.weeks import DAYS, Array, Days, calendar, generators, persistent
from ..streams import Streams
from ._climates import Climate

QUARTERS = 96
SOLAR_CONSTANT = 1361.0
DAY_SHARE = 0.25
HOLD = 0.96
SITE_CORRELATION = 0.85
DAY_PERSISTENCE = 0.5
TEMPERATURE_PERSISTENCE = 0.73
LONG_TAIL = 2.0
CLEAREST = 0.85
ALBEDO = 0.2
INVERTER_EFFICIENCY = 0.96
DC_PER_AC = 1.2
HEATING_K_M2_PER_W = 0.03
BURN_IN_WEEKS = 5
_GRID, _SPAN = 200, 4.0
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
Instants = NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Sky:
    """What all sites have in common, at F instants (middles of fine steps), D days of Q quarter-hours."""

    climate: Climate
    number: range
    """Weeks of the D days."""
    state: Index
    """0 dull, 1 mixed, 2 clear. (D,)"""
    day_score: Array
    """The day's part of z, standard normal. (D,)"""
    shared_score: Array
    """The shared part of z in every quarter-hour. (D, Q)"""
    temperature_score: Array
    """Air temperature against the season, standard normal. (D,)"""
    day: Index
    """Which of the D days. (F,)"""
    quarter: Index
    """Which quarter-hour of the solar day. (F,)"""
    sun: Array
    """Unit vector to the sun: east, north, up. (3, F)"""
    beyond_w_m2: Array
    """Irradiance outside the atmosphere, normal to the sun. (F,) [W/m2]"""

    @functools.cached_property
    def clear_w_m2(self) -> Array:
        """Global horizontal irradiance under a clear sky (Haurwitz 1945). (F,) [W/m2]"""
        up = np.maximum(self.sun[2], 1e-3)
        return np.where(self.sun[2] > 0, 1098.0 * up * np.exp(-0.057 / up), 0.0)

    @functools.cached_property
    def _clearest(self) -> Array:
        """What clouds that reflect can raise the index to: they let no more than a part of the beam arrive. (F,)"""
        up = np.maximum(self.sun[2], 1e-3)
        most: Array = CLEAREST * self.beyond_w_m2 * up / np.maximum(self.clear_w_m2, 1e-9)
        return most

    def clearness(self, site_score: Array | None = None) -> Array:
        """Clear-sky index of a site whose own score is `site_score` (D, Q); none: of the shared sky. (F,) [-]"""
        score = self.shared_score
        if site_score is not None:
            score = np.sqrt(SITE_CORRELATION) * score + np.sqrt(1 - SITE_CORRELATION) * site_score
        score = np.sqrt(DAY_SHARE) * self.day_score[:, None] + np.sqrt(1 - DAY_SHARE) * score
        index = _quantile(self.climate, self.state, score)[self.day, self.quarter]
        return np.minimum(index, self._clearest)

    def temperature_c(self) -> Array:
        """Air temperature, highest at 15 h solar time; clear days swing more. (F,) [degC]"""
        place = self.climate
        date = calendar(self.number)
        season = -np.cos(2 * np.pi * (_day_of_year(date) - 20) / 365.25)
        mean = place.mean_c + place.season_k * season + place.anomaly_k * self.temperature_score
        swing = place.swing_k * np.array([0.45, 1.0, 1.4])[self.state] * (1 + 0.35 * season)
        hour = (self.quarter + 0.5) / 4
        return mean[self.day] + swing[self.day] * np.cos(2 * np.pi * (hour - 15.0) / 24)


@dataclass(frozen=True)
class Panels:
    """A PV system."""

    peak_kw: float
    """Peak power. [kWp]"""
    tilt: float
    """From the ground. [deg]"""
    azimuth: float
    """Compass direction, south is 180. [deg]"""
    losses: float = 0.14
    """Everything between cell and inverter. [-]"""
    per_kelvin: float = 0.004
    """Power lost per degree above 25 degC. [1/K]"""


def sky(climate: Climate, utc: Instants, number: range, streams: Streams) -> Sky:
    """The sky over `climate` at instants (F,), all of them at least a day inside the weeks `number`.

    Clouds keep solar days in whole quarter-hours: they change with the sun at its lowest, wherever the zone's midnight.
    """
    solar, clouds = (utc + np.timedelta64(shift, "s") for shift in _shifts(climate.longitude))
    date, cloudy = solar.astype("M8[D]"), clouds.astype("M8[D]")
    ahead = range(number.start - BURN_IN_WEEKS, number.stop)
    draws = generators(streams, "sky", 0, ahead)
    uniform, day_noise, temperature_noise = np.concatenate([_day_draws(rng) for rng in draws], axis=1)
    days = DAYS * len(number)
    state = _states(climate, calendar(ahead), uniform)[-days:]
    return Sky(
        climate=climate,
        number=number,
        state=state,
        day_score=persistent(day_noise, DAY_PERSISTENCE, days),
        shared_score=held(climate, state, draws[BURN_IN_WEEKS:], slice(0, QUARTERS)),
        temperature_score=persistent(temperature_noise, TEMPERATURE_PERSISTENCE, days),
        day=(cloudy - calendar(number)[0]).astype(np.int64),
        quarter=_seconds(clouds, cloudy) // 900,
        sun=_sun(climate, date, _seconds(solar, date) / 3600),
        beyond_w_m2=SOLAR_CONSTANT * _eccentricity(_year_angle(date)),
    )


def held(climate: Climate, state: Index, draws: list[np.random.Generator], part: slice) -> Array:
    """A standard normal score per quarter-hour that drifts slowly or jumps: its own draws every day. (D, Q)

    It jumps as often as the climate's correlation of neighbours asks for; only `part` of the day is filled.
    """
    jump, noise = np.concatenate([_quarter_draws(rng) for rng in draws], axis=1)
    lag = (np.array(climate.lag) - DAY_SHARE) / (1 - DAY_SHARE)
    often = np.clip(1 - lag / HOLD, 0.02, 0.9)[state]
    score = np.zeros((QUARTERS, len(state)))
    jump, noise = np.ascontiguousarray(jump.T), np.ascontiguousarray(noise.T)
    now = score[part.start] = noise[part.start]
    drift = np.sqrt(1 - HOLD**2) * noise
    for q in range(part.start + 1, part.stop):
        now = score[q] = np.where(jump[q] < often, noise[q], HOLD * now + drift[q])
    return score.T


def daylight(view: Sky) -> tuple[Mask, slice]:
    """Instants with the sun up (F,), and the quarter-hours of the day in which that happens."""
    up = view.sun[2] > 0
    if not up.any():
        return up, slice(0, 1)
    return up, slice(int(view.quarter[up].min()), int(view.quarter[up].max()) + 1)


def lit(view: Sky, up: Mask) -> Sky:
    """The same sky at some of its instants."""
    return replace(
        view,
        day=view.day[up],
        quarter=view.quarter[up],
        sun=view.sun[:, up],
        beyond_w_m2=view.beyond_w_m2[up],
    )


def pv_kw(view: Sky, panels: Panels, clearness: Array, air_c: Array) -> Array:
    """AC power of a PV system at the sky's instants. (F,) [kW]

    Erbs et al. (1982) for the diffuse part, Hay and Davies (1980) for the plane of array, PVWatts version 5
    (Dobos 2014) for the conversion, cells warmed in proportion to the irradiance.
    """
    up = np.maximum(view.sun[2], 0.02)
    ghi = clearness * view.clear_w_m2
    diffuse = ghi * erbs(ghi / (view.beyond_w_m2 * up))
    beam = np.minimum((ghi - diffuse) / up, view.beyond_w_m2)
    tilt, turn = np.radians(panels.tilt), np.radians(panels.azimuth)
    facing = np.array([np.sin(tilt) * np.sin(turn), np.sin(tilt) * np.cos(turn), np.cos(tilt)])
    towards = np.maximum(facing[0] * view.sun[0] + facing[1] * view.sun[1] + facing[2] * view.sun[2], 0.0)
    around = beam / view.beyond_w_m2
    dome = diffuse * (around * np.minimum(towards / up, 10.0) + (1 - around) * (1 + np.cos(tilt)) / 2)
    plane = beam * towards + dome + ghi * ALBEDO * (1 - np.cos(tilt)) / 2
    cell_c = air_c + HEATING_K_M2_PER_W * plane
    dc = panels.peak_kw * plane / 1000 * (1 - panels.per_kelvin * (cell_c - 25)) * (1 - panels.losses)
    power: Array = np.clip(INVERTER_EFFICIENCY * dc, 0.0, panels.peak_kw / DC_PER_AC)
    return power


def erbs(index: Array) -> Array:
    """Diffuse part of the global irradiance for a clearness index (Erbs, Klein and Duffie 1982). [-]"""
    k = np.clip(index, 0.0, 1.0)
    middle = 0.9511 + k * (-0.1604 + k * (4.388 + k * (-16.638 + k * 12.336)))
    share: Array = np.where(k <= 0.22, 1 - 0.09 * k, np.where(k <= 0.8, middle, 0.165))
    return share


def _shifts(longitude: float) -> tuple[int, int]:
    """Mean solar time less UTC, exactly and in whole quarter-hours. [s]"""
    return round(240 * longitude), 900 * round(240 * longitude / 900)


def _seconds(moment: Instants, date: Days) -> Index:
    return (moment - date).astype("m8[s]").astype(np.int64)


def _day_draws(rng: np.random.Generator) -> Array:
    return np.stack([rng.random(DAYS), *rng.standard_normal((2, DAYS))])


def _quarter_draws(rng: np.random.Generator) -> Array:
    return np.stack([rng.random((DAYS, QUARTERS)), rng.standard_normal((DAYS, QUARTERS))])


def _states(climate: Climate, date: Days, uniform: Array) -> Index:
    """The chain of day states: the same uniform draws lead every starting state to the same chain within weeks."""
    month = date.astype("M8[M]").astype(np.int64) % 12
    cold = (month < 3) | (month >= 9)
    rows = [np.cumsum(climate.summer, axis=1).tolist(), np.cumsum(climate.winter, axis=1).tolist()]
    state, now = np.empty(len(date), np.int64), 1
    for d, (u, half) in enumerate(zip(uniform.tolist(), cold.astype(int).tolist(), strict=True)):
        below, above, _ = rows[half][now]
        state[d] = now = int(u >= below) + int(u >= above)
    return state


@functools.cache
def _table(climate: Climate) -> Array:
    """Q_s(Phi(z)) on a grid of z, thinning out towards both extremes. (3, G)"""
    normal = NormalDist()
    share = 10 * np.array([normal.cdf(z) for z in np.linspace(-_SPAN, _SPAN, int(2 * _SPAN * _GRID) + 2).tolist()])
    low = np.minimum(share.astype(np.int64), 9)
    part = share - low
    part = np.where(low == 0, 1 - (1 - part) ** LONG_TAIL, np.where(low == 9, part**LONG_TAIL, part))
    deciles = climate.calibration * np.array(climate.deciles)
    table: Array = deciles[:, low] * (1 - part) + deciles[:, low + 1] * part
    return table


def _quantile(climate: Climate, state: Index, score: Array) -> Array:
    """Clear-sky index of a score (D, Q) on days of a state (D,)."""
    table = _table(climate)
    place = np.clip((score + _SPAN) * _GRID, 0.0, 2 * _SPAN * _GRID)
    low = place.astype(np.int64)
    row = low + (state * table.shape[1])[:, None]
    flat = table.ravel()
    below = flat[row]
    index: Array = below + (flat[row + 1] - below) * (place - low)
    return index


def _day_of_year(date: Days) -> Array:
    number: Array = (date - date.astype("M8[Y]").astype("M8[D]")).astype(np.float64) + 1
    return number


def _year_angle(date: Days) -> Array:
    return 2 * np.pi * (_day_of_year(date) - 1) / 365


def _eccentricity(angle: Array) -> Array:
    """Squared ratio of the mean and the present distance to the sun (Spencer 1971)."""
    once = 1.00011 + 0.034221 * np.cos(angle) + 0.00128 * np.sin(angle)
    return once + 0.000719 * np.cos(2 * angle) + 0.000077 * np.sin(2 * angle)


def _sun(climate: Climate, date: Days, mean_hour: Array) -> Array:
    """Unit vector to the sun at mean solar hours (Spencer 1971). (3, F): east, north, up."""
    angle = _year_angle(date)
    waves = [f(k * angle) for k in (1, 2, 3) for f in (np.cos, np.sin)]
    tilt = np.array([-0.399912, 0.070257, -0.006758, 0.000907, -0.002697, 0.00148])
    delay = np.array([0.001868, -0.032077, -0.014615, -0.040849])
    declination = 0.006918 + sum(a * w for a, w in zip(tilt.tolist(), waves, strict=True))
    minutes = 229.18 * (0.000075 + sum(a * w for a, w in zip(delay.tolist(), waves, strict=False)))
    hour_angle = np.pi / 12 * (mean_hour + minutes / 60 - 12)
    latitude = np.radians(climate.latitude)
    east = -np.cos(declination) * np.sin(hour_angle)
    towards = np.cos(declination) * np.cos(hour_angle)
    north = np.cos(latitude) * np.sin(declination) - np.sin(latitude) * towards
    return np.stack([east, north, np.sin(latitude) * np.sin(declination) + np.cos(latitude) * towards])
