"""Tables of what a connection lets through: empty cells say that there is no limit."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ..clock import Clock
from ..errors import Problems
from ..noun import Array
from .files import MOST_BYTES, regular
from .sheets import POWER, Sheet, locate, read_sheet
from .stamps import check_against, check_line, instants, slot_length

CAPACITY = ("import_capacity_kw", "export_capacity_kw")
STEP = "timestep"


def capacity_columns(path: Path, clock: Clock | None = None) -> dict[str, Array]:
    """Limits (T,) by name from a table on the clock's slots, of any slots without one; infinite in empty cells. [kW]

    The table counts slots in a column `timestep` or dates them in a column `time`. Raises DataError naming every
    mistake: a file that cannot be read, unknown columns, rows that are missing, double or off the line of slots,
    cells that are no limits.
    """
    problems = Problems()
    found = read_capacity(path, clock, problems) if regular(path, MOST_BYTES, problems) else {}
    problems.check()
    return found


def folder_capacity(folder: Path, stem: str, clock: Clock, problems: Problems) -> dict[str, Array]:
    """The same of a table in a community's folder; nothing without the file or with a problem."""
    path = locate(folder, stem, problems)
    return read_capacity(path, clock, problems) if path else {}


def read_capacity(path: Path, clock: Clock | None, problems: Problems) -> dict[str, Array]:
    """Limits of one table, mistakes added to `problems`."""
    sheet = read_sheet(path, (), POWER, problems, (STEP, "time", *CAPACITY))
    if sheet is None:
        return {}
    before = len(problems.lines)
    for name in sheet.names:
        known = ", ".join((STEP, "time", *CAPACITY))
        problems.add(f"{sheet.file} row 1, column {name}", repr(name), "§16: a known column", f"write one of {known}")
    _check_slots(sheet, clock, problems)
    found = {name: limits(sheet, name, problems) for name in CAPACITY if name in sheet.text}
    if not found:
        problems.add(f"{sheet.file} row 1", "no limit", f"§16: a column {' or '.join(CAPACITY)}", "add one")
    return found if len(problems.lines) == before else {}


def limits(sheet: Sheet, column: str, problems: Problems) -> Array:
    """A column of limits (R,); infinite where a cell is empty, 0 and a problem where it is no limit. [kW]"""
    out = np.full(sheet.rows, np.inf)
    for row, cell in enumerate(sheet.text[column]):
        if cell:
            out[row] = _limit(cell)
            if math.isnan(out[row]):
                rule = "§3: a limit is a number of at least 0"
                problems.add(sheet.where(row, column), repr(cell), rule, "write kW, or nothing for no limit")
                out[row] = 0.0
    return out


def _limit(cell: str) -> float:
    try:
        value = float(cell) if cell.isascii() and "_" not in cell else math.nan
    except ValueError:
        return math.nan
    return value if 0 <= value < math.inf else math.nan


def _check_slots(sheet: Sheet, clock: Clock | None, problems: Problems) -> None:
    """Reports rows that are not the clock's slots, or no line of slots at all, as counted or as dated."""
    given = [name for name in (STEP, "time") if name in sheet.text]
    if len(given) != 1:
        what = "both" if given else "neither"
        problems.add(f"{sheet.file} row 1", f"{what} of {STEP} and time", "§16: one of the two", "keep one column")
    elif given == ["time"]:
        found = instants(sheet, "time", problems)
        if found and clock:
            check_against(sheet, found[1], clock, problems)
        elif found:
            check_line(sheet, found[1], slot_length(found[1]), problems)
    else:
        _check_steps(sheet, clock, problems)


def _check_steps(sheet: Sheet, clock: Clock | None, problems: Problems) -> None:
    """Steps count from 0 or from 1, one row for each slot."""
    steps = sheet.text[STEP]
    first = 1 if steps[:1] == ["1"] else 0
    for row, step in enumerate(steps):
        if step != str(first + row):
            rule = f"§1: one row for each slot, counted from {first}"
            problems.add(sheet.where(row, STEP), repr(step), rule, f"write {first + row} here")
            return
    if clock and len(steps) != clock.slots:
        rule = f"one row for each of the run's {clock.slots} slots"
        problems.add(sheet.file, f"{len(steps)} rows", rule, "give it the length of the run")
