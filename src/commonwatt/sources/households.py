"""A community from tables of production and consumption, household by household."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import AwareDatetime, PositiveFloat

from ..clock import Clock, time_zone
from ..connection import Connection
from ..errors import DataError, Problems
from ..flow import Community, Streams
from ..reading.capacity import folder_capacity
from ..reading.files import is_folder, present
from ..reading.households import Households as Tables
from ..reading.households import read_households, table_files
from ..reading.stamps import MICROSECOND
from . import Source
from ._limits import GRID
from ._profiles import fixed_zone

RESULT = "baseline_results"


class Households(Source):
    """Tables of `production` and `consumption` in kWh per step, and when: `timestep`, `step` or `time`; strict.

    A folder with one CSV or Parquet file per household, named after it; one long table with a column `household_id`; or
    a folder that S2 or the preset `trading_system` wrote. Rows are counted or dated. What the grid lets through may
    stand beside them in `grid_capacity.csv`.
    """

    kind: Literal["households"] = "households"
    path: Path = Path("households")
    """The folder, or the one table. [path]"""
    start: AwareDatetime = datetime(2025, 1, 1, tzinfo=UTC)
    """Time of the first step, where steps are counted. [time]"""
    slot_minutes: PositiveFloat = 60.0
    """Length of a step, where steps are counted. [min]"""
    zone: str | None = None
    """Local time; none: that of the stamps, or UTC. [IANA name]"""
    wallet_start: float | None = None
    """What is in every member's wallet before the first step; none: nobody said. [money]"""

    def inputs(self) -> tuple[Path, ...]:
        """Every file that is read."""
        folder = self.path if is_folder(self.path) else self.path.parent
        beside = [path for path in (folder / f"{GRID}.csv", folder / f"{GRID}.parquet") if present(path)]
        return tuple(sorted([*self._tables(), *beside]))

    def community(self, streams: Streams) -> Community:
        """The community as its tables say. Raises DataError that lists everything wrong in them."""
        problems, paths = Problems(), self._tables()
        if not paths:
            what = "no table in it" if is_folder(self.path) else "neither a folder nor a table"
            rule = "§16: a folder of .csv or .parquet files, or one of them"
            raise DataError(f"source.path = {self.path}: {what} ({rule}); correct the path")
        found = read_households(paths, problems)
        problems.check()
        assert found is not None
        clock = self._clock(found)
        capacity = folder_capacity(paths[0].parent, GRID, clock, problems)
        problems.check()
        community = Community.of(
            clock, found.consumption_kwh / clock.hours, found.production_kwh / clock.hours, names=found.names
        )
        wallet, counted = self.wallet_start, f"slots of {self.slot_minutes:g} min assumed from {self.start.isoformat()}"
        return replace(
            community,
            connection=Connection(
                import_cap_kw=capacity.get("import_capacity_kw"), export_cap_kw=capacity.get("export_capacity_kw")
            ),
            traits={} if wallet is None else {"wallet_start": np.full(len(found.names), wallet)},
            streams=streams,
            notes=() if found.start else (f"steps are counted: {counted}",),
        )  # fmt: skip

    def _tables(self) -> list[Path]:
        """Where households stand."""
        if not is_folder(self.path):
            return [self.path] if present(self.path) else []
        results = [path for path in table_files(self.path, ()) if path.stem == RESULT]
        return results or table_files(self.path, (GRID,))

    def _clock(self, found: Tables) -> Clock:
        slots = len(found.consumption_kwh)
        if found.start is None:
            return Clock(self.start, timedelta(minutes=self.slot_minutes), slots, self.zone or "UTC")
        zone = self.zone or fixed_zone([found.start])
        return Clock(found.start.astimezone(time_zone(zone)), found.slot_us * MICROSECOND, slots, zone)
