"""Draws by calendar week: a day's numbers do not depend on how long the run is, nor on the day it starts (§8)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..clock import Clock
from ..streams import Streams

Array = NDArray[np.float64]
Days = NDArray[np.datetime64]
DAYS = 7
_MONDAY = np.datetime64("0001-01-01", "D")


def weeks(first: np.datetime64, last: np.datetime64, before: int = 0, after: int = 0) -> range:
    """Numbers of the weeks from `first` to `last` (local dates), and of some `before` and `after`."""
    number = [int((day.astype("M8[D]") - _MONDAY).astype(np.int64)) // DAYS for day in (first, last)]
    return range(number[0] - before, number[1] + after + 1)


def monday(week: int) -> np.datetime64:
    """The date on which a week starts."""
    return _MONDAY + np.timedelta64(DAYS * week, "D")


def calendar(number: range) -> Days:
    """Every date of these weeks. (D,)"""
    return monday(number.start) + np.arange(DAYS * len(number))


def generators(streams: Streams, name: str, member: int, number: range) -> list[np.random.Generator]:
    """One generator per week of one stream of one member."""
    return [streams.at(name, member, week) for week in number]


def persistent(noise: Array, phi: float, days: int) -> Array:
    """The last `days` values of an AR(1) with unit variance that remembers as many days as `noise` has before them.

    `noise` (D,) is standard normal.
    """
    first = len(noise) - days
    weight = phi ** np.arange(first + 1)
    weight /= np.sqrt((weight**2).sum())
    value = np.zeros(days)
    for lag, share in enumerate(weight.tolist()):
        value += share * noise[first - lag : len(noise) - lag]
    return value


def log_normal(spread: float, score: Array) -> Array:
    """Factors with mean 1 from a standard normal `score`; `spread` is the standard deviation of their logarithm."""
    return np.exp(spread * score - 0.5 * spread**2)


def slot_at(clock: Clock, origin: np.datetime64, hours: Array) -> Array:
    """Local times, `hours` after midnight of `origin`, in slots from the clock's start; beyond it by its own step.

    A time that the clock skips is the moment after; one that it repeats is its first.
    """
    seconds = np.round(hours * 3600).astype("m8[s]")
    local = origin.astype("M8[s]") + seconds
    line = np.maximum.accumulate(clock.stamps)
    low = np.clip(np.searchsorted(line, local, side="right") - 1, 0, clock.slots)
    part = (local - line[low]).astype("m8[s]").astype(np.float64) / clock.slot.total_seconds()
    inside = (local >= line[0]) & (low < clock.slots)
    slot: Array = low + np.where(inside, np.minimum(part, 1.0), part)
    return slot
