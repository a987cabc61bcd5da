"""A community from files: load and PV tables, and where there are any devices, prices, signals, traits and events."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from ..errors import DataError, Problems
from ..flow import Community, Flexibility, Streams
from ..reading.files import is_folder, present
from . import Source
from ._devices import (
    BATTERIES,
    BENDING,
    HEATING,
    SHARING,
    VEHICLES,
    read_batteries,
    read_bending,
    read_heating,
    read_shared,
    read_vehicles,
)
from ._extras import (
    EVENTS,
    PRICES,
    SIGNALS,
    TRAITS,
    read_members,
    read_series,
    read_signals,
    series_stems,
    with_events,
)
from ._head import FILE, Head, read_head
from ._limits import GRID, GROUPS, read_connection
from ._neighbours import DISTANCES, ZONES, with_neighbours
from ._profiles import LOAD, PV, Profiles, read_profiles
from ._sample import sample

TABLES = (LOAD, PV, VEHICLES, PRICES, SIGNALS, EVENTS, TRAITS, GRID, GROUPS, ZONES, DISTANCES)
DATA = (".csv", ".parquet", ".json", ".yaml", ".yml")


class Folder(Source):
    """A folder of tables, in our own form or with members in rows; strict: what is wrong is named, never mended.

    Without load and PV tables both come from the source `sample`. All that is assumed or missing stands in the
    community's notes.
    """

    kind: Literal["folder"] = "folder"
    path: Path = Path("community")
    """The folder. [path]"""

    def inputs(self) -> tuple[Path, ...]:
        """Every file of the folder that is read."""
        names = [FILE, BATTERIES, BENDING, HEATING, SHARING]
        for stem in (*TABLES, *series_stems(self.path)):
            names += [f"{stem}.csv", f"{stem}.parquet"]
        return tuple(self.path / name for name in sorted(names) if present(self.path / name))

    def community(self, streams: Streams) -> Community:
        """The community as its files say. Raises DataError that lists everything wrong in them."""
        if not is_folder(self.path):
            what = "no such folder" if not present(self.path) else "not a folder that can be read"
            raise DataError(f"source.path = {self.path}: {what} (§16: a community folder); correct the path")
        problems = Problems()
        head = read_head(self.path, problems)
        profiles = None if problems.lines and head is None else read_profiles(self.path, head, problems)
        if profiles is None:
            problems.check()
            return self._without_profiles(head, streams)
        community = _assembled(self.path, profiles, streams, problems)
        problems.check()
        return replace(community, notes=(*_currency(head), *community.notes, *self._unread()))

    def _without_profiles(self, head: Head | None, streams: Streams) -> Community:
        """The sample, with what else stands in the folder."""
        homes = _sampled(head, streams)
        problems = Problems()
        profiles = Profiles(homes.clock, homes.names, homes.load_kw, homes.pv_kw, ())
        found = _assembled(self.path, profiles, streams, problems)
        problems.check()
        devices = present(self.path / BATTERIES)
        bending = present(self.path / BENDING)
        both = f"no {LOAD} and no {PV}: both are generated; {homes.notes[0]}"
        return replace(
            found,
            flexibility=found.flexibility if devices else Flexibility.joined(homes.flexibility, found.flexibility),
            signals={**homes.signals, **found.signals},
            series={**homes.series, **found.series} if not bending else found.series,
            traits={**homes.traits, **found.traits},
            notes=(both, *_currency(head), *(() if devices else (f"no {BATTERIES}: the sample's",)), *self._unread()),
        )

    def _unread(self) -> tuple[str, ...]:
        """Names the data files that nobody reads: a misspelt name shows."""
        known = {path.name for path in self.inputs()}
        names = sorted(p.name for p in self.path.iterdir() if p.suffix in DATA and p.name not in known)
        return (f"not read: {', '.join(names)}",) if names else ()


def _assembled(path: Path, profiles: Profiles, streams: Streams, problems: Problems) -> Community:
    """The profiles with all that the other files add."""
    batteries, no_batteries = read_batteries(path, profiles, problems)
    bending, no_bending = read_bending(path, profiles, problems)
    sessions, about_sessions = read_vehicles(path, profiles, problems)
    members = read_members(path, profiles.names, problems)
    signals = read_signals(path, profiles, problems)
    heating = read_heating(path, profiles, signals, problems)
    community = Community(
        clock=profiles.clock,
        names=profiles.names,
        load_kw=profiles.load_kw,
        pv_kw=profiles.pv_kw,
        market_open=np.ones(profiles.clock.slots, np.bool_),
        flexibility=Flexibility.joined(
            batteries, read_shared(path, profiles, problems), Flexibility.vehicles(profiles.clock, sessions), heating
        ),
        sessions=sessions,
        signals=signals,
        series={**bending, **read_series(path, profiles, problems)},
        traits=members.traits,
        connection=read_connection(path, profiles.clock, members, problems),
        streams=streams,
        notes=(*profiles.notes, *no_batteries, *no_bending, *about_sessions),
    )
    return with_events(path, with_neighbours(path, community, members.zones, problems), problems)


def _sampled(head: Head | None, streams: Streams) -> Community:
    """The sample, on the head's slots from local midnight on if there is a head."""
    if head is None:
        return sample(streams)
    local = head.start.astimezone(ZoneInfo(head.zone))
    minutes = head.slot / timedelta(minutes=1)
    if local.time() != time() or minutes != int(minutes) or 24 * 60 % int(minutes):
        what = f"start = {head.start.isoformat()}, slots of {minutes:g} min"
        rule = "§16: generated profiles start at local midnight, with slots that fill a day"
        raise DataError(f"{FILE}: {what} ({rule}); correct it, or add {LOAD}.csv and {PV}.csv")
    return sample(streams, start=local.date(), slot_minutes=int(minutes), zone=head.zone)


def _currency(head: Head | None) -> tuple[str, ...]:
    return (f"prices in {head.currency}",) if head and head.currency else ()
