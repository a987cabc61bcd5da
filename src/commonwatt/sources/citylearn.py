"""CityLearn's folders: one CSV file per building, tied together by ``schema.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from ..clock import Clock, time_zone
from ..errors import DataError, Problems
from ..flow import Community, Flexibility, Streams
from ..noun import Array
from ..reading.files import is_folder
from ..reading.json_file import read_json
from . import Source
from ._citylearn import Building, battery, read_buildings, read_signal, schema_files, steps_of
from ._devices import batteries_of

FIRST_YEAR, LAST_YEAR = 1996, 2022
EXACT = 1.0
THERMAL = ("dhw_demand", "cooling_demand", "heating_demand")


class CityLearn(Source):
    """Measured or simulated buildings in CityLearn's format: load, PV, batteries, prices, carbon intensity, weather.

    The format has no year and no time zone: both are assumed, and the notes say so.
    """

    kind: Literal["citylearn"] = "citylearn"
    path: Path = Path("citylearn")
    """The folder with schema.json. [path]"""
    year: PositiveInt | None = None
    """Year of the first row; none: the latest up to 2022 whose weekdays agree with the files. [year]"""
    zone: str = "Etc/GMT+8"
    """Time zone without clock changes, as the files have none; Etc/GMT+8 is Pacific standard time. [IANA name]"""
    batteries: bool = True
    """Whether the schema's batteries come along. [yes or no]"""
    first_slot: NonNegativeInt = 0
    """First row that is taken, counted from 0. [slots]"""
    slots: PositiveInt | None = None
    """How many rows are taken from there; none: all. [slots]"""

    def inputs(self) -> tuple[Path, ...]:
        """The schema and every file it names."""
        return schema_files(self.path)

    def community(self, streams: Streams) -> Community:
        """The buildings that the schema includes. Raises DataError that lists everything wrong in the files."""
        time_zone(self.zone)
        if not is_folder(self.path):
            raise DataError(f"source.path = {self.path}: no such folder (a CityLearn data set); correct the path")
        problems = Problems()
        schema = read_json(self.path / "schema.json", problems)
        steps = steps_of(schema, problems)
        found = read_buildings(self.path, schema, steps, problems)
        if not problems.lines and not found:
            problems.add("schema.json", "no building is included", "at least one building", 'write "include": true')
        problems.check()
        clock, notes = self._clock(found[0], steps.seconds)
        _check_alike(found, problems)
        signals = read_signal(self.path, found, steps, problems)
        sheets = [(n, battery(building, clock.hours, problems)) for n, building in enumerate(found)]
        problems.check()
        kept = [(n, spec) for n, spec in sheets if spec is not None and self.batteries]
        made = _community(found, clock, signals, batteries_of(clock.slots, kept), (*notes, *_left_out(found, kept)))
        return replace(self._cut(made), streams=streams)

    def _cut(self, whole: Community) -> Community:
        """The slots asked for, as a run of their own."""
        stop = whole.shape[0] if self.slots is None else self.first_slot + self.slots
        if not self.first_slot < stop <= whole.shape[0]:
            what = f"source: slots {self.first_slot} to {stop} (§2: the files have {whole.shape[0]} rows)"
            raise DataError(f"{what}; take fewer")
        part = whole.window(self.first_slot, stop)
        return replace(part, clock=replace(part.clock, first=0, horizon=-1))

    def _clock(self, first: Building, seconds: float) -> tuple[Clock, tuple[str, ...]]:
        """The clock under which month and hour of every row agree, and as many weekdays as possible."""
        years = [self.year] if self.year else range(LAST_YEAR, FIRST_YEAR - 1, -1)
        slot = timedelta(seconds=seconds)
        best, share = None, -1.0
        for year in years:
            clock = _start(first, year, slot, self.zone)
            agreeing = -1.0 if clock is None else _agreement(first, clock)
            if agreeing > share:
                best, share = clock, agreeing
            if share == EXACT:
                break
        if best is None:
            rule = f"§1: month and hour follow the calendar in slots of {seconds:g} s, without clock changes"
            raise DataError(f"{first.file} column hour: its rows do not ({rule}); correct them, or give another year")
        year = best.start.year
        told = "given" if self.year else f"assumed: {share:.1%} of the rows' weekdays agree"
        return best, (
            f"the files have no year: {year} {told}",
            f"the files have no clock changes: local time in {self.zone}, the same offset all year",
        )


def _community(
    found: list[Building], clock: Clock, signals: dict[str, Array], batteries: Flexibility, notes: tuple[str, ...]
) -> Community:
    return Community(
        clock=clock,
        names=tuple(b.name for b in found),
        load_kw=np.stack([b.column("non_shiftable_load") for b in found], axis=1) / clock.hours,
        pv_kw=np.stack([b.column("solar_generation") * b.pv_kw / 1000 for b in found], axis=1),
        market_open=np.ones(clock.slots, np.bool_),
        flexibility=batteries,
        signals=signals,
        traits={"pv_kwp": np.array([b.pv_kw for b in found])},
        notes=notes,
    )


def _start(building: Building, year: int, slot: timedelta, zone: str) -> Clock | None:
    """The clock whose first slot is the first row's in that year; None where month or hour of any row disagree."""
    month, hour = (building.column(name).astype(np.int64) for name in ("month", "hour"))
    per_hour = max(1, round(timedelta(hours=1) / slot))
    left = int(np.argmax(hour != hour[0])) if (hour != hour[0]).any() else per_hour
    local = _first_hour(building, year, int(month[0]), int(hour[0]), int(building.weekday[0]))
    if local is None or left > per_hour:
        return None
    begin = local.replace(tzinfo=ZoneInfo(zone)) + timedelta(hours=1) - left * slot
    clock = Clock(begin, slot, hour.size, zone)
    stamps = clock.stamps[:-1]
    fits = (stamps.astype("M8[M]").astype(np.int64) % 12 + 1 == month) & (np.floor(clock.hour) + 1 == hour)
    return clock if fits.all() else None


def _first_hour(building: Building, year: int, month: int, hour: int, weekday: int) -> datetime | None:
    """Start of the first row's hour (1 to 24, ending): the day follows from how many rows the month still has."""
    if not (1 <= month <= 12 and 1 <= hour <= 24):
        return None
    months = building.column("month")
    rows = int(np.argmax(months != month)) if (months != month).any() else 0
    following = datetime(year + month // 12, month % 12 + 1, 1)  # noqa: DTZ001  (its zone comes with the clock)
    if not rows:
        return datetime(year, month, 1) + timedelta(hours=hour - 1)  # noqa: DTZ001  (as above)
    hours = building.column("hour")[:rows]
    return following - timedelta(hours=int(1 + np.count_nonzero(np.diff(hours))))


def _agreement(building: Building, clock: Clock) -> float:
    """Share of the rows whose weekday (1 is Monday; 8, a holiday, fits any) is the clock's."""
    weekday = building.weekday
    return float(((weekday == clock.weekday + 1) | (weekday == 8)).mean())


def _check_alike(found: list[Building], problems: Problems) -> None:
    """Reports buildings whose rows are of other hours than the first one's."""
    for building in found[1:]:
        for name in ("month", "hour"):
            if not np.array_equal(building.column(name), found[0].column(name)):
                what = f"column {name} differs from {found[0].file}"
                problems.add(building.file, what, "§2: all members on one clock", "give all files the same rows")


def _left_out(found: list[Building], batteries: Sequence[object]) -> tuple[str, ...]:
    """What the files hold and the community does not."""
    notes = []
    thermal = [b.name for b in found if any(b.has(name) and b.column(name).any() for name in THERMAL)]
    if thermal:
        what = "demand for hot water, cooling and heating is heat, not electricity, and left out"
        notes.append(f"{what}: {', '.join(thermal)}")
    others = sorted({name for b in found for name in b.others})
    if others:
        notes.append(f"left out of the schema: {', '.join(others)}")
    if batteries:
        notes.append("batteries: each way the square root of the schema's efficiency; no ageing, no power curves")
    return tuple(notes)
