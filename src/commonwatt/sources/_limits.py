"""Limits of a folder's connection: of all together, of groups, of members."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..clock import Clock
from ..connection import Connection
from ..errors import Problems, ScenarioError
from ..flow import Community
from ..noun import Array, Index
from ..reading.capacity import folder_capacity, limits
from ..reading.json_file import some
from ..reading.sheets import POWER, Sheet, locate, read_sheet
from ..reading.stamps import EPOCH, MICROSECOND, instants
from ._extras import CAPS, GROUP, Members

GRID, GROUPS = "grid_capacity", "groups"


def read_connection(folder: Path, clock: Clock, members: Members, problems: Problems) -> Connection:
    """What ``grid_capacity.csv``, ``groups.csv`` and the table of members say."""
    joint = folder_capacity(folder, GRID, clock, problems)
    own = {name: caps for name, caps in members.caps.items() if np.isfinite(caps).any()}
    connection = Connection(
        import_cap_kw=joint.get("import_capacity_kw"),
        export_cap_kw=joint.get("export_capacity_kw"),
        member_import_cap_kw=own.get("import_cap_kw"),
        member_export_cap_kw=own.get("export_cap_kw"),
    )
    listed, caps = _read_groups(folder, clock, members.groups, problems)
    names = (*listed, *sorted(set(members.groups) - {"", *listed}))
    if not names:
        return connection
    return replace(
        connection,
        group=np.array([names.index(name) if name else -1 for name in members.groups], dtype=np.int64),
        group_names=names,
        group_import_cap_kw=_widened(caps.get("import_cap_kw"), clock.slots, len(names)),
        group_export_cap_kw=_widened(caps.get("export_cap_kw"), clock.slots, len(names)),
    )


def _read_groups(
    folder: Path, clock: Clock, named: list[str], problems: Problems
) -> tuple[tuple[str, ...], dict[str, Array]]:
    """Names of ``groups.csv`` in its order, and limits (1 or T, G) by column; nothing without it, or with a problem."""
    path, before = locate(folder, GROUPS, problems), len(problems.lines)
    sheet = read_sheet(path, (GROUP,), POWER, problems, ("time", *CAPS)) if path else None
    if sheet is None:
        return (), {}
    for name in sheet.names:
        remedy = f"write one of {some((GROUP, 'time', *CAPS))}"
        problems.add(f"{sheet.file} row 1, column {name}", repr(name), "§16: a known column", remedy)
    names, known = tuple(dict.fromkeys(sheet.text[GROUP])), tuple(sorted({*named} - {""}))
    for name in names:
        if name not in known:
            remedy = f"write one of {some(known)}" if known else f"add a column {GROUP} to members.csv"
            problems.add(sheet.file, f"nobody is in group {name!r}", "§16: a group that members.csv names", remedy)
    place = _places(sheet, names, clock, problems)
    found = {name: limits(sheet, name, problems)[place] for name in CAPS if name in sheet.text}
    return (names, found) if len(problems.lines) == before else ((), {})


def _widened(caps: Array | None, slots: int, groups: int) -> Array | None:
    """Limits (T, G), infinite for groups that the table leaves out; None where nobody has one."""
    if caps is None or not np.isfinite(caps).any():
        return None
    out = np.full((slots, groups), np.inf)
    out[:, : caps.shape[1]] = caps
    return out


def _places(sheet: Sheet, names: tuple[str, ...], clock: Clock, problems: Problems) -> Index:
    """The row of each slot and group, (T, G); (1, G) in a table without times. Every one stands there once."""
    column = np.array([names.index(name) for name in sheet.text[GROUP]], dtype=np.int64)
    slots = clock.slots if "time" in sheet.text else 1
    out = np.zeros((slots, len(names)), np.int64)
    slot = _slots(sheet, clock, problems)
    if slot is None:
        return out
    counts = np.zeros(out.shape, np.int64)
    inside = (slot >= 0) & (slot < slots)
    np.add.at(counts, (slot[inside], column[inside]), 1)
    out[slot[inside], column[inside]] = np.flatnonzero(inside)
    for row in np.flatnonzero(~inside)[:1].tolist():
        what = sheet.text["time"][row]
        problems.add(sheet.where(row, "time"), what, "§1: a slot of the run", "put the row on the line of slots")
    wrong = np.argwhere(counts != 1)
    if wrong.size:
        at, group = wrong[0].tolist()
        shown = f"{counts[at, group]} rows of group {names[group]!r}" + (f" for slot {at}" if slots > 1 else "")
        problems.add(sheet.file, shown, "§16: one row for each group, and for each slot if dated", "add or remove rows")
    return out


def _slots(sheet: Sheet, clock: Clock, problems: Problems) -> Index | None:
    """Each row's slot, -1 off the line of slots, 0 in a table without times; None where a time is wrong."""
    if "time" not in sheet.text:
        return np.zeros(sheet.rows, np.int64)
    found = instants(sheet, "time", problems)
    if found is None:
        return None
    number, rest = np.divmod(found[1] - (clock.start - EPOCH) // MICROSECOND, clock.slot // MICROSECOND)
    return np.where(rest == 0, number, -1)


def limit_tables(community: Community, stamps: list[str]) -> tuple[dict[str, dict[str, Any]], dict[str, list[Any]]]:
    """Columns of ``grid_capacity`` and ``groups`` by table, where there are any, and those beside traits.

    Raises ScenarioError for a group without a member, which these tables cannot hold.
    """
    limits, tables = community.connection, {}
    joint = {"import_capacity_kw": limits.import_cap_kw, "export_capacity_kw": limits.export_cap_kw}
    given = {name: _cells(cap) for name, cap in joint.items() if cap is not None}
    if given:
        tables[GRID] = {"time": stamps, **given}
    own = {"import_cap_kw": limits.member_import_cap_kw, "export_cap_kw": limits.member_export_cap_kw}
    beside: dict[str, list[Any]] = {name: _cells(cap) for name, cap in own.items() if cap is not None}
    if limits.group is not None and limits.group_names:
        names = limits.group_names
        lonely = [name for k, name in enumerate(names) if not (limits.group == k).any()]
        if lonely:
            what = f"connection.group_names: nobody is in {some(tuple(lonely))}"
            raise ScenarioError(f"{what} (§16: a group that a member is in); leave them out")
        beside[GROUP] = [names[k] if k >= 0 else "" for k in limits.group.tolist()]
        tables[GROUPS] = _group_table(limits, stamps)
    return tables, beside


def _group_table(limits: Connection, stamps: list[str]) -> dict[str, Any]:
    """A row for each group, or where a limit changes one for each slot and group."""
    given = {"import_cap_kw": limits.group_import_cap_kw, "export_cap_kw": limits.group_export_cap_kw}
    caps = {name: cap for name, cap in given.items() if cap is not None}
    names, dated = limits.group_names, any((cap != cap[:1]).any() for cap in caps.values())
    slots = len(stamps) if dated else 1
    rows = {name: _cells(cap[:slots].ravel()) for name, cap in caps.items()}
    times = {"time": [stamp for stamp in stamps for _ in names]} if dated else {}
    return {**times, GROUP: list(names) * slots, **rows}


def _cells(caps: Array) -> list[float | None]:
    """Numbers as they are written, nothing for no limit."""
    return [cap if cap < np.inf else None for cap in caps.tolist()]
