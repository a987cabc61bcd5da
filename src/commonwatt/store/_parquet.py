"""Records as Parquet tables, and back: every value as it was, checksums on every page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from ..accounts import Account, Entries
from ..errors import DataError
from ..flow import Array, Bans, Community, Trades
from ..markets import Market
from ..proof import Certificate
from ..record import Record

REMEDY = "compute it again with --force"
PER_DEVICE = ("charge_kwh", "discharge_kwh", "level_kwh", "shortfall_kwh")
PER_ACCOUNT = ("account_money", "till_money")
PLANS = {"plan_members": ("member", "energy_price"), "plan_devices": ("device", "stored_price")}
"""Tables of shadow prices: whose they are, and their column."""
ROWS = 500_000
"""Rows of the series after which a group is written: always whole slots."""


@dataclass
class Tables:
    """Writes records into a folder, group by group."""

    folder: Path
    _writers: dict[str, Any] = field(default_factory=dict)
    _waiting: list[Record] = field(default_factory=list)

    def take(self, record: Record) -> None:
        """Keeps one window, and writes once enough wait."""
        self._waiting.append(record)
        if sum(r.access.size for r in self._waiting) >= ROWS:
            self._flush()

    def take_plans(self, plans: Sequence[Certificate]) -> None:
        """Stores what energy was worth to the planner, where and when; nothing where a rule ran the devices."""
        if not plans:
            return
        for name, (who, column) in PLANS.items():
            values = np.concatenate([getattr(plan, column) for plan in plans])
            if values.shape[1]:
                self._write(name, _long(np.arange(len(values), dtype=np.int64), who, {column: values}))
        limits, done = [], 0
        for plan in plans:
            slot, place = np.nonzero(plan.limit_price)
            limits += [
                (done + t, plan.limit_names[g], plan.limit_price[t, g]) for t, g in zip(slot, place, strict=True)
            ]
            done += len(plan.limit_price)
        if limits:
            slots, names, prices = zip(*limits, strict=True)
            at, worth = np.array(slots, np.int64), np.array(prices, np.float64)
            self._write("plan_limits", {"slot": at, "place": list(names), "limit_price": worth})

    def close(self) -> None:
        """Writes what waits and ends the files."""
        if self._waiting:
            self._flush()
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for name, table in _tables(waiting).items():
            self._write(name, table)

    def _write(self, name: str, columns: dict[str, Any]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table(columns)
        if name not in self._writers:
            floats = [f.name for f in table.schema if pa.types.is_floating(f.type)]
            self._writers[name] = pq.ParquetWriter(
                self.folder / f"{name}.parquet", table.schema, compression="zstd", use_dictionary=False,
                use_byte_stream_split=floats or False, write_page_checksum=True,
            )  # fmt: skip
        self._writers[name].write_table(table, row_group_size=max(1, table.num_rows))


def _tables(records: list[Record]) -> dict[str, dict[str, Any]]:
    first, columns = records[0], records[0].columns
    joined = {name: np.concatenate([r.columns[name] for r in records]) for name in columns}
    slots = len(joined["import_kwh"])
    slot = np.arange(first.clock.first, first.clock.first + slots, dtype=np.int64)
    members = {n: v for n, v in joined.items() if n not in (*PER_DEVICE, *PER_ACCOUNT)}
    members["access"] = np.concatenate([r.access for r in records])
    members["banned_slots"] = np.concatenate([r.banned_slots for r in records])
    tables = {
        "series": _long(slot, "member", members),
        "accounts": _long(slot, "account", {n: joined[n] for n in PER_ACCOUNT}),
        "entries": _rows(Entries.joined(*[r.entries for r in records])),
    }
    if joined["level_kwh"].shape[1]:
        tables["devices"] = _long(slot, "device", {n: joined[n] for n in PER_DEVICE})
    bans = Bans.joined(*[r.bans for r in records])
    if bans.rows:
        tables["bans"] = _rows(bans)
    trades = [r.trades for r in records if r.trades is not None]
    if trades:
        tables["trades"] = _rows(Trades.joined(*trades))
    return tables


def _long(slot: Any, who: str, columns: dict[str, Array]) -> dict[str, Any]:
    width = next(iter(columns.values())).shape[1]
    keys = {"slot": np.repeat(slot, width), who: np.tile(np.arange(width, dtype=np.int32), slot.size)}
    return {**keys, **{name: np.ascontiguousarray(values).ravel() for name, values in columns.items()}}


def _rows(table: Entries | Trades | Bans) -> dict[str, Any]:
    import pyarrow as pa

    values = {name: getattr(table, name) for name in (f.name for f in fields(table))}
    return {n: pa.array(v.tolist(), pa.string()) if v.dtype.kind == "U" else v for n, v in values.items()}


def read_records(folder: Path, community: Community, market: Market) -> Iterator[Record]:
    """The records of a stored run, a group of whole slots each. Raises DataError for what is no such table."""
    members, devices = community.shape[1], community.flexibility.devices
    entries = _read_rows(folder, "entries", Entries) or Entries.none()
    trades = _read_rows(folder, "trades", Trades)
    bans = _read_rows(folder, "bans", Bans) or Bans.none()
    start = 0
    for group in range(_groups(folder, "series")):
        columns = _wide(folder, group, _Keys("series", "member", start, members))
        with _reading(folder, "series"):
            access, banned = columns.pop("access"), columns.pop("banned_slots")
        slots, stop = len(access), start + len(access)
        columns |= _wide(folder, group, _Keys("accounts", "account", start, len(Account), slots))
        columns |= {name: np.empty((slots, 0)) for name in PER_DEVICE}
        if devices:
            columns |= _wide(folder, group, _Keys("devices", "device", start, devices, slots))
        yield Record(
            clock=community.clock.window(start, stop), columns=columns, access=access, banned_slots=banned,
            entries=_between(entries, start, stop), trades=trades and _between(trades, start, stop),
            one_meter=market.promise.world == "one_meter", bans=_between(bans, start, stop),
        )  # fmt: skip
        start = stop
    if start != community.shape[0]:
        raise DataError(f"{folder}/series.parquet: {start} of {community.shape[0]} slots (§2); {REMEDY}")


def read_plan(folder: Path, community: Community) -> dict[str, Array]:
    """What energy was worth to the planner, by column: (T, N) or (T, K); empty where a rule ran the devices."""
    widths = {"plan_members": community.shape[1], "plan_devices": community.flexibility.devices}
    found: dict[str, Array] = {}
    for name, (who, column) in PLANS.items():
        if (folder / f"{name}.parquet").exists():
            found[column] = _wide(folder, 0, _Keys(name, who, 0, widths[name]))[column]
    return found


def read_limit_prices(folder: Path, slot: int) -> dict[str, float]:
    """What one kWh more of a limit was worth to the planner, by place, where it was not nothing. [money/kWh]"""
    if not (folder / "plan_limits.parquet").exists():
        return {}
    with _reading(folder, "plan_limits"), _open(folder, "plan_limits") as file:
        rows = file.read().to_pylist()
        return {row["place"]: float(row["limit_price"]) for row in rows if row["slot"] == slot}


@contextmanager
def _reading(folder: Path, name: str) -> Iterator[None]:
    """Whatever is wrong with a table becomes a DataError that names it."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException, KeyError, ValueError, IndexError, TypeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{folder}/{name}.parquet: cannot be read: {reason} (§16: a stored table); {REMEDY}") from error


def _open(folder: Path, name: str) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(folder / f"{name}.parquet", page_checksum_verification=True)


def _groups(folder: Path, name: str) -> int:
    with _reading(folder, name), _open(folder, name) as file:
        return int(file.num_row_groups)


@dataclass(frozen=True)
class _Keys:
    """What the rows of a group must be: every slot from the first on, with everybody in it, in order."""

    table: str
    who: str
    first: int
    width: int
    slots: int | None = None

    def check(self, slot: Any, who: Any) -> None:
        """Raises ValueError where a row is missing, doubled or moved."""
        row = np.arange(slot.size)
        wrong = np.flatnonzero((slot != self.first + row // self.width) | (who != row % self.width))
        rows = slot.size if self.slots is None else self.slots * self.width
        if wrong.size or slot.size != rows or slot.size % self.width:
            at = int(wrong[0]) if wrong.size else min(rows, slot.size)
            raise ValueError(f"row {at} of slots from {self.first} on is not in order of slot and {self.who}")


def _wide(folder: Path, group: int, keys: _Keys) -> dict[str, Any]:
    """A group's long columns as (T, width)."""
    with _reading(folder, keys.table), _open(folder, keys.table) as file:
        table = file.read_row_group(group)
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        keys.check(columns.pop("slot"), columns.pop(keys.who))
        return {name: values.reshape(-1, keys.width) for name, values in columns.items()}


def _read_rows(folder: Path, name: str, noun: type[Any]) -> Any:
    """A sparse table, whole; None where none was written."""
    if not (folder / f"{name}.parquet").exists():
        return None
    with _reading(folder, name), _open(folder, name) as file:
        table = file.read()
        columns = {n: table.column(n).to_numpy() for n in table.column_names}
        return noun(**{n: v.astype(np.str_) if v.dtype == object else v for n, v in columns.items()})


def _between(table: Any, start: int, stop: int) -> Any:
    return table.kept((table.slot >= start) & (table.slot < stop))
