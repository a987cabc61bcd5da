"""The parts of a CityLearn data set: its schema, a building's rows, signals.

Efficiency is that of a whole cycle: CityLearn applies its square root when charging and when discharging
(`StorageDevice.charge` in citylearn/energy_model.py). Hours are 1 to 24 and name the end of the interval.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Problems
from ..noun import Array
from ..reading.files import MOST_LISTED, present
from ..reading.json_file import number, read_json, some
from ..reading.sheets import read_chosen

NAMES = {
    "month": ("month",),
    "hour": ("hour",),
    "day_type": ("day_type", "day type"),
    "non_shiftable_load": ("non_shiftable_load", "equipment electric power"),
    "solar_generation": ("solar_generation", "solar generation"),
    "dhw_demand": ("dhw_demand", "dhw heating"),
    "cooling_demand": ("cooling_demand", "cooling load"),
    "heating_demand": ("heating_demand", "heating load"),
    "daylight_savings_status": ("daylight_savings_status", "daylight savings status"),
}
"""Our name -> column names, newer and older, without their units."""
NEEDED = ("month", "hour", "day_type", "non_shiftable_load", "solar_generation")
SIGNALS = {
    "carbon_intensity": {"carbon_kg_per_kwh": ("carbon_intensity", "kg_co2/kwh")},
    "pricing": {"import_price": ("electricity_pricing", "electricity pricing")},
    "weather": {
        "temperature_c": ("outdoor_dry_bulb_temperature", "outdoor drybulb temperature"),
        "diffuse_irradiance_w_m2": ("diffuse_solar_irradiance", "diffuse solar radiation"),
        "direct_irradiance_w_m2": ("direct_solar_irradiance", "direct solar radiation"),
    },
}
"""File in the schema -> our signal -> column names."""
READ = (
    "include", "energy_simulation", "inactive_observations", "inactive_actions", "electrical_storage", "pv", *SIGNALS,
)  # fmt: skip
NOT_NEGATIVE = ("non_shiftable_load", "solar_generation")


@dataclass(frozen=True)
class Steps:
    """Rows in use and their length. [s]"""

    first: int
    last: int | None
    seconds: float


@dataclass(frozen=True, eq=False)
class Building:
    """One building: its entry in the schema, its columns by our names (T,)."""

    name: str
    file: str
    entry: dict[str, Any]
    columns: dict[str, Array]
    pv_kw: float
    storage: dict[str, Any]
    others: tuple[str, ...]

    def column(self, name: str) -> Array:
        """Values of every row. (T,)"""
        return self.columns[name]

    def has(self, name: str) -> bool:
        """Whether the file has the column."""
        return name in self.columns

    @property
    def weekday(self) -> Array:
        """1 for Monday to 7, 8 for a holiday. (T,)"""
        return self.columns["day_type"]


def schema_files(path: Path) -> tuple[Path, ...]:
    """The schema and the files it names, as far as they are there."""
    schema = read_json(path / "schema.json", Problems()) if present(path / "schema.json") else None
    buildings = schema.get("buildings") if isinstance(schema, dict) else None
    entries = buildings.values() if isinstance(buildings, dict) else ()
    included = [entry for entry in entries if isinstance(entry, dict) and entry.get("include", True)]
    keys = ("energy_simulation", *SIGNALS)
    names = {entry[key] for entry in included for key in keys if isinstance(entry.get(key), str)}
    files = [path / name for name in sorted({"schema.json", *names}) if inside(name)]
    return tuple(file for file in files if present(file))


def inside(name: str) -> bool:
    """Whether a file's name stays in the folder."""
    return "\0" not in name and not Path(name).is_absolute() and ".." not in Path(name).parts


def steps_of(schema: Any, problems: Problems) -> Steps:
    """Which rows the schema uses, and their length."""
    entry = schema if isinstance(schema, dict) else {}
    first, last = (entry.get(f"simulation_{end}_time_step") for end in ("start", "end"))
    for name, value in (("simulation_start_time_step", first), ("simulation_end_time_step", last)):
        if value is not None and not (isinstance(value, int) and 0 <= value < 10**8):
            problems.add(f"schema.json {name}", repr(value)[:40], "a row counted from 0", "write a whole number")
            first, last = 0, None
    if isinstance(first, int) and isinstance(last, int) and last < first:
        what = f"{last} is before {first}"
        problems.add("schema.json simulation_end_time_step", what, "rows in order", "exchange the two")
    seconds = number({"": entry.get("seconds_per_time_step", 3600)}, "", "schema.json", problems, least=1, most=3600)
    if seconds and 3600 % seconds:
        what = f"{seconds:g}"
        problems.add("schema.json seconds_per_time_step", what, "§1: slots fill an hour", "write 900, 1800 or 3600")
    return Steps(first or 0, last, seconds or 3600)


def read_buildings(path: Path, schema: Any, steps: Steps, problems: Problems) -> list[Building]:
    """The buildings that the schema includes."""
    buildings = schema.get("buildings") if isinstance(schema, dict) else None
    if not isinstance(buildings, dict):
        if not problems.lines:
            problems.add("schema.json", "no buildings", "a map of buildings", 'write "buildings": {...}')
        return []
    found = []
    for name, entry in buildings.items():
        if not isinstance(entry, dict):
            problems.add(f"schema.json building {name!r}", repr(entry)[:40], "an entry with fields", "mend the schema")
        elif entry.get("include", True):
            building = _building(path, name, entry, steps, problems)
            found += [building] if building else []
    rows = {b.columns["month"].size for b in found}
    if len(rows) > 1:
        what = ", ".join(f"{b.file}: {b.columns['month'].size}" for b in found[:8])
        problems.add("buildings", what, "§2: all members have the same rows", "give all files the same length")
    return found


def _building(path: Path, name: str, entry: dict[str, Any], steps: Steps, problems: Problems) -> Building | None:
    where = f"schema.json building {name!r}"
    file = entry.get("energy_simulation")
    if not isinstance(file, str) or not inside(file):
        problems.add(f"{where}, energy_simulation", repr(file)[:60], "a file of this folder", "write its name")
        return None
    pv = _attributes(entry, "pv", where, problems)
    pv_kw = number(pv, "nominal_power", f"{where}, pv", problems) if pv else 0.0
    storage = _attributes(entry, "electrical_storage", where, problems)
    columns = _columns(path / file, NAMES, NEEDED, steps, problems)
    if columns is None:
        return None
    others = tuple(sorted(key for key, value in entry.items() if key not in READ and value))
    return Building(name, file, entry, columns, pv_kw, storage, others)


def _attributes(entry: dict[str, Any], key: str, where: str, problems: Problems) -> dict[str, Any]:
    """A device's attributes, {} where there is no such device."""
    device = entry.get(key)
    attributes = device.get("attributes") if isinstance(device, dict) else device
    if attributes is None:
        return {}
    if not isinstance(attributes, dict):
        problems.add(f"{where}, {key}", repr(attributes)[:40], "attributes by name", "mend the schema")
        return {}
    return attributes


def battery(building: Building, hours: float, problems: Problems) -> dict[str, float] | None:
    """A battery's data sheet from the schema, None without one; it starts at its lower limit unless it says else."""
    where = f"schema.json building {building.name!r}, electrical_storage"
    values = {"capacity": 0.0, "efficiency": 0.9, "loss_coefficient": 0.0, "depth_of_discharge": 1.0}
    values |= {name: value for name, value in building.storage.items() if value is not None}
    capacity = number(values, "capacity", where, problems)
    if not capacity:
        return None
    power = number(values, "nominal_power", where, problems)
    way = math.sqrt(number(values, "efficiency", where, problems, least=1e-3, most=1.0))
    loss = number(values, "loss_coefficient", where, problems, most=1.0)
    empty = 1.0 - number(values, "depth_of_discharge", where, problems, most=1.0)
    start = number({"initial_soc": empty, **values}, "initial_soc", where, problems, least=empty, most=1.0)
    return {
        "capacity_kwh": capacity, "charge_kw": power, "discharge_kw": power,
        "efficiency_charge": way, "efficiency_discharge": way, "leakage": 1 - (1 - loss) ** hours,
        "level_min_kwh": empty * capacity, "level_max_kwh": capacity, "level_start_kwh": start * capacity,
    }  # fmt: skip


def read_signal(path: Path, found: list[Building], steps: Steps, problems: Problems) -> dict[str, Array]:
    """Signals (T,) of the files that all buildings share."""
    signals: dict[str, Array] = {}
    rows = found[0].columns["month"].size
    for key, names in SIGNALS.items():
        files = sorted({b.entry[key] for b in found if isinstance(b.entry.get(key), str)})
        if len(files) > 1 or not all(map(inside, files)):
            rule = "one file of this folder for the whole community"
            problems.add(f"schema.json {key}", some(tuple(files)), rule, "write the same file at all buildings")
            continue
        needed = next(iter(names))
        columns = _columns(path / files[0], names, (needed,), steps, problems) if files else None
        if columns is not None and columns[needed].size != rows:
            rule = f"one row for each of {rows} steps"
            problems.add(files[0], f"{columns[needed].size} rows", rule, "give it the length of the buildings' files")
        signals.update(columns or {})
    return signals


def _columns(
    path: Path, names: Mapping[str, tuple[str, ...]], needed: tuple[str, ...], steps: Steps, problems: Problems
) -> dict[str, Array] | None:
    """Columns of a CSV file by our names, cut to the steps in use; None and problems where one is missing or wrong."""
    before = len(problems.lines)
    sheet = read_chosen(path, {name: _place(options) for name, options in names.items()}, problems)
    if sheet is None:
        return None
    for name in needed:
        if name not in sheet.names:
            problems.add(f"{path.name} row 1", f"no column {names[name][0]!r}", "CityLearn's columns", "add it")
    if sheet.rows <= (steps.last if steps.last is not None else steps.first):
        rule = f"rows up to the schema's step {steps.last or steps.first}"
        problems.add(path.name, f"{sheet.rows} rows", rule, "complete the file, or mend simulation_end_time_step")
    found = {name: sheet.values[:, k] for k, name in enumerate(sheet.names)}
    for name in NOT_NEGATIVE:
        for row in np.flatnonzero(found.get(name, np.zeros(0)) < 0)[:MOST_LISTED].tolist():
            what = repr(float(found[name][row]))
            problems.add(sheet.where(row, names[name][0]), what, "§3: energy is never negative", "write 0")
    if len(problems.lines) > before:
        return None
    stop = sheet.rows if steps.last is None else steps.last + 1
    return {name: np.ascontiguousarray(column[steps.first : stop]) for name, column in found.items()}


def _place(options: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join(re.escape(name) for name in options)
    return re.compile(rf"({words})(\s*[\[(].*)?", re.IGNORECASE)
