"""Tables from outside, CSV or Parquet: columns of text by name, all others numbers, every cell in its place.

Rows are counted as a spreadsheet shows them: the header is row 1.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import Problems
from ..noun import Array, Index
from .files import MOST_BYTES, MOST_LISTED, present, read_text
from .json_file import some

MOST_CELLS = 100_000_000
MOST_CELL = 200
Decide = Callable[[list[str], list[str]], tuple[int, int]]
"""First two rows of a table -> rows of header, columns of text in front."""


@dataclass(frozen=True)
class Numbers:
    """What the numbers of a table are: the rule to cite and the remedy."""

    rule: str = "§3: energy is a number"
    remedy: str = "write kW with a decimal point"
    negative: bool = False


POWER = Numbers()


@dataclass(frozen=True, eq=False)
class Sheet:
    """A table as it stands in its file: text by column name, the other columns as numbers (R, C)."""

    file: str
    header: tuple[str, ...]
    text: Mapping[str, list[str]]
    names: tuple[str, ...]
    """Of the columns of numbers."""
    values: Array
    first: int
    """Row in the file of the first row of `values`."""

    @property
    def rows(self) -> int:
        """Rows below the header."""
        return int(self.values.shape[0])

    def where(self, row: int, column: str) -> str:
        """A cell's place in words."""
        return f"{self.file} row {self.first + row}, column {column}"


def locate(folder: Path, stem: str, problems: Problems) -> Path | None:
    """`stem`.csv or `stem`.parquet in the folder, None if there is neither; both are a problem."""
    found = [path for path in (folder / f"{stem}.csv", folder / f"{stem}.parquet") if present(path)]
    if len(found) > 1:
        problems.add(f"{stem}.csv and {stem}.parquet", "both are there", "§16: one table of each kind", "keep one")
    return found[0] if found else None


def read_sheet(
    path: Path, text: tuple[str, ...], numbers: Numbers, problems: Problems, optional: tuple[str, ...] = ()
) -> Sheet | None:
    """A table with a header; `text` names columns that hold text, all others hold numbers. None: it cannot be read.

    `optional` names columns of text that may be missing.
    """
    return _read(path, lambda first, _: (1, 0), text, numbers, problems, optional)


def member_column(sheet: Sheet, names: tuple[str, ...], problems: Problems) -> Index | None:
    """Numbers of the members named in the column `member` (R,); None and problems where one is unknown."""
    index = {name: n for n, name in enumerate(names)}
    found = [index.get(name, -1) for name in sheet.text["member"]]
    for row in [row for row, n in enumerate(found) if n < 0][:1000]:
        what = repr(sheet.text["member"][row][:60])
        rule = "a member of the load table"
        problems.add(sheet.where(row, "member"), what, rule, f"write one of {some(names)}")
    return None if -1 in found else np.array(found, dtype=np.int64)


def lacks(file: str, header: tuple[str, ...], text: tuple[str, ...], problems: Problems) -> bool:
    """Whether a column of text is missing; then a problem says which."""
    missing = [name for name in text if name not in header]
    for name in missing:
        have = ", ".join(header[:8]) or "nothing"
        problems.add(f"{file} row 1", f"no column {name!r}", f"§16: a column {name}", f"add it to: {have}")
    return bool(missing)


def read_matrix(path: Path, decide: Decide, numbers: Numbers, problems: Problems) -> Sheet | None:
    """A table that may lack a header; its columns of text in front, as `decide` says, are called ``time`` or ``id``."""
    return _read(path, decide, (), numbers, problems)


def _read(
    path: Path, decide: Decide, text: tuple[str, ...], numbers: Numbers, problems: Problems,
    optional: tuple[str, ...] = (),
) -> Sheet | None:  # fmt: skip
    before = len(problems.lines)
    if path.suffix == ".parquet":
        from .parquet import read_parquet

        sheet = read_parquet(path, decide, text, problems, optional)
    else:
        sheet = _read_csv(path, decide, text, numbers, problems, optional)
    if sheet is not None:
        _check_values(sheet, numbers, problems)
    return sheet if len(problems.lines) == before else None


def _read_csv(
    path: Path, decide: Decide, text: tuple[str, ...], numbers: Numbers, problems: Problems, optional: tuple[str, ...]
) -> Sheet | None:
    content = read_text(path, MOST_BYTES, problems)
    if content is None:
        return None
    rows = _rows(path.name, content, problems)
    top = [row for row in (next(rows, None), next(rows, None)) if row is not None]
    if not top or not top[0]:
        problems.add(path.name, "nothing in it", "§16: a table with a header", "fill it, or remove the file")
        return None
    headers, front = decide(top[0], top[-1])
    header = _header(path.name, top[0], front, problems) if headers else tuple(f"id{c}" for c in range(len(top[0])))
    labels = {c: name for c, name in enumerate(header) if name in (*text, *optional)}
    labels.update((c, label(header[c])) for c in range(front))
    columns = [c for c in range(len(header)) if c not in labels]
    most_rows = content.count("\n") + content.count("\r") + 1
    if header == () or lacks(path.name, header, text, problems):
        return None
    if not fits(path.name, most_rows, max(len(columns), 1), problems):
        return None
    reader = _Reader(path.name, header, labels, columns, numbers, problems)
    reader.careful = not content.isascii() or "_" in content
    values = reader.all(_after(top[headers:], rows), headers + 1, most_rows)
    names = tuple(header[c] for c in columns)
    return Sheet(path.name, header if headers else (), reader.text, names, values, headers + 1)


def read_chosen(path: Path, patterns: Mapping[str, re.Pattern[str]], problems: Problems) -> Sheet | None:
    """Columns of numbers of a CSV table whose header matches a pattern whole, by the patterns' names; no others."""
    content = read_text(path, MOST_BYTES, problems)
    if content is None:
        return None
    before = len(problems.lines)
    rows = _rows(path.name, content, problems)
    header = tuple(cell.strip() for cell in next(rows, []))
    chosen: dict[str, int] = {}
    for name, pattern in patterns.items():
        places = [c for c, cell in enumerate(header) if pattern.fullmatch(cell)]
        chosen.update((name, c) for c in places[:1])
        for c in places[1:]:
            what = f"{header[c]!r} beside {header[places[0]]!r}"
            problems.add(f"{path.name} row 1", what, "§16: every column has its own name", "remove one")
    most_rows = content.count("\n") + content.count("\r") + 1
    if not fits(path.name, most_rows, max(len(chosen), 1), problems):
        return None
    anything = Numbers("§3: a quantity is a number", "write it with a decimal point", negative=True)
    reader = _Reader(path.name, header, {}, list(chosen.values()), anything, problems, careful=True)
    values = reader.all(rows, 2, most_rows)
    sheet = Sheet(path.name, header, {}, tuple(chosen), values, 2)
    _check_values(sheet, anything, problems)
    return sheet if len(problems.lines) == before else None


def label(name: str) -> str:
    """What a column of text in front is called: ``time`` or ``id``."""
    return "time" if name == "time" else "id"


def fits(file: str, rows: int, columns: int, problems: Problems) -> bool:
    """Whether a table of that size may be read."""
    if rows * columns <= MOST_CELLS:
        return True
    size = f"{rows} rows of {columns} columns"
    rule = f"at most {MOST_CELLS // 10**6} million cells"
    problems.add(file, size, rule, "cut it into shorter runs or fewer members")
    return False


def _after(top: list[list[str]], rows: Iterator[list[str]]) -> Iterator[list[str]]:
    yield from top
    yield from rows


def _rows(file: str, content: str, problems: Problems) -> Iterator[list[str]]:
    """The rows; empty ones at the end are left out, a broken one ends the table with a problem."""
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    empty = 0
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            problems.add(f"{file} row {reader.line_num}", str(error), "CSV with commas", "mend or quote the row")
            return
        if row is None:
            return
        if row:
            yield from ([] for _ in range(empty))
            yield row
        empty = 0 if row else empty + 1


def _header(file: str, cells: list[str], front: int, problems: Problems) -> tuple[str, ...]:
    """Column names; () and a problem where they name nothing."""
    names = tuple(cell.strip() for cell in cells)
    if len(names) == 1 and any(mark in names[0] for mark in ";\t"):
        what = f"{names[0][:40]!r}"
        problems.add(f"{file} row 1", what, "CSV with commas", "save it with commas between the columns")
        return ()
    check_names(file, names, problems, front)
    return names


def check_names(file: str, names: tuple[str, ...], problems: Problems, front: int = 0) -> None:
    """Reports column names that are empty or stand twice; the first `front` columns need none."""
    seen = set(names[:front])
    for c, name in enumerate(names[front:], front):
        if not name or name in seen:
            what = f"{name!r} stands twice" if name else "no name"
            problems.add(f"{file} row 1, column {c + 1}", what, "§16: every column has its own name", "rename it")
        seen.add(name)


@dataclass
class _Reader:
    """Takes rows of a CSV file, one after the other."""

    file: str
    header: tuple[str, ...]
    labels: dict[int, str]
    columns: list[int]
    numbers: Numbers
    problems: Problems
    careful: bool = False

    def __post_init__(self) -> None:
        self.text: dict[str, list[str]] = {name: [] for name in self.labels.values()}
        self.whole = self.columns == list(range(len(self.labels), len(self.header)))

    def all(self, rows: Iterator[list[str]], first: int, most: int) -> Array:
        """The numbers of all rows (R, C), which start at row `first` of the file and are at most `most`."""
        values = np.empty((most, len(self.columns)))
        count, before = 0, len(self.problems.lines)
        for number, row in enumerate(rows, first):
            if self.take(number, row, values[count]):
                count += 1
            if len(self.problems.lines) - before > MOST_LISTED:
                break
        return values[:count].copy()

    def take(self, number: int, row: list[str], out: Array) -> bool:
        """Puts row `number` of the file away; False where it has not one cell for each column."""
        if len(row) != len(self.header):
            what = f"{len(row)} cells" if row else "an empty row"
            remedy = "complete the row; a decimal comma needs to be a point"
            self.problems.add(f"{self.file} row {number}", what, f"as many as columns: {len(self.header)}", remedy)
            return False
        for c, name in self.labels.items():
            self.text[name].append(row[c].strip())
        cells = row[len(self.labels) :] if self.whole else [row[c] for c in self.columns]
        try:
            if self.careful:
                raise ValueError
            out[:] = list(map(float, cells))
        except ValueError:
            out[:] = [self._number(number, c, cell) for c, cell in zip(self.columns, cells, strict=True)]
        return True

    def _number(self, number: int, column: int, cell: str) -> float:
        try:
            if not cell.isascii() or "_" in cell:
                raise ValueError
            return float(cell)
        except ValueError:
            where = f"{self.file} row {number}, column {self.header[column]}"
            shown = repr(cell if len(cell) <= MOST_CELL else cell[:MOST_CELL])
            self.problems.add(where, shown, self.numbers.rule, self.numbers.remedy)
            return 0.0


def _check_values(sheet: Sheet, numbers: Numbers, problems: Problems) -> None:
    """Reports values that are not finite, and negative ones where they mean nothing."""
    least = -np.inf if numbers.negative else 0.0
    if sheet.values.size == 0 or (np.isfinite(sheet.values).all() and sheet.values.min() >= least):
        return
    for row, column in np.argwhere(~np.isfinite(sheet.values))[:MOST_LISTED].tolist():
        where = sheet.where(row, sheet.names[column])
        problems.add(where, str(sheet.values[row, column]), numbers.rule, numbers.remedy)
    for row, column in np.argwhere(sheet.values < least)[:MOST_LISTED].tolist():
        where = sheet.where(row, sheet.names[column])
        what = f"{float(sheet.values[row, column])!r}"
        problems.add(where, what, "§3: energy is never negative", "write 0, or move it to the table of what is made")
