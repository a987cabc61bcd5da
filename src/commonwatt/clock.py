"""Time: a constant slot on a time-zone-aware line (conventions §1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from .errors import DataError

Period = Literal["day", "month", "year", "horizon"]
_UNIT = {"day": "M8[D]", "month": "M8[M]", "year": "M8[Y]"}


def time_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises DataError for a name nobody knows."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise DataError(f"zone = {name!r} (§1: an IANA time zone); write one such as Europe/Berlin or UTC") from error


@dataclass(frozen=True)
class Clock:
    """`slots` slots from `start`; of a run that has `horizon` slots, the first one being number `first`."""

    start: datetime
    slot: timedelta
    slots: int
    zone: str = "UTC"
    first: int = 0
    horizon: int = -1

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise DataError(f"start = {self.start} (§1: a start carries a time zone); write it with an offset")
        if self.slot <= timedelta(0):
            raise DataError(f"slot = {self.slot} (§1: a slot has a length); write minutes above 0")
        time_zone(self.zone)
        if self.horizon < 0:
            object.__setattr__(self, "horizon", self.slots)

    @property
    def hours(self) -> float:
        """Length of a slot. [h]"""
        return self.slot / timedelta(hours=1)

    def window(self, start: int, stop: int) -> Clock:
        """The same line over slots `start` to `stop`."""
        cut = replace(self, start=self.start + start * self.slot, slots=stop - start, first=self.first + start)
        cut.__dict__["utc"] = self.utc[start : stop + 1]
        cut.__dict__["stamps"] = self.stamps[start : stop + 1]
        return cut

    @cached_property
    def utc(self) -> NDArray[np.datetime64]:
        """UTC time of every slot's start, and of the end. (T + 1,)"""
        start = np.datetime64(self.start.astimezone(UTC).replace(tzinfo=None), "us")
        step = np.timedelta64(round(self.slot.total_seconds() * 1e6), "us")
        return start + np.arange(self.slots + 1) * step

    @cached_property
    def stamps(self) -> NDArray[np.datetime64]:
        """Local wall-clock time of every slot's start, and of the end. (T + 1,)"""
        offsets = np.zeros(self.slots + 1, dtype="m8[us]")
        week = max(1, timedelta(days=7) // self.slot)
        edges = [*range(0, self.slots, week), self.slots]
        for low, high in pairwise(edges):
            self._fill(offsets, low, high)
        if self.slots == 0:
            offsets[0] = self._offset(0)
        return (self.utc + offsets).astype("M8[s]")

    def _fill(self, offsets: NDArray[np.timedelta64], low: int, high: int) -> None:
        """Offsets of slots low to high, halving the stretch as long as its ends differ."""
        first, last = self._offset(low), self._offset(high)
        if first == last or high - low <= 1:
            offsets[low:high], offsets[high] = first, last
            return
        middle = (low + high) // 2
        self._fill(offsets, low, middle)
        self._fill(offsets, middle, high)

    def _offset(self, slot: int) -> np.timedelta64:
        moment = (self.start.astimezone(UTC) + slot * self.slot).astimezone(ZoneInfo(self.zone))
        offset = moment.utcoffset() or timedelta(0)
        return np.timedelta64(round(offset.total_seconds() * 1e6), "us")

    @property
    def hour(self) -> NDArray[np.float64]:
        """Local hour of day at every slot's start. (T,) [h]"""
        local = self.stamps[:-1]
        hour: NDArray[np.float64] = (local - local.astype("M8[D]")).astype(np.float64) / 3600
        return hour

    @property
    def date(self) -> NDArray[np.datetime64]:
        """Local date of every slot's start. (T,)"""
        return self.stamps[:-1].astype("M8[D]")

    @property
    def weekday(self) -> NDArray[np.int64]:
        """Local day of the week, Monday is 0. (T,)"""
        weekday: NDArray[np.int64] = (self.date.astype(np.int64) + 3) % 7
        return weekday

    def stretches(self, period: Period) -> list[tuple[int, int, bool]]:
        """The slots cut where a period ends: (start, stop, whether the period closes there).

        The run's last slot closes every period.
        """
        if period in _UNIT:
            label = self.stamps.astype(_UNIT[period])
            edges = (np.flatnonzero(label[1:] != label[:-1]) + 1).tolist()
        else:
            edges = []
        closing = {*edges, *([self.slots] if self.first + self.slots == self.horizon else [])}
        stops = sorted({*closing, self.slots} - {0})
        return [(a, b, b in closing) for a, b in zip([0, *stops[:-1]], stops, strict=True)]
