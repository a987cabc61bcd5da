"""Results as S2 writes them: household by household and step by step, with or without columns of ours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError, Problems
from ..noun import Array, Index
from .files import MOST_LISTED, present
from .households import ENERGY, WHEN, WHO, Households, parts_of, read_households
from .json_file import is_number, read_json
from .sheets import Sheet, read_sheet

NEEDED = ("wallet", "grid_buy", "grid_sell", "p2p_buy_amount", "p2p_sell_amount")
MAY_BE_EMPTY = ("stored_kwh",)
"""Of households without storage."""
APPENDED = ("unserved", "curtailed")
"""Not written by S2 itself: nothing, where they are missing."""
PASSED_OVER = ("battery_pct", "p2p_trades")
PARAMETERS = "params.json"
MOST_BYTES = 1 << 20
DEFAULTS = {("simulation", "time_step_hours"): 1.0, ("household", "initial_wallet"): 100.0}
"""What S2 takes for what its parameter file does not say."""


@dataclass(frozen=True, eq=False)
class TradingResult:
    """One run: who, what they make and need, and columns (T, N) [kWh, money] by S2's names."""

    households: Households
    columns: dict[str, Array]
    step_hours: float
    wallet_start: float


def read_result(path: Path) -> TradingResult:
    """A results table, with what the parameter file beside it says. Raises DataError that lists everything wrong."""
    problems = Problems()
    households = read_households([path], problems)
    names = (*NEEDED, *MAY_BE_EMPTY, *APPENDED)
    sheet = read_sheet(path, NEEDED, ENERGY, problems, (WHO, *WHEN, *names, *PASSED_OVER)) if households else None
    found = {name: _column(sheet, name, problems) for name in names} if sheet else {}
    numbers = _numbers(path.parent / PARAMETERS, problems)
    problems.check()
    if households is None:
        raise DataError(f"{path}: cannot be read as a result of S2 (§16); name its table or folder")
    return TradingResult(households, found, *numbers)


def _column(sheet: Sheet, name: str, problems: Problems) -> Array:
    """A column of all households (T, N); 0 where it is missing or may be empty."""
    if name not in sheet.text:
        return np.zeros(_rows(sheet, problems).shape)
    values, before = np.zeros(sheet.rows), len(problems.lines)
    for row, cell in enumerate(sheet.text[name]):
        if cell or name not in MAY_BE_EMPTY:
            values[row] = _number(cell)
        if math.isnan(values[row]):
            problems.add(sheet.where(row, name), repr(cell), "§3: a quantity is a number", "correct the cell")
        if len(problems.lines) - before > MOST_LISTED:
            break
    return np.asarray(values[_rows(sheet, problems)])


def _rows(sheet: Sheet, problems: Problems) -> Index:
    """The row of every step and household. (T, N)"""
    return np.stack([part.rows for part in parts_of(sheet, problems)], axis=1)


def _number(cell: str) -> float:
    try:
        value = float(cell) if cell.isascii() and "_" not in cell else math.nan
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _numbers(path: Path, problems: Problems) -> tuple[float, float]:
    """Length of a step [h] and the wallet at the start [money], as the parameter file says if there is one."""
    data = read_json(path, problems, MOST_BYTES) if present(path) else {}
    found = []
    for (group, name), default in DEFAULTS.items():
        inner = data.get(group, {}) if isinstance(data, dict) else {}
        value = inner.get(name, default) if isinstance(inner, dict) else default
        if not is_number(value):
            problems.add(f"{path.name} {group}.{name}", repr(value), "§3: a quantity is a number", "write a number")
            value = default
        found.append(float(value))
    return found[0], found[1]
