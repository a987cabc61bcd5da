"""Heat pumps from a JSON file: one entry for each, with the member, the power, and the heat it must give."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..clock import Clock
from ..envelope import Flexibility
from ..errors import Problems
from ..habits.heating import SUPPLY_C, cop_of_air, heat_pumps
from ..noun import Array
from .json_file import closed, entries, number, per_slot, read_json

PLATE = ("power_kw", "store_kwh", "level_start_kwh", "leakage")
FIELDS = ("member", "heat_kwh", "cop", "supply_c", *PLATE)
LEAST_COP, MOST_COP = 0.5, 20.0


def read_heat_pumps(
    path: Path, clock: Clock, names: tuple[str, ...], outdoor_c: Array | None, problems: Problems
) -> Flexibility:
    """The heat pumps of members `names`; `outdoor_c` (T,) is for those whose entry has no `cop`."""
    value = read_json(path, problems)
    rows = [] if value is None else entries(value, names, path.name, problems)
    found = [(owner, *_pump(entry, where, clock, outdoor_c, problems)) for owner, where, entry in rows]
    shape = (clock.slots, len(found))
    heat, cop = np.zeros(shape), np.ones(shape)
    for k, (_, heat_kwh, factor, _) in enumerate(found):
        heat[:, k], cop[:, k] = heat_kwh, factor
    plates = {name: np.array([plate[name] for *_, plate in found]) for name in PLATE}
    return heat_pumps(clock, np.array([row[0] for row in found], dtype=np.int64), heat, cop, **plates)


def _pump(
    entry: Mapping[str, Any], where: str, clock: Clock, outdoor_c: Array | None, problems: Problems
) -> tuple[Array | float, Array | float, dict[str, float]]:
    """Heat it must give, its coefficient of performance, and its plate."""
    closed(entry, FIELDS, where, problems)
    store = number({"store_kwh": 0.0, **entry}, "store_kwh", where, problems)
    told = {"level_start_kwh": store / 2, "leakage": 0.0, **entry}
    plate = {
        "power_kw": number(entry, "power_kw", where, problems),
        "store_kwh": store,
        "level_start_kwh": number(told, "level_start_kwh", where, problems, most=store),
        "leakage": number(told, "leakage", where, problems, most=1 - 1e-9),
    }
    heat = per_slot(entry.get("heat_kwh"), f"{where}, heat_kwh", clock.slots, problems)
    return heat, _cop(entry, where, clock, outdoor_c, problems), plate


def _cop(
    entry: Mapping[str, Any], where: str, clock: Clock, outdoor_c: Array | None, problems: Problems
) -> Array | float:
    if "cop" in entry:
        cop = per_slot(entry["cop"], f"{where}, cop", clock.slots, problems)
        low, high = float(np.min(cop)), float(np.max(cop))
        if low >= LEAST_COP and high <= MOST_COP:
            return cop
        rule = f"heat per electricity, {LEAST_COP:g} to {MOST_COP:g}"
        problems.add(f"{where}, cop", f"from {low:g} to {high:g}", rule, "correct it")
        return 1.0
    if outdoor_c is None:
        remedy = "give `cop`, or the temperature in signals.csv"
        problems.add(where, "no cop, and no signal temperature_c", "§16: heat per electricity", remedy)
        return 1.0
    return cop_of_air(outdoor_c, number({"supply_c": SUPPLY_C, **entry}, "supply_c", where, problems))
