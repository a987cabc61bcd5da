"""Tables of prices on a run's own slots."""

from __future__ import annotations

from pathlib import Path

from ..clock import Clock
from ..errors import Problems
from ..noun import Array
from .files import MOST_BYTES, regular
from .sheets import Numbers, Sheet, read_sheet
from .stamps import check_against, instants

PRICE_NAMES = ("import_price", "export_price", "community_price")
MONEY = Numbers("§4: a price is a number", "write money per kWh with a decimal point", negative=True)


def price_columns(path: Path, clock: Clock) -> dict[str, Array]:
    """Prices (T,) by name from a table with a column `time` on the clock's slots. [money/kWh]

    Raises DataError naming every mistake: a file that cannot be read, unknown columns, rows that are missing, double
    or off the line of slots, cells that are no numbers.
    """
    problems = Problems()
    sheet = read_sheet(path, ("time",), MONEY, problems) if regular(path, MOST_BYTES, problems) else None
    found = instants(sheet, "time", problems) if sheet else None
    if sheet is not None and found is not None:
        check_against(sheet, found[1], clock, problems)
        check_kinds(sheet, problems)
    problems.check()
    return {name: sheet.values[:, k].copy() for k, name in enumerate(sheet.names)} if sheet else {}


def check_kinds(sheet: Sheet, problems: Problems) -> None:
    """Reports columns that are no kind of price."""
    for name in sheet.names:
        if name not in PRICE_NAMES:
            where = f"{sheet.file} row 1, column {name}"
            problems.add(where, repr(name), "§16: a kind of price", f"write one of {', '.join(PRICE_NAMES)}")
