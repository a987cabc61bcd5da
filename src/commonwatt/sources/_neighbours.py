"""Who lives next to whom, in a folder: zones inside zones, and distances."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, Problems
from ..flow import Array, Community, Zones
from ..reading.json_file import some
from ..reading.sheets import Numbers, Sheet, locate, member_column, read_sheet
from ._extras import ZONE

ZONES, DISTANCES = "zones", "distances"
PARENT, NUMBERS = "parent", ("efficiency", "fee_per_kwh")
PART = Numbers("§3: a part of energy, or a fee per kWh", "write it with a decimal point, at least 0")
KM = Numbers("§3: a distance in km is at least 0", "write km with a decimal point")


def with_neighbours(folder: Path, community: Community, zones: list[str], problems: Problems) -> Community:
    """The community with ``zones.csv`` and ``distances.csv``; `zones`: each member's, "" for none."""
    return replace(
        community, zones=_read_zones(folder, zones, problems),
        distance_km=_read_distances(folder, community.names, problems),
    )  # fmt: skip


def _read_zones(folder: Path, named: list[str], problems: Problems) -> Zones | None:
    """The zones that the table lists, and those that members name; None without any."""
    path, before = locate(folder, ZONES, problems), len(problems.lines)
    sheet = read_sheet(path, (ZONE,), PART, problems, (PARENT,)) if path else None
    listed = tuple(sheet.text[ZONE]) if sheet else ()
    names = (*listed, *sorted(set(named) - {"", *listed}))
    if not names or len(problems.lines) > before:
        return None
    parents = _parents(sheet, names, problems) if sheet else []
    numbers = {name: np.full(len(names), default) for name, default in zip(NUMBERS, (1.0, 0.0), strict=True)}
    for k, name in enumerate(sheet.names if sheet else ()):
        if name not in numbers:
            known = some((ZONE, PARENT, *NUMBERS))
            problems.add(f"{ZONES} row 1, column {name}", repr(name), "§16: a known column", f"write one of {known}")
            return None
        numbers[name][: len(listed)] = sheet.values[:, k] if sheet else 0.0
    parent = np.array([*parents, *[-1] * (len(names) - len(parents))], np.int64)
    place = np.array([names.index(name) if name else -1 for name in named], np.int64)
    try:
        return Zones(
            zone_names=names, parent=parent, zone_efficiency=numbers["efficiency"], zone_fee=numbers["fee_per_kwh"],
            zone=place,
        )  # fmt: skip
    except DataError as error:
        problems.lines.append(f"{ZONES}.csv: {error}; correct it")
        return None


def _parents(sheet: Sheet, names: tuple[str, ...], problems: Problems) -> list[int]:
    """Number of the zone that each listed one lies in; -1 for none."""
    found = []
    for row, name in enumerate(sheet.text.get(PARENT, [""] * sheet.rows)):
        if name and name not in names:
            problems.add(
                sheet.where(row, PARENT), repr(name), "§16: a zone of the table", f"write one of {some(names)}"
            )
        found.append(names.index(name) if name in names else -1)
    return found


def _read_distances(folder: Path, names: tuple[str, ...], problems: Problems) -> Array | None:
    """From the member of the row to that of the column. (N, N) [km]"""
    path = locate(folder, DISTANCES, problems)
    sheet = read_sheet(path, ("member",), KM, problems) if path else None
    rows = member_column(sheet, names, problems) if sheet else None
    if sheet is None or rows is None:
        return None
    if sorted(rows.tolist()) != list(range(len(names))) or set(sheet.names) != set(names):
        problems.add(
            f"{sheet.file}", some(sheet.names), "one row and one column for each member", f"write {some(names)}"
        )
        return None
    found: Array = sheet.values[np.argsort(rows)][:, [sheet.names.index(name) for name in names]]
    return found


def neighbour_tables(community: Community) -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    """Columns of ``zones`` and ``distances`` by table, where there are any, and those beside traits."""
    tables: dict[str, dict[str, Any]] = {}
    beside: dict[str, list[str]] = {}
    zones, apart = community.zones, community.distance_km
    if zones is not None and zones.zone_names:
        names = (*zones.zone_names, "")
        tables[ZONES] = {
            ZONE: list(zones.zone_names), PARENT: [names[at] for at in zones.parent.tolist()],
            "efficiency": zones.zone_efficiency, "fee_per_kwh": zones.zone_fee,
        }  # fmt: skip
        beside[ZONE] = [names[at] for at in zones.zone.tolist()]
    if apart is not None:
        columns = {name: apart[:, n] for n, name in enumerate(community.names)}
        tables[DISTANCES] = {"member": list(community.names), **columns}
    return tables, beside
