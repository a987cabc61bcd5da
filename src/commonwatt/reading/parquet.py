"""Parquet tables from outside: sizes are looked at before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Problems
from .files import MOST_LISTED, regular
from .sheets import MOST_CELL, Decide, Sheet, check_names, fits, label, lacks

MOST_BYTES = 4 << 30


def read_parquet(
    path: Path, decide: Decide, text: tuple[str, ...], problems: Problems, optional: tuple[str, ...] = ()
) -> Sheet | None:
    """The table as a `Sheet`, or None and a problem. Text may be stored as text, categories, instants or numbers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not regular(path, MOST_BYTES, problems):
        return None
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            header = tuple(schema.names)
            if not fits(path.name, file.metadata.num_rows, max(len(header), 1), problems):
                return None
            check_names(path.name, header, problems)
            if lacks(path.name, header, text, problems) or len(set(header)) != len(header):
                return None
            words = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
            front = _front(header, words, (*text, *optional), decide)
            table = pq.read_table(path, read_dictionary=[name for name in words if name in front])
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        what = str(error).splitlines()[0][:MOST_CELL] if str(error) else type(error).__name__
        problems.add(path.name, what, "a Parquet table", "write the file again")
        return None
    return _sheet(path.name, header, front, table, problems)


def _front(header: tuple[str, ...], words: list[str], text: tuple[str, ...], decide: Decide) -> dict[str, str]:
    """Columns of text in the file, and what they are called."""
    if text:
        return {name: name for name in text if name in header}
    cells = ["text" if name in words else "0" for name in header]
    _, front = decide(list(header), cells)
    return {name: label(name) for name in header[:front]}


def _sheet(file: str, header: tuple[str, ...], front: dict[str, str], table: Any, problems: Problems) -> Sheet:
    names = tuple(name for name in header if name not in front)
    values = np.empty((table.num_rows, len(names)))
    for c, name in enumerate(names):
        values[:, c] = _column(file, name, table.column(name), problems)
    text = {called: _words(file, name, table.column(name), problems) for name, called in front.items()}
    return Sheet(file, header, text, names, values, 2)


def _column(file: str, name: str, column: Any, problems: Problems) -> Any:
    """Numbers of a column; empty cells become NaN, which is reported later."""
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        problems.add(f"{file} column {name}", f"of type {kind}", "§3: energy is a number", "store it as numbers")
        return 0.0
    return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def _words(file: str, name: str, column: Any, problems: Problems) -> list[str]:
    """Text of a column; instants as ISO 8601, empty cells as ''."""
    import pyarrow as pa

    try:
        if pa.types.is_timestamp(column.type):
            found = column.cast(pa.timestamp("us", tz=column.type.tz)).to_pylist()
            return ["" if stamp is None else stamp.isoformat() for stamp in found]
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if pa.types.is_dictionary(column.type) and any(len(str(w)) > MOST_CELL for w in column.dictionary.to_pylist()):
            problems.add(f"{file} column {name}", "very long text", f"at most {MOST_CELL} characters", "shorten it")
            return [""] * len(column)
        return ["" if word is None else str(word) for word in column.to_pylist()]
    except (pa.ArrowException, ValueError, OverflowError, OSError) as error:
        problems.add(f"{file} column {name}", str(error)[:MOST_CELL], "§1: instants with an offset", "write ISO 8601")
        return [""] * min(len(column), MOST_LISTED)
