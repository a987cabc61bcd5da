"""Tables of what a grid connection lets through: constant, lower at peak hours and noisy, or taken from a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..clock import Clock
from ..errors import ScenarioError
from ..flow import Array, Streams
from ..limits import Limits
from ..reading.capacity import CAPACITY, STEP, capacity_columns
from ..scenario import validated

KINDS: dict[str, dict[str, float]] = {
    "constant": {"import_cap_kw": 10_000.0, "export_cap_kw": 8_000.0},
    "synthetic": {"import_cap_kw": 5_000.0, "export_cap_kw": 4_000.0, "peak_reduction": 0.5, "noise": 0.1},
}
STEPS, START = 90, datetime(2025, 1, 1, tzinfo=UTC)


def capacity(
    kind: str, source: Path | None, steps: int | None, slot_minutes: float, seed: int, **given: float | None
) -> dict[str, Array]:
    """Limits (T,) by column, from the table `source` or of a kind with `given` numbers; slots begin at midnight. [kW]

    Raises ScenarioError for an unknown kind, a number out of range or beside a table, or a table that is too short,
    DataError for a table with mistakes.
    """
    if source is not None:
        return _taken(source, steps, given)
    if kind not in KINDS:
        raise ScenarioError(f"--kind = {kind!r}: unknown (§15); choose one of {', '.join(KINDS)}")
    numbers = {**KINDS[kind], **{name: value for name, value in given.items() if value is not None}}
    limits: Limits = validated(numbers, Limits, where="data grid-capacity")
    clock = Clock(START, timedelta(minutes=slot_minutes), STEPS if steps is None else steps)
    found = limits.joint(clock, Streams(seed))
    return dict(zip(CAPACITY, found.values(), strict=True))


def _taken(source: Path, steps: int | None, given: Mapping[str, float | None]) -> dict[str, Array]:
    """The first `steps` slots of a table, checked; all without a number."""
    beside = [name for name, value in given.items() if value is not None]
    if beside:
        raise ScenarioError(f"--from and {', '.join(beside)} (a table has its own numbers); leave one of them out")
    found = capacity_columns(source)
    rows = min(len(values) for values in found.values())
    if steps is not None and steps > rows:
        raise ScenarioError(f"--steps = {steps}: {source} has {rows} rows (one for each slot); take at most {rows}")
    return {name: values[:steps] for name, values in found.items()}


def as_csv(columns: dict[str, Array]) -> str:
    """The table as text, slots counted from 0; an empty cell where there is no limit."""
    cells = [["" if value == float("inf") else repr(value) for value in values.tolist()] for values in columns.values()]
    rows = [",".join([str(t), *row]) for t, row in enumerate(zip(*cells, strict=True))]
    return "\n".join([",".join([STEP, *columns]), *rows]) + "\n"


def told(columns: dict[str, Array]) -> dict[str, Any]:
    """What a table holds, in numbers."""
    low_high = {name: f"{values.min():g} to {values.max():g}" for name, values in columns.items()}
    return {"slots": len(next(iter(columns.values()))), **low_high}
