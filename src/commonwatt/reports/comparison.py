"""A comparison on the screen, as one file, or as a folder of tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from ..store import SUMMARY, File, Folder, csv_text, json_text, write_csv, write_json, write_manifest, writing
from ..studies import Comparison
from ._words import plural
from .screen import SHOWN, amount, number, percent, plain_table, show_line, show_remarks

TABLES = ("totals", "members", "slots")
LEAST = 1e-6
"""A difference below it is rounding. [kWh, money]"""


def write_comparison(found: Comparison, output: Path, *, force: bool) -> None:
    """Writes a file (.json: everything; .csv: the totals) or a folder of tables, a whole one or none (§16)."""
    forms = {".json": lambda: json_text(found.summary()), ".csv": lambda: csv_text(found.totals())}
    if output.suffix:
        with File(output, force=force, suffixes=tuple(forms)) as file, writing(output):
            file.partial.write_text(forms[output.suffix.lower()](), encoding="utf-8", newline="")
        return
    with Folder(output, force=force, identity=found.identity) as folder, writing(output):
        for name in TABLES:
            write_csv(folder.partial / f"{name}.csv", getattr(found, name)())
        write_json(folder.partial / SUMMARY, found.summary())
        _write_differences(found, folder.partial / "differences.parquet")
        runs = {entry.name: entry.identity for entry in found.entries}
        write_manifest(folder.partial, {"kind": "comparison", "id": found.identity, "runs": runs})


def _write_differences(found: Comparison, path: Path) -> None:
    """Every run's difference to the first, a row for each slot and member."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for name, columns in found.differences().items():
        slots, members = next(iter(columns.values())).shape
        keys = {
            "scenario": [name] * (slots * members), "slot": np.repeat(np.arange(slots), members),
            "member": list(found.entries[0].members) * slots,
        }  # fmt: skip
        values = {f"{quantity}_difference": column.ravel() for quantity, column in columns.items()}
        tables.append(pa.table({**keys, **values}))
    pq.write_table(pa.concat_tables(tables), path, compression="zstd", write_page_checksum=True)


def show_comparison(console: Console, found: Comparison) -> None:
    """Totals side by side, then the members and the slots that differ most from the first run."""
    first = found.entries[0]
    names = ", ".join(found.names[1:])
    console.print(Text.assemble((f"{names} against {first.name}", "bold"), f"  amounts in {found.currency}"))
    _show_totals(console, found)
    _show_largest(console, found, "member", found.members(), "bill_money")
    _show_largest(console, found, "slot", found.slots(), "grid_buy_kwh")
    show_remarks(console, found.notes, ())
    for entry in found.entries:
        if entry.audit:
            show_line(console, f"{entry.name}: {entry.audit}")


def _show_totals(console: Console, found: Comparison) -> None:
    """Every quantity that is not the same nothing everywhere."""
    table, first = plain_table("in all"), found.names[0]
    table.add_column("")
    table.add_column(first, justify="right", overflow="ellipsis", no_wrap=True)
    for name in found.names[1:]:
        for heading in (name, "difference", "in %"):
            table.add_column(heading, justify="right", overflow="ellipsis", no_wrap=True)
    for row in found.totals():
        values = [row[name] for name in found.names]
        if any(value for value in values):
            cells = [number(values[0])]
            for name, value in zip(found.names[1:], values[1:], strict=True):
                cells += [number(value), number(row[f"{name} - {first}"]), percent(row[f"{name} / {first} - 1"])]
            table.add_row(Text(str(row["quantity"]).replace("_", " ")), *cells)
    console.print(table, highlight=False)


def _show_largest(
    console: Console, found: Comparison, what: str, rows: Sequence[dict[str, Any]], quantity: str
) -> None:
    """The members or slots in which a quantity differs most; nothing where it is the same everywhere."""
    size = len(rows) // len(found.entries)
    runs = {name: rows[k * size : (k + 1) * size] for k, name in enumerate(found.names)}
    change = f"{quantity}_difference"
    most = [max(abs(run[at][change]) for run in runs.values()) for at in range(size)]
    order = [at for at in sorted(range(size), key=lambda at: -most[at]) if most[at] > LEAST]
    if not order:
        return
    table = plain_table(f"{quantity.replace('_', ' ')} by {what}, largest differences first")
    table.add_column(what, overflow="ellipsis", no_wrap=True)
    for name in found.names:
        table.add_column(name, justify="right", overflow="ellipsis", no_wrap=True)
        if name != found.names[0]:
            table.add_column("difference", justify="right")
    for at in order[:SHOWN]:
        key = next(iter(runs.values()))[at]
        cells = [Text(str(key.get("time", key[what])))]
        for name, run in runs.items():
            cells += [Text(amount(run[at][quantity]))]
            cells += [Text(amount(run[at][change]))] if name != found.names[0] else []
        table.add_row(*cells)
    console.print(table, highlight=False)
    if len(order) > SHOWN:
        console.print(f"... and {plural(len(order) - SHOWN, f'more {what}')} that differ", highlight=False)
