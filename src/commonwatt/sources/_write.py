"""Communities to folders: read back, they are the same to the last bit."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np

from ..envelope import Flexibility, Sessions
from ..errors import ScenarioError
from ..flow import Community
from ..noun import Array, Mask
from ..reading.prices import PRICE_NAMES
from ..reading.sessions import SESSION, SESSION_NUMBERS
from ..reading.stamps import EPOCH, MICROSECOND
from ._devices import BATTERIES, BENDING, LEVELS, VEHICLES, batteries_of
from ._extras import EVENT_COLUMNS, EVENTS, PRICES, SERIES, SIGNALS, TRAITS
from ._head import FILE
from ._limits import GRID, limit_tables
from ._profiles import ASSUMED, LOAD, PV

Columns = dict[str, Any]
PLAIN = {
    "efficiency_charge": "charge_efficiency", "efficiency_discharge": "discharge_efficiency",
    **{name: name for name in ("leakage", "wear", "terminal_value")},
}  # fmt: skip


def write_folder(
    community: Community,
    path: Path,
    *,
    table: Literal["csv", "parquet"] = "csv",
    form: Literal["own", "s0"] = "own",
    currency: str = "",
    force: bool = False,
) -> Path:
    """Writes `community` as a folder that `Folder` reads; first beside it, then moved in one step. Returns `path`.

    `form="s0"`: members in rows, steps in columns, no times; only 15-minute slots from 2025-01-01 00:00 UTC, and only
    profiles, batteries and bounds of the load. Vehicles are written as their sessions. Raises ScenarioError for a
    folder that is not empty (unless `force`), or for what the form cannot hold.
    """
    path = Path(path)
    if path.exists() and not force and (not path.is_dir() or any(path.iterdir())):
        raise ScenarioError(f"{path}: there is something (§16: nothing is overwritten); choose another, or use --force")
    files = _own(community, table, currency) if form == "own" else _s0(community, table)
    try:
        _placed(path, files)
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror} (a folder that can be written); choose another") from error
    return path


def _placed(path: Path, files: Mapping[str, Columns | str]) -> None:
    """Writes all files beside `path`, then moves them there in one step."""
    partial, old = (path.with_name(f"{path.name}.{end}") for end in ("partial", "old.partial"))
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in (partial, old):
        _remove(left)
    partial.mkdir()
    for name, content in files.items():
        _write(partial / name, content)
    if path.exists():
        path.replace(old)
    partial.replace(path)
    _remove(old)


def _remove(path: Path) -> None:
    if not path.exists():
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _own(community: Community, table: str, currency: str) -> dict[str, Columns | str]:
    """File name -> columns of a table, or text."""
    clock = community.clock
    stamps = _stamps(community)
    slot_minutes = clock.slot.total_seconds() / 60
    head = {
        "start": clock.start.isoformat(),
        "slot_minutes": f"{slot_minutes:.12g}",
        "zone": clock.zone,
        "unit": "kW",
        "orientation": "columns",
        **({"currency": currency} if currency else {}),
    }
    files: dict[str, Columns | str] = {FILE: "".join(f"{name}: {value}\n" for name, value in head.items())}
    series = {f"{SERIES}{name}": v for name, v in community.series.items() if name not in _BENT}
    for stem, values in {LOAD: community.load_kw, PV: community.pv_kw, **series}.items():
        files[f"{stem}.{table}"] = {"time": stamps, **_by_member(community, values)}
    prices = {name: community.signals[name] for name in PRICE_NAMES if name in community.signals}
    others = {name: signal for name, signal in community.signals.items() if name not in PRICE_NAMES}
    for stem, signals in ((PRICES, prices), (SIGNALS, others)):
        if signals:
            files[f"{stem}.{table}"] = {"time": stamps, **signals}
    limited, by_member = limit_tables(community, stamps)
    if community.traits or by_member:
        files[f"{TRAITS}.{table}"] = {"member": list(community.names), **community.traits, **by_member}
    files.update({f"{stem}.{table}": columns for stem, columns in limited.items()})
    files.update(_bending(community))
    files.update(_devices(community, table, community.sessions))
    return files


def _s0(community: Community, table: str) -> dict[str, Columns | str]:
    """The origin's form: members in rows, ids in the first column, no times, no head."""
    clock = community.clock
    if clock.slot != ASSUMED.slot or clock.start != ASSUMED.start or clock.zone != ASSUMED.zone:
        what = f"slots of {clock.slot} from {clock.start.isoformat()} in {clock.zone}"
        raise ScenarioError(f"form s0: {what} (15 min from 2025-01-01 00:00 UTC); write the form own")
    beyond = [name for name in (*community.signals, *community.series, *community.traits) if name not in _BENT]
    files: dict[str, Columns | str] = {**_bending(community), **_devices(community, table, Sessions.none())}
    beyond += [] if community.connection.is_open and community.connection.group is None else [GRID]
    if beyond or any(name.startswith(EVENTS) for name in files):
        raise ScenarioError(f"form s0: {', '.join(beyond) or EVENTS} (profiles and batteries only); write the form own")
    for stem, values in ((LOAD, community.load_kw), (PV, community.pv_kw)):
        steps = {str(t): values[t] for t in range(clock.slots)}
        files[f"{stem}.{table}"] = {"id": list(community.names), **steps}
    return files


def _stamps(community: Community) -> list[str]:
    """Start of every slot with the local offset."""
    from zoneinfo import ZoneInfo

    zone, clock = ZoneInfo(community.clock.zone), community.clock
    start = (clock.start - EPOCH) // MICROSECOND
    slot = clock.slot // MICROSECOND
    return [(EPOCH + (start + t * slot) * MICROSECOND).astimezone(zone).isoformat() for t in range(clock.slots)]


def _by_member(community: Community, values: Array) -> Columns:
    return {name: values[:, n] for n, name in enumerate(community.names)}


_BENT = ("flex_min_kwh", "flex_max_kwh")


def _bending(community: Community) -> dict[str, str]:
    if not set(_BENT) <= set(community.series):
        return {}
    low, high = (community.series[name] for name in _BENT)
    entries = {
        name: {"min_kwh": low[:, n].tolist(), "max_kwh": high[:, n].tolist()} for n, name in enumerate(community.names)
    }
    return {BENDING: json.dumps(entries, allow_nan=False)}


def _devices(community: Community, table: str, drive: Sessions) -> dict[str, Columns | str]:
    """Batteries, sessions and events. Raises ScenarioError for devices that these files cannot hold."""
    have, clock, names = community.flexibility, community.clock, community.names
    battery = have.kind == "battery"
    rows = [(int(have.owner[k]), _sheet(have, k)) for k in np.flatnonzero(battery).tolist()]
    standing = {names[have.owner[k]]: _standing(have, k) for k in np.flatnonzero(battery).tolist()}
    again = Flexibility.joined(batteries_of(clock.slots, rows), Flexibility.vehicles(clock, drive))
    _check_same(have, again, standing, names)
    events = [("pool_maintenance", "", "", *window) for window in _windows(~community.market_open)]
    events += [("device_outage", name, "battery", *w) for name, off in standing.items() for w in _windows(off)]
    files: dict[str, Columns | str] = {}
    if rows:
        files[BATTERIES] = json.dumps([{"member": names[n], **spec} for n, spec in rows], indent=1, allow_nan=False)
    if events:
        ends = [*_stamps(community), (clock.start + clock.slots * clock.slot).isoformat()]
        written = [(*event[:3], ends[event[3]], ends[event[4]]) for event in events]
        files[f"{EVENTS}.csv"] = dict(zip(EVENT_COLUMNS, map(list, zip(*written, strict=True)), strict=True))
    if drive.member.size:
        files[f"{VEHICLES}.{table}"] = _session_table(community, drive)
    return files


def _sheet(have: Flexibility, k: int) -> dict[str, float]:
    """A battery's data sheet: levels in kWh, so that nothing is rounded."""
    level = {name: float(getattr(have, name)[..., k].max(initial=0.0)) for name in LEVELS}
    plain = {name: float(getattr(have, theirs)[..., k].max(initial=0.0)) for name, theirs in PLAIN.items()}
    power = {name: float(getattr(have, name)[:, k].max(initial=0.0)) for name in ("charge_kw", "discharge_kw")}
    return {"capacity_kwh": float(have.capacity_kwh[k]), **power, **plain, **level}


def _standing(have: Flexibility, k: int) -> Mask:
    """Slots in which a battery can do nothing. (T,)"""
    off: Mask = (have.charge_kw[:, k] == 0) & (have.discharge_kw[:, k] == 0)
    return off


def _check_same(have: Flexibility, again: Flexibility, standing: Mapping[str, Mask], names: tuple[str, ...]) -> None:
    """Raises ScenarioError where the files would not give these devices back."""
    remedy = "vehicles are written from their sessions; other devices belong into a scenario"
    if have.devices != again.devices or (have.owner != again.owner).any() or (have.kind != again.kind).any():
        kinds = ", ".join(sorted(set(have.kind.tolist())))
        raise ScenarioError(f"flexibility: {have.devices} devices ({kinds}) do not fit into a folder; {remedy}")
    off = np.zeros(have.charge_kw.shape, np.bool_)
    for k in np.flatnonzero(have.kind == "battery").tolist():
        off[:, k] = standing[names[have.owner[k]]]
    for field in fields(have):
        made = getattr(again, field.name)
        wanted = np.where(off, 0.0, made) if field.name in ("charge_kw", "discharge_kw") else made
        if not np.array_equal(getattr(have, field.name), wanted):
            raise ScenarioError(f"flexibility.{field.name}: does not fit into a folder (§16); {remedy}")


def _windows(where: Mask) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], where, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _session_table(community: Community, drive: Sessions) -> Columns:
    clock = community.clock
    moments = [
        [(clock.start + float(t) * clock.slot).astimezone(clock.start.tzinfo).isoformat() for t in times]
        for times in (drive.arrival, drive.departure)
    ]
    members = [community.names[n] for n in drive.member.tolist()]
    return {
        **dict(zip(SESSION, (members, *moments), strict=True)),
        **{name: getattr(drive, name) for name in SESSION_NUMBERS},
    }


def _write(path: Path, content: Columns | str) -> None:
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8", newline="\n")
    elif path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({name: np.asarray(column) for name, column in content.items()}), path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            _write_csv(file, content)


def _write_csv(file: TextIO, columns: Columns) -> None:
    """Numbers in the shortest form that reads back as the same number."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    cells = [column if isinstance(column, list) else column.tolist() for column in columns.values()]
    writer.writerows(zip(*cells, strict=True))
