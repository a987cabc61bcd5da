"""Charging sessions at home: when a vehicle is plugged in, until when, and what it needs.

At most one session starts per vehicle and nominal local day. Habits follow what a housing cooperative in Trondheim
charged in 2019 (Soerensen et al., Data in Brief 36, 2021), as summary numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ..clock import Clock
from ..envelope import Sessions
from ..streams import Streams
from .weeks import DAYS, Array, calendar, generators, slot_at, weeks

RATE_MEAN, RATE_SPREAD, RATE_MOST = 0.67, 0.39, 0.97
"""Sessions per day: a gamma distribution over vehicles, cut at the most."""
LOG_ENERGY, LOG_ENERGY_OWN, LOG_ENERGY_VEHICLE = 2.25, 0.72, 0.35
"""Mean and spreads (session, vehicle) of the logarithm of kWh wanted; short stays get less."""
CHARGERS_KW, CHARGER_SHARES = (3.7, 7.4, 11.0), (0.70, 0.22, 0.08)
ARRIVALS_WEEKDAY = (9, 4, 2, 2, 0, 0, 3, 12, 11, 7, 13, 17, 20, 28, 43, 120, 175, 85, 80, 105, 100, 76, 58, 30)
ARRIVALS_WEEKEND = (26, 15, 8, 6, 3, 3, 4, 9, 8, 8, 13, 24, 45, 75, 85, 105, 95, 105, 100, 85, 65, 52, 48, 33)
"""Relative frequency of plugging in by local hour."""
NIGHT_DAYTIME, NIGHT_FROM_15_H = 0.25, (0.47, 0.55, 0.62, 0.73, 0.79, 0.87, 0.95, 0.96, 0.97)
"""Chance of staying until the next day, for arrivals before 15 h and by hour from then on."""
LONG_STAYS_NEED_MORE = 0.4
EARLIEST_DEPARTURE_H = 6.4
LOG_LATER_WEEKDAY, LOG_LATER_WEEKEND = (0.34, 1.0), (1.65, 0.5)
"""Mean and spread of the logarithm of the hours after the earliest departure."""
LOG_SHORT_DAY, LOG_SHORT_EVENING = (1.25, 0.8), (0.53, 0.9)
"""Mean and spread of the logarithm of the hours of a stay that ends the same day."""
SHORTEST_H = 0.25
USABLE = 0.9
"""Largest part of what the charger could deliver that a session asks for."""


@dataclass(frozen=True, eq=False)
class Stays:
    """Sessions of several vehicles, in order of vehicle and arrival; times are hours since the first nominal day."""

    owner: NDArray[np.int64]
    arrival_h: Array
    departure_h: Array
    energy_kwh: Array
    power_kw: Array


def sessions(streams: Streams, owners: list[int], clock: Clock, v2g_kw: float) -> Sessions:
    """Sessions of `owners` that start within the run, whenever they end; those under way at its start are left out.

    Each vehicle may give back `v2g_kw`, at most its charger's power.
    """
    if not owners:
        return Sessions.none()
    number = weeks(clock.stamps[0], clock.stamps[-1], after=1)
    found = stays(streams, owners, number)
    origin = calendar(number)[0]
    seconds = clock.slot.total_seconds()
    arrival, departure = (
        np.round(slot_at(clock, origin, hours) * seconds) / seconds for hours in (found.arrival_h, found.departure_h)
    )
    inside = (arrival >= 0) & (arrival < clock.slots)
    power = found.power_kw[inside]
    return Sessions(
        member=found.owner[inside],
        arrival=arrival[inside],
        departure=departure[inside],
        energy_kwh=found.energy_kwh[inside],
        power_kw=power,
        v2g_kw=np.minimum(power, v2g_kw),
    )


def stays(streams: Streams, owners: list[int], number: range) -> Stays:
    """The sessions of `owners` that start in the weeks `number`, the last one left out.

    That one only says when the vehicles come again.
    """
    parts = [_vehicle(streams, owner, number) for owner in owners]
    return Stays(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _vehicle(streams: Streams, owner: int, number: range) -> tuple[NDArray[np.int64], Array, Array, Array, Array]:
    person = streams.at("ev", owner)
    shape = (RATE_MEAN / RATE_SPREAD) ** 2
    rate = min(float(person.gamma(shape, RATE_MEAN / shape)), RATE_MOST)
    power_kw = float(person.choice(CHARGERS_KW, p=CHARGER_SHARES))
    usual = LOG_ENERGY + LOG_ENERGY_VEHICLE * person.standard_normal()
    draws = [_week(rng) for rng in generators(streams, "ev_week", owner, number)]
    uniform, normal = (np.concatenate(d, axis=1) for d in zip(*draws, strict=True))
    day = np.flatnonzero(uniform[0] < rate)
    uniform, normal = uniform[:, day], normal[:, day]
    weekday = (calendar(number)[day].astype(np.int64) + 3) % DAYS
    hour = _arrival_hour(weekday >= 5, uniform[1])
    until = _departure_hour(weekday, hour, normal)
    arrival, departure = 24.0 * day + hour, 24.0 * day + until
    departure[:-1] = np.minimum(departure[:-1], arrival[1:] - SHORTEST_H)
    score = LONG_STAYS_NEED_MORE * normal[0] + np.sqrt(1 - LONG_STAYS_NEED_MORE**2) * normal[2]
    energy = np.exp(usual + LOG_ENERGY_OWN * score)
    energy = np.minimum(energy, USABLE * power_kw * (departure - arrival))
    kept = (day < DAYS * (len(number) - 1)) & (departure - arrival >= SHORTEST_H)
    rows = int(kept.sum())
    return np.full(rows, owner), arrival[kept], departure[kept], energy[kept], np.full(rows, power_kw)


def _week(rng: np.random.Generator) -> tuple[Array, Array]:
    return rng.random((2, DAYS)), rng.standard_normal((3, DAYS))


def _arrival_hour(free: NDArray[np.bool_], uniform: Array) -> Array:
    """Local hour of the day at which a vehicle is plugged in, on free and on working days."""
    hour = np.empty(uniform.shape)
    for mask, weights in ((free, ARRIVALS_WEEKEND), (~free, ARRIVALS_WEEKDAY)):
        reached = np.concatenate([[0.0], np.cumsum(weights) / np.sum(weights)])
        hour[mask] = np.interp(uniform[mask], reached, np.arange(25.0))
    return hour


def _departure_hour(weekday: NDArray[np.int64], hour: Array, normal: Array) -> Array:
    """Hours from midnight of the arrival's day until it leaves; `normal` (2 or more, R): night or not, how long."""
    chance = [NIGHT_DAYTIME] * 15 + list(NIGHT_FROM_15_H)
    limit = np.array([NormalDist().inv_cdf(1 - c) for c in chance])[hour.astype(np.int64)]
    free_tomorrow = (weekday == 4) | (weekday == 5)
    later = np.where(
        free_tomorrow, _log_normal(LOG_LATER_WEEKEND, normal[1]), _log_normal(LOG_LATER_WEEKDAY, normal[1])
    )
    short = np.where(hour < 15, _log_normal(LOG_SHORT_DAY, normal[1]), _log_normal(LOG_SHORT_EVENING, normal[1]))
    tomorrow = np.minimum(24 + EARLIEST_DEPARTURE_H + later, 46.0)
    return np.where(normal[0] > limit, tomorrow, hour + np.maximum(short, 2 * SHORTEST_H))


def _log_normal(law: tuple[float, float], score: Array) -> Array:
    return np.exp(law[0] + law[1] * score)
