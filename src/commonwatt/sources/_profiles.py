"""Load and PV tables of a folder, in either form: members in columns beside ``time``, or members in rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from ..clock import Clock
from ..errors import Problems
from ..noun import Array, Index
from ..reading.json_file import some
from ..reading.sheets import POWER, Decide, Sheet, locate, read_matrix
from ..reading.stamps import MICROSECOND, check_line, check_start, instants, slot_length
from ._head import FILE, Head

LOAD, PV = "load_profiles", "pv_profiles"
ASSUMED = Head(datetime(2025, 1, 1, tzinfo=UTC), timedelta(minutes=15), "UTC", "kW", "rows", "")
FEWEST_COUNTED = 8
"""From so many cells on 0, 1, 2, ... numbers the steps: no load climbs like that."""
Times = tuple[list[datetime], Index]
ID_NAMES = ("id", "name", "member", "building", "home", "house", "household", "prosumer", "consumer")


@dataclass(frozen=True, eq=False)
class Profiles:
    """When, who, and their load and PV (T, N) [kW]; what was assumed to read them."""

    clock: Clock
    names: tuple[str, ...]
    load_kw: Array
    pv_kw: Array
    notes: tuple[str, ...]


def read_profiles(folder: Path, head: Head | None, problems: Problems) -> Profiles | None:
    """Both tables; None where neither is there, or with a problem."""
    paths = [locate(folder, stem, problems) for stem in (LOAD, PV)]
    if problems.lines and None in paths:
        return None
    if None in paths and any(paths):
        missing, other = (LOAD, PV) if paths[0] is None else (PV, LOAD)
        remedy = f"add it, or remove {other} to have both generated"
        problems.add(f"{missing}.csv", "missing", "§16: load and PV, never half real and half invented", remedy)
    found = [read_matrix(path, _decide(head), POWER, problems) for path in paths if path is not None]
    load, pv = (*found, None, None)[:2]
    if load is None or pv is None:
        return None
    if (load.header[:1] == ("time",)) != (pv.header[:1] == ("time",)):
        problems.add(pv.file, "another form than the load table", "§16: both in one form", "write both the same way")
        return None
    return _in_columns(load, pv, head, problems) if _columns(load, head) else _in_rows(load, pv, head, problems)


def _columns(sheet: Sheet, head: Head | None) -> bool:
    return head.orientation == "columns" if head else sheet.header[:1] == ("time",)


def _decide(head: Head | None) -> Decide:
    """How many rows of header and how many columns of text a table has."""

    def columns(first: list[str], second: list[str]) -> tuple[int, int]:
        return 1, int(first[0].strip() == "time")

    def rows(first: list[str], second: list[str]) -> tuple[int, int]:
        name = first[0].strip()
        if name == "time" and len(first) > 1:
            return 1, 1
        counting = len(first) >= FEWEST_COUNTED and _counts(first)
        rest = first[1:]
        header = name.lower() in ("", *ID_NAMES) or counting or (bool(rest) and not any(map(_numeric, rest)))
        if not header:
            return 0, int(not _numeric(name))
        front = not name or any(word in name.lower() for word in ID_NAMES) or not _numeric(second[0] if second else "")
        return 1, int(front)

    return columns if head and head.orientation == "columns" else rows


def _numeric(cell: str) -> bool:
    return re.fullmatch(r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*", cell) is not None


def _counts(cells: list[str]) -> bool:
    """Whether they are 0, 1, 2, ... or 1, 2, 3, ...: numbers of steps, not kilowatts."""
    words = [cell.strip() for cell in cells]
    return any(words == [str(k + first) for k in range(len(words))] for first in (0, 1))


def _in_columns(load: Sheet, pv: Sheet, head: Head | None, problems: Problems) -> Profiles | None:
    timed = [sheet for sheet in (load, pv) if sheet.header[:1] == ("time",)]
    before = len(problems.lines)
    if not all([_filled(sheet, named=bool(timed), problems=problems) for sheet in (load, pv)]):  # noqa: C419  (report both)
        return None
    moments = {sheet.file: times for sheet in timed if (times := instants(sheet, "time", problems)) is not None}
    if len(moments) < len(timed):
        return None
    clock, notes = _clock(load, head, moments.get(load.file), problems)
    order = _order(load, load.names, pv, pv.names, problems)
    if clock is None or order is None:
        return None
    for sheet in timed if head else [pv]:
        check_start(sheet, moments[sheet.file][1], clock, problems)
    if pv.rows != load.rows:
        what = f"{load.rows} and {pv.rows} rows"
        remedy = "add the rows that one lacks, or remove those that the other has too many"
        problems.add(f"{load.file} and {pv.file}", what, "§2: both over the same slots", remedy)
    if len(problems.lines) > before:
        return None
    divisor = clock.hours if head and head.unit == "kWh" else 1.0
    return Profiles(clock, load.names, load.values / divisor, pv.values[:, order] / divisor, notes)


def _filled(sheet: Sheet, *, named: bool, problems: Problems) -> bool:
    """Whether there are rows, members and, where nothing else shows it, a header."""
    if not sheet.rows or not sheet.names:
        what = "no rows" if not sheet.rows else "no member"
        problems.add(sheet.file, what, "§16: members in columns, slots in rows", "fill the table")
        return False
    if not named and all(map(_numeric, sheet.names)):
        problems.add(f"{sheet.file} row 1", "numbers", "§16: the members' names", "write a header")
        return False
    return True


def _clock(
    load: Sheet, head: Head | None, found: Times | None, problems: Problems
) -> tuple[Clock | None, tuple[str, ...]]:
    """When the slots are: as the head says, else as the stamps of the load table lie."""
    if head is not None:
        return Clock(head.start, head.slot, load.rows, head.zone), ()
    moments, us = found or ([], np.zeros(0, np.int64))
    slot = slot_length(us)
    if not slot:
        problems.add(load.file, f"{load.rows} rows", "§1: two slots show how long one is", f"add {FILE}")
        return None, ()
    check_line(load, us, slot, problems)
    zone = fixed_zone(moments)
    note = f"no {FILE}: mean kW assumed, slots of {slot / 60e6:g} min as the stamps lie, local time in {zone}"
    return Clock(moments[0], slot * MICROSECOND, load.rows, zone), (note,)


def fixed_zone(moments: list[datetime]) -> str:
    """The zone of the stamps' offset if they have one and the same, else UTC."""
    offsets = {moment.utcoffset() for moment in moments}
    hours = (offsets.pop() or timedelta(0)) / timedelta(hours=1) if len(offsets) == 1 else 0.0
    if not hours or hours != int(hours) or not -14 <= -hours <= 12:
        return "UTC"
    return f"Etc/GMT{-int(hours):+d}"


def _in_rows(load: Sheet, pv: Sheet, head: Head | None, problems: Problems) -> Profiles | None:
    before = len(problems.lines)
    for sheet in (load, pv):
        if sheet.header[:1] == ("time",):
            where, rule = f"{sheet.file} row 1", f"{FILE}: members in rows"
            problems.add(where, "a column time", rule, "write orientation: columns")
        elif not sheet.values.size:
            problems.add(sheet.file, "no values", "§16: members in rows, steps in columns", "fill the table")
        _check_ids(sheet, problems)
    if len(problems.lines) > before:
        return None
    names, others = _names(load), _names(pv)
    order = list(range(pv.rows))
    if load.text and pv.text:
        order = _order(load, names, pv, others, problems) or []
    if pv.values.shape != load.values.shape:
        sizes = [f"{sheet.rows} members, {sheet.values.shape[1]} steps" for sheet in (load, pv)]
        rule, remedy = "§2: the same members and steps in both", "complete the table that lacks some"
        problems.add(f"{load.file} and {pv.file}", " and ".join(sizes), rule, remedy)
    if len(problems.lines) > before:
        return None
    means = head or ASSUMED
    clock = Clock(means.start, means.slot, load.values.shape[1], means.zone)
    divisor = clock.hours if means.unit == "kWh" else 1.0
    columns = [np.ascontiguousarray(values.T) / divisor for values in (load.values, pv.values[order])]
    return Profiles(clock, names, columns[0], columns[1], () if head else _assumptions(load))


def _names(sheet: Sheet) -> tuple[str, ...]:
    return tuple(sheet.text["id"]) if sheet.text else tuple(f"member_{n + 1}" for n in range(sheet.rows))


def _check_ids(sheet: Sheet, problems: Problems) -> None:
    """Reports ids that are empty, double, or numbers beside words (then the first column may be data)."""
    ids = sheet.text.get("id", [])
    mixed = not sheet.header and len({_numeric(name) for name in ids}) > 1
    seen: set[str] = set()
    for row, name in enumerate(ids):
        where = sheet.where(row, "1")
        if not name or name in seen:
            what = f"{name!r} stands twice" if name else "no name"
            problems.add(where, what, "§16: every member has its own name", "rename it")
        elif mixed and not _numeric(name):
            problems.add(where, repr(name), POWER.rule, f"{POWER.remedy}, or give every row a name")
        seen.add(name)


def _assumptions(load: Sheet) -> tuple[str, ...]:
    """What is assumed without a head."""
    note = (
        f"no {FILE} and no column time: members in rows and steps in columns assumed, mean kW, "
        f"slots of 15 min from 2025-01-01 00:00 UTC{', the first row a header' if load.header else ''}"
    )
    doubt = f"{load.rows} members of {load.values.shape[1]} steps: if members stand in columns, say so in {FILE}"
    return (note, doubt) if load.rows > load.values.shape[1] else (note,)


def _order(
    load: Sheet, names: tuple[str, ...], pv: Sheet, others: tuple[str, ...], problems: Problems
) -> list[int] | None:
    """Where each member of the load table stands in the PV table; None and problems where one is missing."""
    place = {name: k for k, name in enumerate(others)}
    known = set(names)
    for name in names:
        if name not in place:
            rule = f"the members of {load.file}"
            problems.add(pv.file, f"no member {name}", rule, "add it, with 0 where there is no PV")
    for name in others:
        if name not in known:
            problems.add(pv.file, f"member {name!r}", f"the members of {load.file}", f"write one of {some(names)}")
    return [place[name] for name in names] if known == set(others) else None
