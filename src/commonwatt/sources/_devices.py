"""Devices of a folder: batteries, what of the load can shift, charging sessions of vehicles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..clock import Clock
from ..envelope import Flexibility, Sessions
from ..errors import Problems
from ..noun import Array
from ..reading.files import present
from ..reading.json_file import closed, entries, is_number, number, read_json, some
from ..reading.sheets import Numbers, Sheet, locate, read_sheet
from ..reading.stamps import EPOCH, MICROSECOND, instants
from ._profiles import Profiles

BATTERIES, BENDING, VEHICLES = "battery_specs.json", "load_flexibility.json", "evs"
SHARES = {"soc_min": 0.1, "soc_max": 0.9, "soc_initial": 0.5}
LEVELS = {"level_min_kwh": "soc_min", "level_max_kwh": "soc_max", "level_start_kwh": "soc_initial"}
RATES = {"efficiency_charge": 0.95, "efficiency_discharge": 0.95, "leakage": 0.0}
FIELDS = ("member", "capacity_kwh", "power_kw", "charge_kw", "discharge_kw", *SHARES, *LEVELS, *RATES)
SESSION = ("member", "arrival", "departure")
SESSION_NUMBERS = ("energy_kwh", "power_kw", "v2g_kw")


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
    """Batteries from (owner, data sheet) with the fields of `_battery`."""
    if not rows:
        return Flexibility.none(slots)
    columns: dict[str, Array] = {name: np.array([spec[name] for _, spec in rows]) for name in rows[0][1]}
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
            bound[:, member] = _per_slot(entry.get(key), f"{where}, {key}", profiles.clock, problems)
        wrong = np.flatnonzero(low[:, member] > high[:, member])
        if wrong.size:
            what = f"min_kwh above max_kwh in step {int(wrong[0])} and {wrong.size - 1} more"
            problems.add(where, what, "§3: min_kwh <= max_kwh", "exchange them")
    return {"flex_min_kwh": low, "flex_max_kwh": high}, ()


def _per_slot(value: Any, where: str, clock: Clock, problems: Problems) -> Array | float:
    """A number, or one for each slot."""
    if not isinstance(value, list):
        return number({"": value}, "", where, problems)
    if len(value) != clock.slots:
        rule = f"one number for each of {clock.slots} slots"
        problems.add(where, f"{len(value)} numbers", rule, "give it the length of the load table")
        return 0.0
    wrong = [k for k, each in enumerate(value) if not is_number(each) or each < 0]
    for k in wrong[:20]:
        what = f"{value[k]!r}"[:40]
        problems.add(f"{where}, step {k}", what, "§3: energy is a number of at least 0", "write kWh")
    return 0.0 if wrong else np.array(value, dtype=np.float64)


def read_vehicles(folder: Path, profiles: Profiles, problems: Problems) -> tuple[Sessions, tuple[str, ...]]:
    """Charging sessions of ``evs.csv``; without the file none."""
    path = locate(folder, VEHICLES, problems)
    sheet = read_sheet(path, SESSION, Numbers(remedy="write kWh and kW"), problems) if path else None
    if sheet is None:
        return Sessions.none(), ()
    columns = _session_numbers(sheet, problems)
    members = member_column(sheet, profiles.names, problems)
    moments = [instants(sheet, name, problems) for name in ("arrival", "departure")]
    if columns is None or members is None or moments[0] is None or moments[1] is None:
        return Sessions.none(), ()
    clock = profiles.clock
    start, slot = (clock.start - EPOCH) // MICROSECOND, clock.slot // MICROSECOND
    arrival, departure = ((us - start) / slot for _, us in (moments[0], moments[1]))
    sessions = Sessions(member=members, arrival=arrival, departure=departure, **columns)
    _check_sessions(sheet, sessions, problems)
    return sessions, _session_notes(sheet.file, sessions, clock)


def _session_numbers(sheet: Sheet, problems: Problems) -> dict[str, Array] | None:
    before = len(problems.lines)
    for name in sheet.names:
        if name not in SESSION_NUMBERS:
            known = some((*SESSION, *SESSION_NUMBERS))
            problems.add(f"{sheet.file} row 1", repr(name), "a known column", f"write one of {known}")
    for name in SESSION_NUMBERS[:2]:
        if name not in sheet.names:
            problems.add(f"{sheet.file} row 1", f"no column {name!r}", f"§16: a column {name}", "add it")
    if len(problems.lines) > before:
        return None
    found = {name: sheet.values[:, k].copy() for k, name in enumerate(sheet.names)}
    return {"v2g_kw": np.zeros(sheet.rows), **found}


def member_column(sheet: Sheet, names: tuple[str, ...], problems: Problems) -> Any:
    """Numbers of the members named in the column `member` (R,); None and problems where one is unknown."""
    index = {name: n for n, name in enumerate(names)}
    found = [index.get(name, -1) for name in sheet.text["member"]]
    for row in [row for row, n in enumerate(found) if n < 0][:1000]:
        what = repr(sheet.text["member"][row][:60])
        rule = "a member of the load table"
        problems.add(sheet.where(row, "member"), what, rule, f"write one of {some(names)}")
    return None if -1 in found else np.array(found, dtype=np.int64)


def _check_sessions(sheet: Sheet, sessions: Sessions, problems: Problems) -> None:
    """Reports sessions that end before they start, or overlap another one of the member."""
    for row in np.flatnonzero(sessions.departure <= sessions.arrival)[:1000].tolist():
        what = f"{sheet.text['departure'][row]} is not after {sheet.text['arrival'][row]}"
        problems.add(sheet.where(row, "departure"), what, "§1: a session has a length", "correct one of the times")
    order = np.lexsort((sessions.arrival, sessions.member))
    same = np.diff(sessions.member[order]) == 0
    late = sessions.arrival[order][1:] < sessions.departure[order][:-1]
    for k in np.flatnonzero(same & late)[:1000].tolist():
        before, row = int(order[k]), int(order[k + 1])
        what = f"it overlaps row {sheet.first + before}"
        remedy = "correct the times; a second vehicle needs a member of its own"
        problems.add(sheet.where(row, "arrival"), what, "one vehicle for each member", remedy)


def _session_notes(file: str, sessions: Sessions, clock: Clock) -> tuple[str, ...]:
    """What of the sessions cannot be done or seen."""
    outside = (sessions.departure <= 0) | (sessions.arrival >= clock.slots)
    short = (sessions.served(clock.hours) < sessions.energy_kwh - 1e-9) & ~outside
    notes = []
    if outside.any():
        notes.append(f"{file}: {int(outside.sum())} sessions lie outside the run and are left out")
    if short.any():
        lost = float((sessions.energy_kwh - sessions.served(clock.hours))[short].sum())
        notes.append(f"{file}: {int(short.sum())} sessions ask for {lost:.1f} kWh more than their power can charge")
    return tuple(notes)
