"""Devices and events of a community as files that read back the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from ..envelope import Flexibility, Sessions
from ..errors import Problems, ScenarioError
from ..flow import Community
from ..habits.heating import heat_pumps
from ..noun import Mask
from ..reading.heat_pumps import PLATE
from ..reading.sessions import SESSION, SESSION_NUMBERS
from ..reading.stamps import EPOCH, MICROSECOND
from ._devices import ACCOUNT, BATTERIES, HEATING, LEVELS, SHARING, VEHICLES, accounts_of, batteries_of
from ._extras import EVENT_COLUMNS, EVENTS

Columns = dict[str, Any]
PLAIN = {
    "efficiency_charge": "charge_efficiency", "efficiency_discharge": "discharge_efficiency",
    **{name: name for name in ("leakage", "wear", "terminal_value")},
}  # fmt: skip
KINDS = ("battery", "shared_battery", "vehicle", "heat_pump")
"""Devices that a folder can hold, in the order in which it gives them back."""
REMEDY = "vehicles are written from their sessions; other devices belong into a scenario"


def device_files(community: Community, table: str, drive: Sessions) -> dict[str, Columns | str]:
    """Batteries, sessions, heat pumps and events. Raises ScenarioError for devices that these files cannot hold."""
    have, clock, names = _in_order(community.flexibility), community.clock, community.names
    mine = {kind: np.flatnonzero(have.kind == kind).tolist() for kind in KINDS}
    batteries = [(int(have.owner[k]), _sheet(have, k)) for k in mine["battery"]]
    standing = {names[have.owner[k]]: _standing(have, k) for k in mine["battery"]}
    shared = _sharing(have, names)
    accounts = [accounts_of(clock.slots, name, entry, names, Problems()) for name, entry in shared.items()]
    again = Flexibility.joined(
        batteries_of(clock.slots, batteries), *(some for some in accounts if some),
        Flexibility.vehicles(clock, drive), _heating(community, have),
    )  # fmt: skip
    _check_same(have, again, standing, names)
    files: dict[str, Columns | str] = {}
    if batteries:
        files[BATTERIES] = _json([{"member": names[n], **sheet} for n, sheet in batteries])
    if shared:
        files[SHARING] = json.dumps(shared, indent=1, allow_nan=False)
    if mine["heat_pump"]:
        files[HEATING] = _json([{"member": names[have.owner[k]], **_pump(have, k)} for k in mine["heat_pump"]])
    if drive.member.size:
        files[f"{VEHICLES}.{table}"] = _session_table(community, drive)
    return files | _events(community, standing)


def _in_order(have: Flexibility) -> Flexibility:
    """The devices as a folder lists them: kind by kind, vehicles and accounts by member."""
    strange = sorted(set(have.kind.tolist()) - set(KINDS))
    if strange:
        raise ScenarioError(f"flexibility: {', '.join(strange)} does not fit into a folder (§16); {REMEDY}")
    rank = np.array([KINDS.index(str(kind)) for kind in have.kind], dtype=np.int64)
    batteries = list(have.batteries_shared)
    group = np.array([batteries.index(str(name)) if name else 0 for name in have.shared], dtype=np.int64)
    by_member = (have.kind == "vehicle") | (have.kind == "shared_battery")
    within = np.where(by_member, have.owner, np.arange(have.devices))
    return have.kept(np.lexsort((within, group, rank)))


def _json(entries: list[dict[str, Any]]) -> str:
    return json.dumps(entries, indent=1, allow_nan=False)


def _sharing(have: Flexibility, names: tuple[str, ...]) -> dict[str, Any]:
    """By name every shared battery and its accounts, in full."""
    found = {}
    for name, accounts in have.batteries_shared.items():
        sheet = _sheet(have, int(accounts[0])) | {"level_min_kwh": 0.0, "level_start_kwh": 0.0}
        size = max(float(have.capacity_kwh[accounts].sum()), sheet["level_max_kwh"])
        each = {names[have.owner[k]]: {key: _sheet(have, k)[key] for key in ACCOUNT} for k in accounts.tolist()}
        found[name] = {**sheet, "capacity_kwh": size, "accounts": each}
    return found


def _heating(community: Community, have: Flexibility) -> Flexibility:
    """The heat pumps, made again from what their entries say."""
    mine = have.kept(np.flatnonzero(have.kind == "heat_pump"))
    plates = [_plate(mine, k) for k in range(mine.devices)]
    columns = {name: np.array([plate[name] for plate in plates]) for name in PLATE}
    return heat_pumps(community.clock, mine.owner, mine.drain_kwh, mine.charge_efficiency, **columns)


def _pump(have: Flexibility, k: int) -> dict[str, Any]:
    """A heat pump's entry."""
    heat, cop = have.drain_kwh[:, k].tolist(), have.charge_efficiency[:, k].tolist()
    return {**_plate(have, k), "heat_kwh": heat, "cop": cop}


def _plate(have: Flexibility, k: int) -> dict[str, float]:
    given = have.charge_kw[:, k], have.level_max_kwh[:, k], have.level_start_kwh[k], have.leakage[k]
    return {name: float(np.max(value, initial=0.0)) for name, value in zip(PLATE, given, strict=True)}


def _events(community: Community, standing: Mapping[str, Mask]) -> dict[str, Columns | str]:
    clock = community.clock
    events = [("pool_maintenance", "", "", *window) for window in _windows(~community.market_open)]
    events += [("device_outage", name, "battery", *w) for name, off in standing.items() for w in _windows(off)]
    if not events:
        return {}
    ends = [*stamps_of(community), (clock.start + clock.slots * clock.slot).isoformat()]
    written = [(*event[:3], ends[event[3]], ends[event[4]]) for event in events]
    return {f"{EVENTS}.csv": dict(zip(EVENT_COLUMNS, map(list, zip(*written, strict=True)), strict=True))}


def stamps_of(community: Community) -> list[str]:
    """Start of every slot with the local offset."""
    zone, clock = ZoneInfo(community.clock.zone), community.clock
    start = (clock.start - EPOCH) // MICROSECOND
    slot = clock.slot // MICROSECOND
    return [(EPOCH + (start + t * slot) * MICROSECOND).astimezone(zone).isoformat() for t in range(clock.slots)]


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
    if have.devices != again.devices or (have.owner != again.owner).any() or (have.kind != again.kind).any():
        kinds = ", ".join(sorted(set(have.kind.tolist())))
        raise ScenarioError(f"flexibility: {have.devices} devices ({kinds}) do not fit into a folder; {REMEDY}")
    off = np.zeros(have.charge_kw.shape, np.bool_)
    for k in np.flatnonzero(have.kind == "battery").tolist():
        off[:, k] = standing[names[have.owner[k]]]
    for field in fields(have):
        made = getattr(again, field.name)
        wanted = np.where(off, 0.0, made) if field.name in ("charge_kw", "discharge_kw") else made
        if not np.array_equal(getattr(have, field.name), wanted):
            raise ScenarioError(f"flexibility.{field.name}: does not fit into a folder (§16); {REMEDY}")


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
