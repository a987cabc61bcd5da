"""Tables of households: one for each, or a long one with a column that says whose row it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from ..errors import Problems
from ..noun import Array, Index
from .json_file import some
from .sheets import Numbers, Sheet, read_sheet
from .stamps import instants, slot_length

MADE, DRAWN, WHO = "production", "consumption", "household_id"
WHEN = ("timestep", "step", "time")
RESULTS = (
    "stored_kwh", "battery_pct", "wallet", "grid_buy", "grid_sell", "p2p_trades", "p2p_buy_amount", "p2p_sell_amount",
    "unserved", "curtailed",
)  # fmt: skip
"""Columns of an S2 result beside what households need and make."""
ENERGY = Numbers("§3: energy is a number", "write kWh per step with a decimal point")
FILES = (".csv", ".parquet")


@dataclass(frozen=True, eq=False)
class Households:
    """Names; what they make and need (T, N) [kWh]; when, if the rows are dated (else counted)."""

    names: tuple[str, ...]
    production_kwh: Array
    consumption_kwh: Array
    start: datetime | None = None
    slot_us: int = 0
    """Length of a slot, where rows are dated. [us]"""


@dataclass(frozen=True, eq=False)
class Part:
    """A household's rows in a table."""

    name: str
    sheet: Sheet
    rows: Index


def table_files(folder: Path, beside: tuple[str, ...]) -> list[Path]:
    """Tables of households in a folder, in the order of their names, numbers as numbers; `beside` are other tables."""
    found = [path for path in folder.iterdir() if path.suffix in FILES and path.stem not in beside]
    return sorted(found, key=lambda path: _natural(path.name))


def read_households(paths: list[Path], problems: Problems) -> Households | None:
    """What the tables say; None with a problem. A single table may hold many households in a column `household_id`.

    Strict: every household has one row for each step, counted from 0 or 1 or dated without gaps, in that order, all
    over the same steps.
    """
    sheets = [sheet for path in paths if (sheet := _read(path, problems)) is not None]
    parts = [part for sheet in sheets for part in parts_of(sheet, problems)]
    if problems.lines:
        return None
    names = tuple(part.name for part in parts)
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.add(some(names), f"{name!r} stands twice", "§9: every household has its own name", "rename one")
    moments = _moments(parts, problems)
    if problems.lines or not parts:
        return None
    values = {column: _values(parts, column) for column in (MADE, DRAWN)}
    return Households(names, values[MADE], values[DRAWN], *moments)


def _read(path: Path, problems: Problems) -> Sheet | None:
    """One table with all columns that it needs, and none that nobody knows."""
    sheet = read_sheet(path, (), ENERGY, problems, (WHO, *WHEN, *RESULTS))
    if sheet is None:
        return None
    before = len(problems.lines)
    known = (WHO, *WHEN, MADE, DRAWN)
    for name in sheet.names:
        if name not in (MADE, DRAWN):
            where = f"{sheet.file} row 1, column {name}"
            problems.add(where, repr(name), "§16: a known column", f"write one of {some(known)}")
    for name in (MADE, DRAWN):
        if name not in sheet.names:
            problems.add(
                f"{sheet.file} row 1", f"no column {name!r}", f"§16: a column {name}", "add it, in kWh per step"
            )
    given = [name for name in WHEN if name in sheet.text]
    if len(given) != 1:
        what = " and ".join(given) or f"none of {', '.join(WHEN)}"
        problems.add(f"{sheet.file} row 1", what, "§16: one column says when", "keep one")
    if not sheet.rows:
        problems.add(sheet.file, "no rows", "§16: one row for each step", "fill the table")
    return sheet if len(problems.lines) == before else None


def parts_of(sheet: Sheet, problems: Problems) -> list[Part]:
    """The households of a table: those of its column, else the one that the file is named after."""
    if WHO not in sheet.text:
        return [Part(Path(sheet.file).stem, sheet, np.arange(sheet.rows))]
    found: dict[str, list[int]] = {}
    for row, name in enumerate(sheet.text[WHO]):
        if not name:
            problems.add(sheet.where(row, WHO), "empty", "§9: every household has a name", "write it")
        found.setdefault(name, []).append(row)
    return [Part(name, sheet, np.array(rows, dtype=np.int64)) for name, rows in found.items()]


def _moments(parts: list[Part], problems: Problems) -> tuple[datetime | None, int]:
    """Start and slot length [us] of dated tables; (None, 0) of counted ones. Reports rows off the line of steps."""
    ways = {_way(part) for part in parts}
    if len(ways) > 1:
        what = f"{' and '.join(sorted(ways))} in one set of tables"
        problems.add(some(tuple(p.sheet.file for p in parts)), what, "§1: one way to say when", "keep one")
        return None, 0
    lengths = {part.rows.size for part in parts}
    if len(lengths) > 1:
        short = min(parts, key=lambda part: part.rows.size)
        what = f"{short.name} has {short.rows.size} rows, others {max(lengths)}"
        problems.add(short.sheet.file, what, "§2: all over the same steps", "complete or cut the tables")
        return None, 0
    return _dated(parts, problems) if ways == {"time"} else _counted(parts, problems)


def _way(part: Part) -> str:
    return next(name for name in WHEN if name in part.sheet.text)


def _counted(parts: list[Part], problems: Problems) -> tuple[None, int]:
    """Steps count from 0 or from 1, one row for each."""
    for part in parts:
        column = _way(part)
        steps = [part.sheet.text[column][row] for row in part.rows.tolist()]
        first = 1 if steps[:1] == ["1"] else 0
        wrong = next((k for k, step in enumerate(steps) if step != str(first + k)), None)
        if wrong is not None:
            where, rule = part.sheet.where(int(part.rows[wrong]), column), f"§1: one row for each step, from {first} on"
            problems.add(where, f"{steps[wrong]!r} for {part.name}", rule, f"write {first + wrong} here")
    return None, 0


def _dated(parts: list[Part], problems: Problems) -> tuple[datetime | None, int]:
    """The first household's line of slots, which all others must lie on."""
    found = {id(part.sheet): instants(part.sheet, "time", problems) for part in parts}
    if problems.lines:
        return None, 0
    times = [found[id(part.sheet)] for part in parts]
    lines = [us[part.rows] for part, (_, us) in zip(parts, filter(None, times), strict=True)]
    slot = slot_length(lines[0])
    if not slot:
        rule, remedy = "§1: two slots show how long one is", "add rows, or count them in a column timestep"
        problems.add(parts[0].sheet.file, f"{lines[0].size} rows in order of time", rule, remedy)
        return None, 0
    line = lines[0][0] + slot * np.arange(lines[0].size)
    for part, us in zip(parts, lines, strict=True):
        for at in np.flatnonzero(us != line)[:1].tolist():
            row = int(part.rows[at])
            what = f"{part.sheet.text['time'][row]} for {part.name}"
            rule = f"§1: one row for each slot of {slot / 60e6:g} min, in order, from the first household's start on"
            problems.add(part.sheet.where(row, "time"), what, rule, "add, remove or sort rows")
    moments = times[0][0] if times[0] else []
    return moments[int(parts[0].rows[0])], slot


def _values(parts: list[Part], column: str) -> Array:
    """A column of all households. (T, N)"""
    return np.stack([part.sheet.values[part.rows, part.sheet.names.index(column)] for part in parts], axis=1)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts home_2 before home_10."""
    return [(int(word), "") if word.isdigit() else (-1, word) for word in re.split(r"([0-9]+)", name)]
