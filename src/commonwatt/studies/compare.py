"""Two or more runs side by side, slot by slot, on the same profiles."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ScenarioError
from ..flow import Array
from ..run import References
from .entries import QUANTITIES, Advance, Asked, Entry, entries

if TYPE_CHECKING:
    import pandas as pd

SAME = 1e-9
ROUNDING = 1e-9
"""What no share is told of."""
"""What two numbers for the same energy may differ by, as a share of it (at least of 1 kWh)."""


@dataclass(frozen=True)
class Comparison:
    """Runs on the same clock, members and profiles; every difference is to the first of them."""

    entries: tuple[Entry, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the runs, in the order asked for."""
        return tuple(entry.name for entry in self.entries)

    @property
    def currency(self) -> str:
        """ISO code of all amounts."""
        return next((entry.currency for entry in self.entries if entry.currency), "money")

    @property
    def identity(self) -> str:
        """SHA-256 over names and identities of the runs, in order."""
        runs = [[entry.name, entry.identity] for entry in self.entries]
        return hashlib.sha256(json.dumps(runs).encode()).hexdigest()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of the numbers should know."""
        worlds = {entry.world for entry in self.entries} - {"both"}
        found = ["bills of different worlds (§6): one meter for all beside own meters"] if len(worlds) > 1 else []
        undated = [entry.name for entry in self.entries if not entry.dated]
        if undated and len(undated) < len(self.entries):
            found.append(f"{', '.join(undated)}: slots are counted, not dated; matched by number")
        return tuple(found)

    def totals(self) -> list[dict[str, Any]]:
        """A row for each quantity and metric: its value in every run, the difference and its share. None: no meaning"""
        shared = [name for name in self.entries[0].metrics if all(name in e.metrics for e in self.entries)]
        values = {name: [entry.total(name) for entry in self.entries] for name in QUANTITIES}
        values |= {name: [entry.metrics[name] for entry in self.entries] for name in shared if name not in values}
        return [{"quantity": name, **_beside(self.names, [_plain(v) for v in row])} for name, row in values.items()]

    def members(self) -> list[dict[str, Any]]:
        """A row for each run and member: every quantity over time, and its difference."""
        columns = {name: [entry.total(name, axis=0) for entry in self.entries] for name in QUANTITIES}
        who = [{"member": member} for member in self.entries[0].members]
        return self._rows(columns, who)

    def slots(self) -> list[dict[str, Any]]:
        """A row for each run and slot: every quantity over members, and its difference."""
        columns = {name: [entry.total(name, axis=1) for entry in self.entries] for name in QUANTITIES}
        clock = next((entry.clock for entry in self.entries if entry.dated), None)
        times = [] if clock is None else np.datetime_as_string(clock.stamps[:-1]).tolist()
        slots = [{"slot": t, **({"time": times[t]} if times else {})} for t in range(self.entries[0].clock.slots)]
        return self._rows(columns, slots)

    def differences(self) -> dict[str, dict[str, Array]]:
        """By run but the first, every quantity's difference, member by member and slot by slot. (T, N)"""
        first = self.entries[0]
        return {
            entry.name: {name: entry.columns[name] - first.columns[name] for name in QUANTITIES}
            for entry in self.entries[1:]
        }

    def frame(self) -> pd.DataFrame:
        """The totals as a DataFrame, a row for each quantity."""
        import pandas as pd

        return pd.DataFrame(self.totals()).set_index("quantity")

    def summary(self) -> dict[str, Any]:
        """Everything but the series by member and slot, in plain values."""
        runs = [{"name": e.name, "id": e.identity, "world": e.world, "audit": e.audit} for e in self.entries]
        return {
            "id": self.identity, "currency": self.currency, "runs": runs, "notes": list(self.notes),
            "totals": self.totals(), "members": self.members(), "slots": self.slots(),
        }  # fmt: skip

    def _rows(self, columns: dict[str, list[Array]], keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows = []
        for k, entry in enumerate(self.entries):
            values = {name: found[k].tolist() for name, found in columns.items()}
            changes = {f"{name}_difference": (found[k] - found[0]).tolist() for name, found in columns.items()}
            for at, key in enumerate(keys):
                cells = {name: column[at] for name, column in {**values, **changes}.items()}
                rows.append({"scenario": entry.name, **key, **cells})
        return rows


def compare(*what: Asked, seed: int | None = None, progress: Advance | None = None) -> Comparison:
    """Runs or reads two or more documents, presets or stored results and puts them side by side.

    A study stands for all of its scenarios. Raises ScenarioError where clocks, members, profiles or currencies differ,
    naming the first difference, and whatever `run` raises.
    """
    references = References()
    found = [entry for each in what for entry in entries(each, seed, references, progress or _unwatched)]
    if len(found) < 2:
        told = f"only {found[0].name}" if found else "nothing"
        raise ScenarioError(f"compare: {told} (two runs or more can be compared); name another one")
    found = _apart(found)
    for other in found[1:]:
        _check_same(found[0], other)
    return Comparison(tuple(found))


def _unwatched(name: str, done: int, of: int) -> None:
    return None


def _apart(found: list[Entry]) -> list[Entry]:
    """Entries of the same name get a number."""
    seen: dict[str, int] = {}
    named = []
    for entry in found:
        seen[entry.name] = seen.get(entry.name, 0) + 1
        number = seen[entry.name]
        named.append(entry if number == 1 else replace(entry, name=f"{entry.name} ({number})"))
    return named


def _check_same(first: Entry, other: Entry) -> None:
    """Raises ScenarioError at the first thing that two runs do not have in common."""
    rule, remedy = "two runs are compared on the same clock, members and profiles", "give both the same source and seed"
    for what, one, two in _facts(first, other):
        if one != two:
            raise ScenarioError(f"compare: {what} is {one} in {first.name}, {two} in {other.name} ({rule}); {remedy}")
    for what, one, two in (("load", first.load_kwh, other.load_kwh), ("PV", first.pv_kwh, other.pv_kwh)):
        off = np.abs(one - two) > SAME * np.maximum(1.0, np.abs(one))
        if off.any():
            t, n = np.argwhere(off)[0].tolist()
            where = f"{what} of {first.members[n]} in slot {t} is {one[t, n]:.6g} kWh in {first.name}"
            raise ScenarioError(f"compare: {where}, {two[t, n]:.6g} kWh in {other.name} ({rule}); {remedy}")


def _facts(first: Entry, other: Entry) -> list[tuple[str, Any, Any]]:
    """What has to be the same, and what it is in either."""
    one, two = _where_lists_part(first.members, other.members)
    facts: list[tuple[str, Any, Any]] = [
        ("currency", first.currency or other.currency, other.currency or first.currency),
        ("number of slots", first.clock.slots, other.clock.slots),
        ("length of a slot", f"{first.clock.hours:g} h", f"{other.clock.hours:g} h"),
        ("number of members", len(first.members), len(other.members)),
        ("the list of members", one, two),
    ]
    if first.dated and other.dated:
        starts = [entry.clock.start.astimezone(UTC).isoformat() for entry in (first, other)]
        facts.append(("start", starts[0], starts[1]))
    return facts


def _where_lists_part(one: tuple[str, ...], two: tuple[str, ...]) -> tuple[str, str]:
    """The first names that differ; nothing twice where none do."""
    return next(((a, b) for a, b in zip(one, two, strict=False) if a != b), ("", ""))


def _share(change: float, first: float) -> float | None:
    """A change as a share of what was there, if that was more than rounding."""
    return change / abs(first) if abs(first) > ROUNDING else None


def _plain(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _beside(names: tuple[str, ...], values: list[float | None]) -> dict[str, float | None]:
    """Every run's value; then for all but the first the difference to it, and that as a share of it."""
    row: dict[str, float | None] = dict(zip(names, values, strict=True))
    first = values[0]
    for name, value in zip(names[1:], values[1:], strict=True):
        change = None if value is None or first is None else value - first
        row[f"{name} - {names[0]}"] = change
        row[f"{name} / {names[0]} - 1"] = None if change is None or first is None else _share(change, first)
    return row
