"""Communities to folders: read back, they are the same to the last bit."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TextIO

import numpy as np

from ..envelope import Sessions
from ..errors import ScenarioError
from ..flow import Community
from ..noun import Array
from ..reading.prices import PRICE_NAMES
from ._devices import BENDING
from ._extras import EVENTS, PRICES, SERIES, SIGNALS, TRAITS
from ._head import FILE
from ._limits import GRID, limit_tables
from ._neighbours import DISTANCES, ZONES, neighbour_tables
from ._profiles import ASSUMED, LOAD, PV
from ._write_devices import Columns, device_files, stamps_of


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
    stamps = stamps_of(community)
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
    near, places = neighbour_tables(community)
    limited, by_member = {**limited, **near}, {**by_member, **places}
    if community.traits or by_member:
        files[f"{TRAITS}.{table}"] = {"member": list(community.names), **community.traits, **by_member}
    files.update({f"{stem}.{table}": columns for stem, columns in limited.items()})
    files.update(_bending(community))
    files.update(device_files(community, table, community.sessions))
    return files


def _s0(community: Community, table: str) -> dict[str, Columns | str]:
    """The origin's form: members in rows, ids in the first column, no times, no head."""
    clock = community.clock
    if clock.slot != ASSUMED.slot or clock.start != ASSUMED.start or clock.zone != ASSUMED.zone:
        what = f"slots of {clock.slot} from {clock.start.isoformat()} in {clock.zone}"
        raise ScenarioError(f"form s0: {what} (15 min from 2025-01-01 00:00 UTC); write the form own")
    beyond = [name for name in (*community.signals, *community.series, *community.traits) if name not in _BENT]
    files: dict[str, Columns | str] = {**_bending(community), **device_files(community, table, Sessions.none())}
    beyond += [] if community.connection.is_open and community.connection.group is None else [GRID]
    beyond += [ZONES] if community.zones is not None else []
    beyond += [DISTANCES] if community.distance_km is not None else []
    if beyond or any(name.startswith(EVENTS) for name in files):
        raise ScenarioError(f"form s0: {', '.join(beyond) or EVENTS} (profiles and batteries only); write the form own")
    for stem, values in ((LOAD, community.load_kw), (PV, community.pv_kw)):
        steps = {str(t): values[t] for t in range(clock.slots)}
        files[f"{stem}.{table}"] = {"id": list(community.names), **steps}
    return files


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
