"""Plain values as JSON and CSV, the same bytes for the same values."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..run import Run

RISKY = ("=", "+", "-", "@", "\t", "\r")


def json_text(data: Any) -> str:
    """UTF-8 JSON without infinity or NaN (§11)."""
    return json.dumps(data, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: Path, data: Any) -> None:
    """Writes plain values as JSON."""
    path.write_text(json_text(data), encoding="utf-8", newline="\n")


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows under a header. Text that a spreadsheet would take for a formula gets an apostrophe; no value is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if rows:
        writer.writerow([_cell(name) for name in rows[0]])
    writer.writerows([[_cell(value) for value in row.values()] for row in rows])
    return out.getvalue()


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows as CSV."""
    path.write_text(csv_text(rows), encoding="utf-8", newline="")


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return "'" + value if value.startswith(RISKY) else value
    return "" if isinstance(value, float) and not math.isfinite(value) else value


def member_rows(runs: Mapping[str, Run]) -> Iterator[dict[str, Any]]:
    """The members' rows of several runs, with the scenario's name first."""
    for name, run in runs.items():
        for row in run.members():
            yield {"scenario": name, **row}
