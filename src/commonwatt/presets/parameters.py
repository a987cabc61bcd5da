"""S2's own parameters: groups, names, ranges, units and tooltips in one table; read, kept, and put into the preset."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from .. import documents
from ..errors import ScenarioError
from ..registry import Settings, parameters
from ..scenario import Study, presets, validated
from ..sources._limits import GRID as CAPACITY
from ..sources.households import Households

PRESET = "trading_system"
MINUTES_OF_DAY, DAY = 1440, 24
Share = Annotated[float, Field(ge=0, le=1)]
Price = Annotated[float, Field(ge=0, le=10)]
Power = Annotated[float, Field(ge=0, le=1_000_000)]
Steps = Annotated[int, Field(ge=1, le=8_760)]


class Simulation(Settings):
    """How long, and in what steps."""

    simulation_steps: Annotated[int, Field(ge=1, le=105_120)] = 96
    """How many steps are simulated. [steps]"""
    time_step_hours: Annotated[float, Field(ge=1 / 60, le=24)] = 1.0
    """Length of a step; whole minutes that divide a day. [h]"""

    @model_validator(mode="after")
    def _fills_a_day(self) -> Self:
        minutes = self.time_step_hours * 60
        if abs(minutes - round(minutes)) > 1e-9 or MINUTES_OF_DAY % round(minutes):
            raise ValueError("time_step_hours")
        return self


class Household(Settings):
    """Who takes part."""

    max_households: Annotated[int, Field(ge=1, le=10_000)] = 10
    """How many households. [households]"""
    shared_battery_probability: Share = 0.3
    """Probability that a household has an account in the central battery instead of a battery at home. [-]"""
    initial_wallet: Annotated[float, Field(ge=-1_000_000, le=1_000_000)] = 100.0
    """What is in every wallet before the first step. [money]"""


class Battery(Settings):
    """What can be stored."""

    simple_capacity_kwh: Annotated[float, Field(ge=0.1, le=1_000)] = 10.0
    """Size of a battery at home. [kWh]"""
    central_capacity_kwh: Annotated[float, Field(ge=0.1, le=100_000)] = 50.0
    """Size of the battery that households share by accounts. [kWh]"""
    charge_efficiency: Annotated[float, Field(ge=0.5, le=1)] = 0.95
    """Stored per energy drawn. [-]"""
    discharge_efficiency: Annotated[float, Field(ge=0.5, le=1)] = 0.95
    """Delivered per energy taken out. [-]"""


class GridPrice(Settings):
    """Between what the grid's prices move over the day."""

    min_buy_price: Price = 0.15
    """Buying price at night. [money/kWh]"""
    max_buy_price: Price = 0.35
    """Buying price from 17 to 21 h. [money/kWh]"""
    min_sell_price: Price = 0.05
    """Selling price at night. [money/kWh]"""
    max_sell_price: Price = 0.12
    """Selling price from 17 to 21 h; never above the buying price of the same step. [money/kWh]"""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for way in ("buy", "sell"):
            if getattr(self, f"min_{way}_price") > getattr(self, f"max_{way}_price"):
                raise ValueError(f"min_{way}_price")
        return self


class GridCapacity(Settings):
    """What the grid lets through for all households together."""

    use_capacity_limits: bool = True
    """Whether limits hold at all. [yes or no]"""
    default_import_capacity_kw: Power = 10_000.0
    """Highest net import. [kW]"""
    default_export_capacity_kw: Power = 8_000.0
    """Highest net export. [kW]"""


class Forecaster(Settings):
    """What the planner expects."""

    history_size: Steps = 24
    """Steps of the past that a forecast is made from. [steps]"""
    prediction_size: Steps = 24
    """Steps that are planned at a time. [steps]"""


class Optimizer(Settings):
    """Terms of trade, and what a plan weighs."""

    p2p_transaction_cost: Price = 0.01
    """Fee on energy traded between households, half from each side. [money/kWh]"""
    min_trade_threshold: Annotated[float, Field(ge=0, le=1_000)] = 0.1
    """Least that two households trade in a step; less is settled with the grid. [kWh]"""
    wallet_penalty_weight: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0
    """Weight of wallets below zero in a plan; no plan heeds it, debt is reported instead. [-]"""


class Parameters(Settings):
    """S2's parameter file: groups of named numbers. What is left out has its default."""

    simulation: Simulation = Simulation()
    household: Household = Household()
    battery: Battery = Battery()
    grid_price: GridPrice = GridPrice()
    grid_capacity: GridCapacity = GridCapacity()
    forecaster: Forecaster = Forecaster()
    optimizer: Optimizer = Optimizer()

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str) -> Parameters:
        """From groups of values. Raises ScenarioError with every unknown or impossible one, and what is allowed."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            lines = [f"{where}: {_mistake(each)}" for each in error.errors()]
            raise ScenarioError("\n".join(lines)) from error

    @classmethod
    def load(cls, path: Path) -> Parameters:
        """From a file (JSON, YAML or TOML). Raises ScenarioError as `of`, and where it cannot be read."""
        return cls.of(documents.read(path), path.name)

    def changed(self, changes: Mapping[str, Any], where: str = "--set") -> Parameters:
        """With other values by name, ``group.name``. Raises ScenarioError as `of`."""
        values = self.model_dump()
        for name, value in changes.items():
            group, _, inner = name.partition(".")
            values.setdefault(group, {})
            if not isinstance(values[group], dict):
                raise ScenarioError(f"{where}: {name}: {_unknown((group, inner))}")
            values[group][inner] = value
        return Parameters.of(values, where)

    def text(self) -> str:
        """As JSON, every value written out: what `load` reads."""
        return json.dumps(self.model_dump(), indent=2) + "\n"


PLACES: dict[str, tuple[str, ...]] = {
    "simulation.simulation_steps": ("base.source.slots",),
    "simulation.time_step_hours": ("base.source.slot_minutes",),
    "household.max_households": ("base.source.members",),
    "household.shared_battery_probability": ("base.devices.0.share",),
    "household.initial_wallet": ("base.source.wallet_start",),
    "battery.simple_capacity_kwh": ("base.devices.1.capacity_kwh.0",),
    "battery.central_capacity_kwh": ("base.devices.0.capacity_kwh",),
    "battery.charge_efficiency": ("base.devices.0.charge_efficiency", "base.devices.1.charge_efficiency"),
    "battery.discharge_efficiency": ("base.devices.0.discharge_efficiency", "base.devices.1.discharge_efficiency"),
    "grid_price.min_buy_price": ("base.tariff.min_buy",),
    "grid_price.max_buy_price": ("base.tariff.max_buy",),
    "grid_price.min_sell_price": ("base.tariff.min_sell",),
    "grid_price.max_sell_price": ("base.tariff.max_sell",),
    "grid_capacity.use_capacity_limits": ("base.limits.hold",),
    "grid_capacity.default_import_capacity_kw": ("base.limits.import_cap_kw",),
    "grid_capacity.default_export_capacity_kw": ("base.limits.export_cap_kw",),
    "forecaster.history_size": ("variants.optimised.forecast.history",),
    "forecaster.prediction_size": ("variants.optimised.dispatch.prediction",),
    "optimizer.p2p_transaction_cost": ("base.pool.fee_per_kwh",),
    "optimizer.min_trade_threshold": ("base.pool.min_trade_kwh",),
}
"""By parameter, where its value stands in the preset's document."""
UNHEEDED = {
    "optimizer.wallet_penalty_weight": "no plan weighs wallets below zero; they are reported as debt",
}  # fmt: skip
"""By parameter without a place: what holds instead."""


ON_TABLES = "households, steps and, where it stands beside them, grid capacity are those of the tables"


def configured(given: Parameters, households: Path | None = None) -> Study:
    """The preset with these parameters; on tables of households instead of generated ones, if `households` says where.

    Raises ScenarioError for parameters that the preset cannot take together.
    """
    document = documents.read(presets()[PRESET])
    if households is not None:
        path = str(households.expanduser().resolve())
        document["base"]["source"] = {"kind": "households", "path": path, "slot_minutes": 60, "wallet_start": 100}
        if any(path.stem == CAPACITY for path in Households(path=households).inputs()):
            document["base"]["limits"] = {"hold": True}
    values = given.model_dump()
    for name, places in PLACES.items():
        group, _, inner = name.partition(".")
        for place in places:
            _put(document, place.split("."), _written(name, values[group][inner], given.simulation.time_step_hours))
    told = [*warnings(given), *([ON_TABLES] if households else [])]
    study: Study = validated({**document, "notes": "\n".join(told)}, Study, where=PRESET)
    return study


def parameters_of(study: Study) -> Parameters:
    """The parameters that a study's document says; defaults for those that it has no place for."""
    document, values = study.model_dump(mode="json", serialize_as_any=True), Parameters().model_dump()
    hours = Parameters().simulation.time_step_hours
    for name, places in PLACES.items():
        group, _, inner = name.partition(".")
        found = _get(document, places[0].split("."))
        if isinstance(found, bool | int | float):
            values[group][inner] = _read(name, found, hours)
        if name == "simulation.time_step_hours":
            hours = values[group][inner]
    return Parameters.of(values, "params.json")


def _written(name: str, value: Any, hours: float) -> Any:
    """A parameter's value as the document has it; `hours` is the length of a step."""
    if name == "simulation.time_step_hours":
        return value * 60
    return max(1, round(value * hours / DAY)) if name == "forecaster.history_size" else value


def _read(name: str, value: Any, hours: float) -> Any:
    """A value of the document as its parameter has it."""
    if name == "simulation.time_step_hours":
        return value / 60
    return round(value * DAY / hours) if name == "forecaster.history_size" else value


def warnings(given: Parameters) -> tuple[str, ...]:
    """What these parameters do that one may not expect."""
    found, prices, cost = list[str](), given.grid_price, given.optimizer.p2p_transaction_cost
    if cost >= prices.max_buy_price - prices.min_sell_price:
        widest = f"{prices.max_buy_price:g} - {prices.min_sell_price:g}"
        what = f"optimizer.p2p_transaction_cost = {cost:g} per kWh is as much as prices ever lie apart ({widest})"
        found.append(f"{what}: trade never pays, so nobody trades")
    days = given.forecaster.history_size * given.simulation.time_step_hours / DAY
    if days != max(1, round(days)):
        used = max(1, round(days))
        size = given.forecaster.history_size
        found.append(f"forecaster.history_size = {size} steps are {days:g} days: whole days count, {used}")
    now, usual = given.model_dump(), Parameters().model_dump()
    for name, instead in UNHEEDED.items():
        group, _, inner = name.partition(".")
        if now[group][inner] != usual[group][inner]:
            found.append(f"{name} = {now[group][inner]:g} changes nothing: {instead}")
    return tuple(found)


def described(given: Parameters) -> list[dict[str, Any]]:
    """A row for each parameter: group, name, value, default, range, unit, tooltip."""
    values = given.model_dump()
    return [
        {
            "group": group, "name": each.name, "value": values[group][each.name], "default": each.default,
            "range": allowed(group, each.name), "unit": each.unit, "meaning": each.text,
        }
        for group, model in _groups().items() for each in parameters(model)
    ]  # fmt: skip


def allowed(group: str, name: str) -> str:
    """The range of a parameter, in words."""
    field = _groups()[group].model_json_schema()["properties"][name]
    if field["type"] == "boolean":
        return "true or false"
    low, high = (
        f"{field[end]:.10g}" if abs(field[end]) >= 1 else f"{field[end]:.4g}" for end in ("minimum", "maximum")
    )
    return f"{low} to {high}" + (", whole" if field["type"] == "integer" else "")


def _groups() -> dict[str, type[Settings]]:
    return {name: type(field.default) for name, field in Parameters.model_fields.items()}


def _mistake(error: Any) -> str:
    """One mistake: which parameter, its value, what is allowed."""
    place, kind = tuple(map(str, error["loc"])), error["type"]
    if kind == "extra_forbidden":
        return f"{'.'.join(place)}: {_unknown(place)}"
    if kind == "value_error":
        place = (*place, str(error["ctx"]["error"]))
        value = error["input"].get(place[-1], "its default")
        rule = "whole minutes that divide a day" if place[-1] == "time_step_hours" else "at most the highest one"
        return f"{'.'.join(place)} = {value!r} (allowed: {allowed(*place)}, {rule}); correct it"
    if len(place) < 2:
        return f"{'.'.join(place) or 'file'} = {error['input']!r} (a group of names and values); write {{...}}"
    return f"{'.'.join(place)} = {error['input']!r} (allowed: {allowed(place[0], place[1])}); write a value in it"


def _unknown(place: tuple[str, ...]) -> str:
    """What to say of a name that is no parameter."""
    groups = _groups()
    if place[0] not in groups:
        near = get_close_matches(place[0], groups, 1)
        return f"unknown group; {f'did you mean {near[0]}? ' if near else ''}groups are {', '.join(groups)}"
    known = {name: group for group, model in groups.items() for name in model.model_fields}
    near = get_close_matches(place[-1], known, 1)
    hint = f"did you mean {known[near[0]]}.{near[0]}? " if near else ""
    return f"unknown parameter; {hint}{place[0]} has {', '.join(groups[place[0]].model_fields)}"


def _get(document: Any, place: list[str]) -> Any:
    """What stands at a place; none where there is no such place."""
    for step in place:
        if isinstance(document, list):
            document = document[int(step)] if int(step) < len(document) else None
        else:
            document = document.get(step) if isinstance(document, dict) else None
    return document


def _put(document: Any, place: list[str], value: Any) -> None:
    """Puts a value where there is one already."""
    inner = _get(document, place[:-1])
    if isinstance(inner, list) and int(place[-1]) < len(inner):
        inner[int(place[-1])] = value
    elif isinstance(inner, dict) and place[-1] in inner:
        inner[place[-1]] = value
