"""What else a folder may hold: prices and other signals, series by member, traits, and its events."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .._events import DEVICES, device_outage, pool_maintenance, slots_between
from ..errors import Problems, ScenarioError
from ..flow import Community
from ..noun import Array
from ..reading.capacity import limits
from ..reading.json_file import some
from ..reading.prices import MONEY, check_kinds
from ..reading.sheets import Numbers, Sheet, locate, member_column, read_sheet
from ..reading.stamps import check_against, instants
from ._profiles import Profiles

PRICES, SIGNALS, TRAITS, EVENTS = "prices", "signals", "members", "events"
ANY = Numbers("§3: a quantity is a number", "write it with a decimal point", negative=True)
NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
EVENT_KINDS = ("device_outage", "pool_maintenance")
EVENT_COLUMNS = ("kind", "member", "device", "from", "to")
SERIES = "series_"
GROUP, ZONE, CAPS = "group", "zone", ("import_cap_kw", "export_cap_kw")
"""Columns beside traits: who is behind which feeder, in which zone, and what a member's own fuse lets through."""


def read_signals(folder: Path, profiles: Profiles, problems: Problems) -> dict[str, Array]:
    """Signals (T,) of ``prices.csv`` and ``signals.csv``."""
    found: dict[str, Array] = {}
    for stem, numbers in ((PRICES, MONEY), (SIGNALS, ANY)):
        sheet = _timed(folder, stem, numbers, profiles, problems)
        if sheet is None:
            continue
        if stem == PRICES:
            check_kinds(sheet, problems)
        for k, name in enumerate(sheet.names):
            where = f"{sheet.file} row 1, column {name}"
            if not NAME.fullmatch(name):
                problems.add(where, repr(name), "§9: a quantity and its unit", "write it like carbon_kg_per_kwh")
            elif name in found:
                problems.add(where, repr(name), "every signal stands once", f"remove it here or from {PRICES}")
            found[name] = sheet.values[:, k].copy()
    return found


def read_series(folder: Path, profiles: Profiles, problems: Problems) -> dict[str, Array]:
    """Series by member (T, N) of ``series_<name>.csv``: `time` and one column for each member."""
    found: dict[str, Array] = {}
    for stem in series_stems(folder):
        sheet = _timed(folder, stem, ANY, profiles, problems)
        if sheet is None:
            continue
        if set(sheet.names) != set(profiles.names):
            rule = "the members of the load table"
            problems.add(f"{sheet.file} row 1", some(sheet.names), rule, f"write {some(profiles.names)}")
            continue
        found[stem.removeprefix(SERIES)] = sheet.values[:, [sheet.names.index(name) for name in profiles.names]]
    return found


def series_stems(folder: Path) -> list[str]:
    """Names of the folder's series, without their endings."""
    files = [*folder.glob(f"{SERIES}*.csv"), *folder.glob(f"{SERIES}*.parquet")]
    return sorted({path.stem for path in files if NAME.fullmatch(path.stem.removeprefix(SERIES))})


def _timed(folder: Path, stem: str, numbers: Numbers, profiles: Profiles, problems: Problems) -> Sheet | None:
    """A table with a column `time` on the run's slots; None without the file or with a problem."""
    path = locate(folder, stem, problems)
    sheet = read_sheet(path, ("time",), numbers, problems) if path else None
    found = instants(sheet, "time", problems) if sheet else None
    if sheet is None or found is None:
        return None
    before = len(problems.lines)
    check_against(sheet, found[1], profiles.clock, problems)
    return sheet if len(problems.lines) == before else None


@dataclass(frozen=True)
class Members:
    """``members.csv`` in the members' order: traits, limits of their own, group and zone of each ("" for none)."""

    traits: dict[str, Array]
    caps: dict[str, Array]
    groups: list[str]
    zones: list[str]


def read_members(folder: Path, names: tuple[str, ...], problems: Problems) -> Members:
    """Who is what: one row for each member, any order in the file; nothing without it."""
    nothing = Members({}, {}, [], [""] * len(names))
    path = locate(folder, TRAITS, problems)
    sheet = read_sheet(path, ("member",), ANY, problems, (GROUP, ZONE, *CAPS)) if path else None
    members = member_column(sheet, names, problems) if sheet else None
    if sheet is None or members is None:
        return nothing
    counts = np.bincount(members, minlength=len(names))
    for n in np.flatnonzero(counts != 1)[:1000].tolist():
        what = f"member {names[n]} stands {counts[n]} times" if counts[n] else f"no member {names[n]}"
        problems.add(sheet.file, what, "§16: one row for each member", "add or remove a row")
    for name in sheet.names:
        if not NAME.fullmatch(name):
            where = f"{sheet.file} row 1, column {name}"
            problems.add(where, repr(name), "§9: a quantity and its unit", "write it like pv_kwp")
    if (counts != 1).any():
        return nothing
    order = np.argsort(members)
    return Members(
        traits={name: sheet.values[order, k] for k, name in enumerate(sheet.names)},
        caps={name: limits(sheet, name, problems)[order] for name in CAPS if name in sheet.text},
        groups=[sheet.text[GROUP][row] for row in order.tolist()] if GROUP in sheet.text else [],
        zones=[sheet.text.get(ZONE, [""] * sheet.rows)[row] for row in order.tolist()],
    )


def with_events(folder: Path, community: Community, problems: Problems) -> Community:
    """The community with the outages and maintenance windows of ``events.csv``."""
    path = locate(folder, EVENTS, problems)
    sheet = read_sheet(path, EVENT_COLUMNS, ANY, problems) if path else None
    times = [instants(sheet, name, problems) for name in ("from", "to")] if sheet else [None]
    if sheet is None or None in times:
        return community
    for row, (kind, member, device) in enumerate(zip(*(sheet.text[name] for name in EVENT_COLUMNS[:3]), strict=True)):
        where = f"{sheet.file} row {sheet.first + row}"
        if kind not in EVENT_KINDS:
            problems.add(f"{where}, column kind", repr(kind), "§16: a kind of event", f"write {some(EVENT_KINDS)}")
            continue
        if kind == "device_outage" and device not in DEVICES:
            problems.add(f"{where}, column device", repr(device), "§16: a kind of device", f"write {some(DEVICES)}")
            continue
        moments = [found[0][row] for found in times if found is not None]
        try:
            start, stop = slots_between(community.clock, moments[0], moments[1], where)
            if kind == "pool_maintenance":
                community = pool_maintenance(community, start, stop)
            else:
                community = device_outage(community, member, device, start, stop)
        except ScenarioError as error:
            problems.lines.append(str(error) if str(error).startswith(where) else f"{where}: {error}")
    return replace(community)
