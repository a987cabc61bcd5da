"""Household load: appliances that start by chance, in homes whose days are alike in part.

Shot noise: starts are a Poisson process whose intensity follows the mean household, the home's own clock and busy days;
each start draws a boxcar of power. Starts are drawn in continuous time, so that any slot length sees the same energy.
All hours are local wall-clock hours of nominal days of 24 h.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..habits.weeks import DAYS, Array, Days, calendar, generators, log_normal, persistent
from ..streams import Streams

QUARTERS = 96
KNOTS = 13
HOURS_OF_YEAR = 8760.0
CENTRES_H = (6.9, 11.6, 16.6, 19.6, 22.9)
WIDTHS_H = (1.1, 3.0, 1.7, 2.5, 1.4)
EVENING, LATER_IN_SUMMER_H = 3, 0.9
HEIGHTS = (
    (0.53, 0.27, 0.42, -0.06, 1.00, 0.09),
    (0.55, 0.00, 0.84, 0.09, 0.90, 0.18),
    (0.58, -0.13, 0.97, -0.02, 0.97, 0.07),
)
"""Base and the five bumps of a working day, a Saturday, a Sunday."""
SEASONS = (
    (0.07, 0.08, 0.05, -0.21, 0.30, 0.13),
    (0.07, -0.01, 0.15, -0.14, 0.30, 0.12),
    (0.08, -0.03, 0.18, -0.16, 0.28, 0.12),
)
"""What midwinter adds and midsummer takes."""

POWERS_KW = np.array([2.0, 1.2, 0.6, 0.22, 0.15, 0.4])
DURATIONS_H = np.array([0.08, 0.6, 1.7, 3.0, 4.0, 1.2])
SHARES = np.array([0.05, 0.13, 0.14, 0.32, 0.22, 0.14])
"""Kettle and the like, cooking, washing, television and computers, light, all else: shares of what is not base."""
DURATION_SPREAD = 0.4
BASE_SHARE, BASE_SPREAD, BASE_LIMIT = 0.30, 0.25, 0.42
CLOCK_SPREAD_H = 0.35
OWN_DAY_SPREAD, OWN_DAY_PERSISTENCE = 0.22, 0.45
COMMON_DAY_SPREAD, COMMON_DAY_PERSISTENCE = 0.18, 0.6
COLD_DAY_SPREAD = 0.06
OWN_HOUR_SPREAD, COMMON_HOUR_SPREAD = 0.3, 0.3
AWAY_CHANCE, AWAY_DAYS, AWAY_LEFT = 0.006, (3, 14), 0.05
COMMON_MEMORY_WEEKS, OWN_MEMORY_WEEKS = 4, 2
COMPRESSOR_H, COMPRESSOR_DEPTH = 0.75, 0.15
Classes = NDArray[np.int64]


def mean_household(date: Days, quarter: NDArray[np.int64], season: float = 1.0) -> Array:
    """Load of the mean household relative to its year, a smooth fit to the German standard profile of households.

    `date` and `quarter` (the quarter-hour of the local day) broadcast together; `season` scales winter against summer.
    """
    weekday = (date.astype(np.int64) + 3) % DAYS
    year_day = (date - date.astype("M8[Y]").astype("M8[D]")).astype(np.int64)
    profile: Array = _profiles(season)[np.maximum(weekday - 4, 0), year_day, quarter]
    return profile


@functools.cache
def _profiles(season: float) -> Array:
    """Every kind of day through a year, mean 1. (3, 366, Q)"""
    winter = season * np.cos(2 * np.pi * (np.arange(366) - 14) / 365)[:, None]
    hour = (np.arange(QUARTERS) + 0.5) / 4
    bumps = [np.ones((366, QUARTERS))]
    for k, (centre, width) in enumerate(zip(CENTRES_H, WIDTHS_H, strict=True)):
        middle = centre - (LATER_IN_SUMMER_H * winter if k == EVENING else 0.0)
        away = (hour - middle + 12) % 24 - 12
        bumps.append(np.broadcast_to(np.exp(-0.5 * (away / width) ** 2), (366, QUARTERS)))
    table = np.zeros((3, 366, QUARTERS))
    for kind, (heights, seasons) in enumerate(zip(HEIGHTS, SEASONS, strict=True)):
        for bump, height, more in zip(bumps, heights, seasons, strict=True):
            table[kind] += (height + more * winter) * bump
    year = table[:, :365].mean(axis=(1, 2)) @ np.array([5, 1, 1]) / 7
    return np.asarray(table / year)


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """What all homes have in common, over D nominal days."""

    number: range
    """Weeks of the D days."""
    busy: Array
    """Factor on activity in every quarter-hour, mean 1. (D, Q)"""
    mean: Array
    """Load of the mean household relative to its year. (D, Q)"""


def neighbourhood(streams: Streams, number: range, cold: Array, season: float) -> Neighbourhood:
    """Common days over the weeks `number`, colder by `cold` (D,) than usual."""
    ahead = range(number.start - COMMON_MEMORY_WEEKS, number.stop)
    draws = generators(streams, "load_common", 0, ahead)
    noise = np.concatenate([rng.standard_normal((DAYS, 1 + KNOTS)) for rng in draws])
    days = DAYS * len(number)
    day = persistent(noise[:, 0], COMMON_DAY_PERSISTENCE, days)
    weather = log_normal(COLD_DAY_SPREAD * season, cold)
    busy = log_normal(COMMON_HOUR_SPREAD, _through_the_day(noise[-days:, 1:]))
    busy *= (log_normal(COMMON_DAY_SPREAD, day) * weather)[:, None]
    mean = mean_household(calendar(number)[:, None], np.arange(QUARTERS), season)
    return Neighbourhood(number, busy, mean)


def household_kw(streams: Streams, home: int, around: Neighbourhood, annual_kwh: float, step_h: float) -> Array:
    """Load of one home over the nominal days of `around` but its first week, mean of every step. (F,) [kW]

    `step_h` divides the day. Over many years the mean is `annual_kwh` a year.
    """
    person = streams.at("load", home)
    base = min(BASE_SHARE * float(log_normal(BASE_SPREAD, person.standard_normal(1))[0]), BASE_LIMIT)
    shift_h, phase = CLOCK_SPREAD_H * person.standard_normal(), person.random()
    powers = POWERS_KW * log_normal(0.2, person.standard_normal(len(SHARES)))
    shares = SHARES * log_normal(0.35, person.standard_normal(len(SHARES)))
    draws = generators(streams, "load_week", home, range(around.number.start - OWN_MEMORY_WEEKS, around.number.stop))
    days = DAYS * len(around.number)
    activity = (around.mean - base) * around.busy * _own_days(draws, days)
    mean_kw = annual_kwh / HOURS_OF_YEAR
    weekly_kwh = mean_kw * activity.reshape(len(around.number), -1).sum(axis=1) / 4
    events = powers * DURATIONS_H * np.exp(0.5 * DURATION_SPREAD**2)
    counts = weekly_kwh[:, None] * (shares / shares.sum() / events)
    kind, share, score = _starts(draws[OWN_MEMORY_WEEKS:], counts)
    middle_h = _placed(activity, share) + shift_h
    duration_h = DURATIONS_H[kind] * np.exp(DURATION_SPREAD * score)
    steps = round(24 / step_h) * days
    noise = _boxcars((middle_h - duration_h / 2) / step_h, (middle_h + duration_h / 2) / step_h, powers[kind], steps)
    compressor = _compressor(base * mean_kw, phase, step_h)
    first = DAYS * compressor.size
    return np.maximum(noise[first:], 0.0) + np.tile(compressor, days - DAYS)


def _own_days(draws: list[np.random.Generator], days: int) -> Array:
    """Factor on a home's activity, mean 1: busy and quiet days and hours, holidays. (D, Q)"""
    noise = np.concatenate([rng.standard_normal((DAYS, 1 + KNOTS)) for rng in draws])
    leaves = np.concatenate([rng.random(DAYS) < AWAY_CHANCE for rng in draws])
    lengths = np.concatenate([rng.integers(AWAY_DAYS[0], AWAY_DAYS[1] + 1, DAYS) for rng in draws])
    away = np.zeros(len(leaves), np.bool_)
    for day in np.flatnonzero(leaves).tolist():
        away[day : day + int(lengths[day])] = True
    level = log_normal(OWN_DAY_SPREAD, persistent(noise[:, 0], OWN_DAY_PERSISTENCE, days))
    level *= np.where(away[-days:], AWAY_LEFT, 1.0) / _present()
    return level[:, None] * log_normal(OWN_HOUR_SPREAD, _through_the_day(noise[-days:, 1:]))


@functools.cache
def _present() -> float:
    """Mean over time of the factor that holidays put on activity."""
    lengths = np.arange(AWAY_DAYS[0], AWAY_DAYS[1] + 1)
    lasting = (lengths > np.arange(AWAY_DAYS[1])[:, None]).mean(axis=1)
    return float(AWAY_LEFT + (1 - AWAY_LEFT) * np.prod(1 - AWAY_CHANCE * lasting))


def _through_the_day(knots: Array) -> Array:
    """Standard normal scores at every quarter-hour between scores at every second hour (D, 13). (D, Q)"""
    place = np.arange(QUARTERS) * (KNOTS - 1) / QUARTERS
    low = place.astype(np.int64)
    turn = 0.5 * np.pi * (place - low)
    score: Array = np.cos(turn) * knots[:, low] + np.sin(turn) * knots[:, low + 1]
    return score


def _starts(draws: list[np.random.Generator], counts: Array) -> tuple[Classes, Array, Array]:
    """Events of every week: class, place in the run's activity (week number plus share of it), score of the length."""
    kinds, shares, scores = [], [], []
    every = np.arange(counts.shape[1])
    for week, (rng, mean) in enumerate(zip(draws, counts, strict=True)):
        kind = np.repeat(every, rng.poisson(mean))
        kinds.append(kind)
        shares.append(week + rng.random(kind.size))
        scores.append(rng.standard_normal(kind.size))
    return np.concatenate(kinds), np.concatenate(shares), np.concatenate(scores)


def _placed(activity: Array, share: Array) -> Array:
    """Hours since the first day's start at which `share` of the activity (week number plus part) is reached."""
    weekly = activity.reshape(-1, DAYS * QUARTERS)
    reached = np.cumsum(weekly, axis=1)
    reached = (reached / reached[:, -1:] + np.arange(len(weekly))[:, None]).ravel()
    quarter = np.searchsorted(reached, share, side="right")
    before = np.concatenate([[0.0], reached])[quarter]
    hours: Array = (quarter + (share - before) / (reached[quarter] - before)) / 4
    return hours


def _boxcars(start: Array, stop: Array, power: Array, steps: int) -> Array:
    """Mean power in every step of boxcars from `start` to `stop` [steps]; what lies outside is cut. (F,)"""
    edge = np.clip(np.concatenate([start, stop]), 0.0, float(steps))
    change = np.concatenate([power, -power])
    low = edge.astype(np.int64)
    late = (edge - low) * change
    slope = np.bincount(low, change - late, steps + 2) + np.bincount(low + 1, late, steps + 2)
    power_kw: Array = np.cumsum(slope)[:steps]
    return power_kw


def _compressor(mean_kw: float, phase: float, step_h: float) -> Array:
    """A day of base load with a refrigerator's cycle, mean of every step. (steps of a day,)"""
    middle = (np.arange(round(24 / step_h)) + 0.5) * step_h / COMPRESSOR_H + phase
    wave = np.sinc(step_h / COMPRESSOR_H) * np.sin(2 * np.pi * middle)
    return np.asarray(mean_kw * (1 + COMPRESSOR_DEPTH * wave))
