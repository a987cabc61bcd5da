"""Devices of a folder: batteries, what of the load can shift, charging sessions of vehicles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..envelope import Flexibility, Sessions
from ..errors import Problems
from ..noun import Array
from ..reading.files import present
from ..reading.heat_pumps import read_heat_pumps
from ..reading.json_file import closed, entries, number, per_slot, read_json, some
from ..reading.sessions import read_sessions
from ..reading.sheets import locate
from ._profiles import Profiles

BATTERIES, BENDING, VEHICLES, HEATING = "battery_specs.json", "load_flexibility.json", "evs", "heat_pumps.json"
SHARING = "shared_batteries.json"
SHARES = {"soc_min": 0.1, "soc_max": 0.9, "soc_initial": 0.5}
LEVELS = {"level_min_kwh": "soc_min", "level_max_kwh": "soc_max", "level_start_kwh": "soc_initial"}
RATES = {"efficiency_charge": 0.95, "efficiency_discharge": 0.95, "leakage": 0.0}
MONEY = {"wear": 0.0, "terminal_value": 0.0}
ACCOUNT = ("capacity_kwh", "level_min_kwh", "level_start_kwh")
FIELDS = (
    "member", "capacity_kwh", "power_kw", "charge_kw", "discharge_kw", *SHARES, *LEVELS, *RATES, *MONEY,
)  # fmt: skip


def read_batteries(folder: Path, profiles: Profiles, problems: Problems) -> tuple[Flexibility, tuple[str, ...]]:
    """Batteries of ``battery_specs.json``; without the file none, and a note."""
    slots = profiles.clock.slots
    if not present(folder / BATTERIES):
        return Flexibility.none(slots), (f"no {BATTERIES}: no batteries",)
    value = read_json(folder / BATTERIES, problems)
    rows = [] if value is None else entries(value, profiles.names, BATTERIES, problems)
    found = [(owner, _battery(entry, where, problems)) for owner, where, entry in rows]
    kept = [(owner, spec) for owner, spec in found if spec["capacity_kwh"] > 0]
    return batteries_of(slots, kept), ()


def _battery(entry: Mapping[str, Any], where: str, problems: Problems) -> dict[str, float]:
    """One battery's data sheet with the defaults filled in; levels in kWh."""
    closed(entry, FIELDS, where, problems)
    spec = {"capacity_kwh": number(entry, "capacity_kwh", where, problems)}
    capacity = spec["capacity_kwh"]
    if not capacity:
        return spec
    for side in ("charge_kw", "discharge_kw"):
        spec[side] = number(entry, side if side in entry else "power_kw", where, problems)
    for name, default in RATES.items():
        least = 1e-3 if name.startswith("efficiency") else 0.0
        spec[name] = number({name: default, **entry}, name, where, problems, least=least, most=1.0)
    for name in MONEY:
        spec[name] = number({**MONEY, **entry}, name, where, problems)
    for name, share in LEVELS.items():
        if name in entry:
            spec[name] = number(entry, name, where, problems, most=capacity)
        else:
            spec[name] = number({**SHARES, **entry}, share, where, problems, most=1.0) * capacity
    low, start, high = (spec[name] for name in ("level_min_kwh", "level_start_kwh", "level_max_kwh"))
    if not low <= start <= high:
        what = f"{low:g}, {start:g}, {high:g} kWh"
        problems.add(where, what, "§3: soc_min <= soc_initial <= soc_max", "put them in this order")
    return spec


def batteries_of(slots: int, rows: list[tuple[int, dict[str, float]]]) -> Flexibility:
    """Batteries from (owner, data sheet) with the fields of `_battery`; without money's, they cost nothing."""
    if not rows:
        return Flexibility.none(slots)
    sheets = [{**MONEY, **spec} for _, spec in rows]
    columns: dict[str, Array] = {name: np.array([sheet[name] for sheet in sheets]) for name in sheets[0]}
    capacity = columns["capacity_kwh"]
    made = Flexibility.batteries(
        slots,
        np.array([owner for owner, _ in rows], dtype=np.int64),
        capacity,
        charge_kw=columns["charge_kw"],
        discharge_kw=columns["discharge_kw"],
        charge_efficiency=columns["efficiency_charge"],
        discharge_efficiency=columns["efficiency_discharge"],
        leakage=columns["leakage"],
        wear=columns["wear"],
        terminal_value=columns["terminal_value"],
    )
    shape = made.charge_kw.shape
    # The levels as they were given: a share of the capacity would round them.
    return Flexibility(
        **{
            **vars(made),
            "level_min_kwh": np.broadcast_to(columns["level_min_kwh"], shape),
            "level_max_kwh": np.broadcast_to(columns["level_max_kwh"], shape),
            "level_start_kwh": columns["level_start_kwh"],
        }
    )


def read_shared(folder: Path, profiles: Profiles, problems: Problems) -> Flexibility:
    """Accounts in the batteries of ``shared_batteries.json``, a map by name; without the file none."""
    slots = profiles.clock.slots
    value = read_json(folder / SHARING, problems) if present(folder / SHARING) else {}
    if not isinstance(value, dict | None):
        problems.add(SHARING, "no map by name", "§16: batteries by name", 'write {"name": {...}}')
        return Flexibility.none(slots)
    found = [accounts_of(slots, name, entry, profiles.names, problems) for name, entry in (value or {}).items()]
    return Flexibility.joined(Flexibility.none(slots), *(accounts for accounts in found if accounts))


def accounts_of(slots: int, name: str, entry: Any, names: tuple[str, ...], problems: Problems) -> Flexibility | None:
    """The accounts in one battery; None and problems where something is wrong."""
    where, before = f"{SHARING} {name!r}", len(problems.lines)
    sheet = entry if isinstance(entry, dict) else {}
    accounts = sheet.get("accounts")
    if not isinstance(accounts, dict) or not accounts:
        problems.add(f"{where}, accounts", repr(accounts)[:40], "§16: parts by member", 'write {"member": part}')
        return None
    spec = _battery({key: each for key, each in sheet.items() if key != "accounts"}, where, problems)
    rows = [_account(member, each, f"{where}, accounts", names, problems) for member, each in accounts.items()]
    if not name or not spec["capacity_kwh"]:
        problems.add(where, "no name or no capacity", "§9: a shared battery has both", "complete it")
    if len(problems.lines) > before:
        return None
    rows.sort(key=lambda row: row[0])
    owner, part = np.array([row[0] for row in rows], dtype=np.int64), np.array([row[1] for row in rows])
    made = batteries_of(slots, [(0, spec)]).divided(name, owner, part / part.sum())
    if not all(full for *_, full in rows):
        return made
    told = {name: np.array([full[name] for *_, full in rows]) for name in ACCOUNT}
    return replace(
        made, capacity_kwh=told["capacity_kwh"], level_start_kwh=told["level_start_kwh"],
        level_min_kwh=np.broadcast_to(told["level_min_kwh"], made.level_min_kwh.shape),
    )  # fmt: skip


def _account(
    member: str, value: Any, where: str, names: tuple[str, ...], problems: Problems
) -> tuple[int, float, dict[str, float]]:
    """Number of the member, its part, and its own levels where they are given in full."""
    if member not in names:
        problems.add(where, repr(member)[:60], "a member of the load table", f"write one of {some(names)}")
        return 0, 1.0, {}
    if not isinstance(value, dict):
        return names.index(member), number({member: value}, member, where, problems, least=1e-9), {}
    closed(value, ACCOUNT, f"{where} {member!r}", problems)
    full = {key: number(value, key, f"{where} {member!r}", problems) for key in ACCOUNT}
    return names.index(member), max(full["capacity_kwh"], 1e-9), full


def read_bending(folder: Path, profiles: Profiles, problems: Problems) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Bounds of every member's load from ``load_flexibility.json``, as series; members it does not name have none.

    `flex_min_kwh` and `flex_max_kwh` (T, N); without the file no series, and a note.
    """
    if not present(folder / BENDING):
        return {}, (f"no {BENDING}: the load does not shift",)
    value = read_json(folder / BENDING, problems)
    load = profiles.load_kw * profiles.clock.hours
    low, high = load.copy(), load.copy()
    for member, where, entry in [] if value is None else entries(value, profiles.names, BENDING, problems):
        closed(entry, ("member", "min_kwh", "max_kwh", "share"), where, problems)
        if "share" in entry:
            share = number(entry, "share", where, problems, most=1.0)
            low[:, member], high[:, member] = load[:, member] * (1 - share), load[:, member] * (1 + share)
            continue
        for bound, key in ((low, "min_kwh"), (high, "max_kwh")):
            bound[:, member] = per_slot(entry.get(key), f"{where}, {key}", profiles.clock.slots, problems)
        wrong = np.flatnonzero(low[:, member] > high[:, member])
        if wrong.size:
            what = f"min_kwh above max_kwh in step {int(wrong[0])} and {wrong.size - 1} more"
            problems.add(where, what, "§3: min_kwh <= max_kwh", "exchange them")
    return {"flex_min_kwh": low, "flex_max_kwh": high}, ()


def read_vehicles(folder: Path, profiles: Profiles, problems: Problems) -> tuple[Sessions, tuple[str, ...]]:
    """Charging sessions of ``evs.csv``; without the file none."""
    path = locate(folder, VEHICLES, problems)
    return read_sessions(path, profiles.clock, profiles.names, problems) if path else (Sessions.none(), ())


def read_heating(folder: Path, profiles: Profiles, signals: Mapping[str, Array], problems: Problems) -> Flexibility:
    """Heat pumps of ``heat_pumps.json``; without the file none."""
    if not present(folder / HEATING):
        return Flexibility.none(profiles.clock.slots)
    return read_heat_pumps(folder / HEATING, profiles.clock, profiles.names, signals.get("temperature_c"), problems)
