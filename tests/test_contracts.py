"""What every plug-in owes, whatever it is: nothing here names one."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import re
import types
import typing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError
from tests._communities import (
    CLOCK_CHANGE,
    TERMS,
    bills,
    column,
    common,
    disturbed,
    entry_rows,
    hand_made,
    instances,
    make_community,
    pool_bills,
    records,
    refined,
    reordered,
    scaled,
    scenario,
    still,
    totals,
    variants,
    world_of,
)

from commonwatt._identity import canonical
from commonwatt.accounts import Account
from commonwatt.bidders import BIDDERS, Bidder
from commonwatt.charges import CHARGES, ChargeRule
from commonwatt.devices import DEVICES
from commonwatt.dispatch import DISPATCH, Dispatch
from commonwatt.errors import MissingExtra, ScenarioError
from commonwatt.flow import Community, Flexibility, Pool, Prices, Streams
from commonwatt.forecasts import FORECASTS, Forecast
from commonwatt.ledger import LEDGERS
from commonwatt.markets import MARKETS, Market
from commonwatt.metrics import METRICS
from commonwatt.noun import running_sum
from commonwatt.registry import Plugin, Settings, parameters
from commonwatt.regulators import REGULATORS
from commonwatt.regulators.incentives import Incentives
from commonwatt.rules import Meter, PeakTerm, ahead
from commonwatt.run import run
from commonwatt.settlement import owed as owed_in_all
from commonwatt.simulate import simulate
from commonwatt.sources import SOURCES, Source
from commonwatt.tariffs import TARIFFS, Tariff

REGISTRIES: dict[str, dict[str, Any]] = {
    "sources": SOURCES,
    "devices": DEVICES,
    "tariffs": TARIFFS,
    "charges": CHARGES,
    "forecasts": FORECASTS,
    "dispatch": DISPATCH,
    "markets": MARKETS,
    "bidders": BIDDERS,
    "regulators": REGULATORS,
    "ledgers": LEDGERS,
}
ALL_PLUGINS = [parameter for registry in REGISTRIES.values() for parameter in variants(registry)]
ALL_CLASSES = [pytest.param(cls, id=f"{stage}-{kind}") for stage, r in REGISTRIES.items() for kind, cls in r.items()]
RULES = [pytest.param(plugin, id=label) for label, plugin in instances(DISPATCH) if plugin.causal]
PLANNERS = [pytest.param(plugin, id=label) for label, plugin in instances(DISPATCH) if not plugin.causal]
BLIND = [pytest.param(plugin, id=label) for label, plugin in instances(FORECASTS) if not plugin.oracle]
MARKET_VARIANTS, TARIFF_VARIANTS = variants(MARKETS), variants(TARIFFS)
TARIFF_DEFAULTS = [pytest.param(cls(), id=kind) for kind, cls in TARIFFS.items()]
PLANNER_DEFAULTS = [pytest.param(cls(), id=kind) for kind, cls in DISPATCH.items() if not cls().causal]


def promising(promise: str) -> list[Any]:
    """The markets that promise it, as parameters."""
    return [pytest.param(m, id=label) for label, m in instances(MARKETS) if getattr(m.promise, promise)]


JOINT = next(m for _, m in instances(MARKETS) if m.promise.world == "one_meter" and m.promise.rational)
OWN = next(m for _, m in instances(MARKETS) if m.promise.world == "own_meters" and m.promise.trades)
CALM = next(plugin for _, plugin in instances(DISPATCH) if plugin.causal)
REGULATED = [
    *(pytest.param(cls(), Incentives(), id=f"{kind}-incentives") for kind, cls in MARKETS.items()),
    *(pytest.param(m, plugin, id=f"{m.kind}-{label}") for m in (OWN, JOINT) for label, plugin in instances(REGULATORS)),
]
"""Every market with a regulator that pays and bans, and every regulator in both worlds."""


def refuses(document: Any, community: Community) -> str:
    """Why a combination of parts is refused; empty where it runs."""
    try:
        records(document, community.window(0, 4))
    except ScenarioError as error:
        return str(error)
    return ""


def run_or_skip(document: Any, community: Community) -> Any:
    """The run; a combination that its parts refuse with a reason is skipped (a test below counts the refusals)."""
    reason = refuses(document, community)
    if reason:
        pytest.skip(reason)
    return run(document, community=community)


@functools.cache
def first_tariff_for(market: Market) -> Tariff:
    """Some tariff under which the market works, with a fixed charge."""
    community = make_community(0, slots=8)
    for cls in TARIFFS.values():
        tariff = cls(fixed_per_day=0.7)
        if not refuses(scenario(tariff=tariff, market=market), community):
            return tariff
    raise AssertionError(f"no tariff suits {market}")


# --- settings --------------------------------------------------------------------------------------------------------


def inner_settings(cls: type[Settings]) -> list[type[Settings]]:
    """A plug-in's class and the settings nested in its fields, other plug-ins aside."""
    found = [cls]
    for field in cls.model_fields.values():
        for part in [field.annotation, *_parts(field.annotation)]:
            if inspect.isclass(part) and issubclass(part, Settings) and not issubclass(part, Plugin):
                found += inner_settings(part)
    return found


def _parts(annotation: Any) -> list[Any]:
    return [deep for part in typing.get_args(annotation) for deep in (part, *_parts(part))]


def is_number(annotation: Any) -> bool:
    """Whether a field holds numbers, alone or in tuples."""
    return any(part in (int, float) for part in (annotation, *_parts(annotation)))


@pytest.mark.parametrize("stage", REGISTRIES)
def test_every_stage_has_plugins(stage: str) -> None:
    assert REGISTRIES[stage]
    assert list(REGISTRIES[stage]) == sorted(REGISTRIES[stage])


@pytest.mark.parametrize("cls", ALL_CLASSES)
def test_the_kind_is_the_name_of_the_file(cls: type[Plugin]) -> None:
    kind = cls.model_fields["kind"]
    assert typing.get_args(kind.annotation) == (kind.default,)
    assert kind.default == cls.__module__.rsplit(".", 1)[-1]


@pytest.mark.parametrize("cls", ALL_CLASSES)
def test_every_field_has_a_default_and_says_what_it_is(cls: type[Plugin]) -> None:
    assert inspect.getdoc(cls)
    for settings in inner_settings(cls):
        assert settings.__doc__
        for parameter in parameters(settings):
            field = settings.model_fields[parameter.name]
            assert not field.is_required(), f"{settings.__name__}.{parameter.name} has no default"
            assert parameter.text, f"{settings.__name__}.{parameter.name} has no docstring"
            if is_number(field.annotation):
                assert parameter.unit, f"{settings.__name__}.{parameter.name} names no unit: end it with [unit]"


@pytest.mark.parametrize("cls", ALL_CLASSES)
def test_the_folder_says_who_wrote_what(cls: type[Plugin]) -> None:
    assert inspect.getmodule(cls).__doc__


@pytest.mark.parametrize("plugin", ALL_PLUGINS)
def test_a_plugin_is_frozen_and_closed(plugin: Plugin) -> None:
    name = next(iter(type(plugin).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(plugin, name, getattr(plugin, name))
    with pytest.raises(ValidationError, match="nobody_knows_this"):
        type(plugin)(nobody_knows_this=1)


@pytest.mark.parametrize("plugin", ALL_PLUGINS)
def test_a_plugin_survives_a_document(plugin: Plugin) -> None:
    again = type(plugin).model_validate_json(plugin.model_dump_json())
    assert again == plugin
    assert hash(again) == hash(plugin)
    assert again.model_dump_json() == plugin.model_dump_json()
    assert repr(canonical(again.model_dump())) == repr(canonical(plugin.model_dump())), "a default of another type"


@pytest.mark.parametrize("plugin", ALL_PLUGINS)
def test_a_plugin_keeps_to_its_stage(plugin: Plugin) -> None:
    assert plugin.stride is None or plugin.stride >= 1
    assert all(isinstance(path, Path) for path in plugin.inputs())


# --- sources and devices ---------------------------------------------------------------------------------------------


def reads_files(source: Source) -> bool:
    """Whether it takes a community from somewhere: then its own test brings the files."""
    fields = type(source).model_fields.values()
    return any(part is Path for field in fields for part in (field.annotation, *_parts(field.annotation)))


GENERATORS = [pytest.param(source, id=label) for label, source in instances(SOURCES) if not reads_files(source)]


def drawn(source: Source, seed: int = 3) -> Community:
    return source.community(Streams(seed))


def arrays(noun: Any) -> dict[str, np.ndarray]:
    """Every array of a noun, nested ones too."""
    found: dict[str, np.ndarray] = {}
    for name, value in vars(noun).items():
        if isinstance(value, np.ndarray):
            found[name] = value
        elif isinstance(value, dict) and not name.startswith("_"):
            found |= {f"{name}.{key}": part for key, part in value.items() if isinstance(part, np.ndarray)}
        elif isinstance(value, Flexibility):
            found |= {f"{name}.{key}": part for key, part in arrays(value).items()}
    return found


def assert_sound(envelope: Flexibility, community: Community) -> None:
    """Bounds that some plan can keep."""
    assert ((envelope.owner >= 0) & (envelope.owner < community.shape[1])).all()
    for name in ("charge_kw", "discharge_kw", "drain_kwh", "usual_charge_kw", "capacity_kwh", "wear", "terminal_value"):
        values = getattr(envelope, name)
        assert np.isfinite(values).all(), name
        assert (values >= 0).all(), name
    assert (envelope.level_min_kwh <= envelope.level_max_kwh + 1e-9).all()
    assert (envelope.usual_charge_kw <= envelope.charge_kw + 1e-9).all()
    assert ((envelope.discharge_efficiency > 0) & (envelope.discharge_efficiency <= 1)).all()
    assert (np.isfinite(envelope.charge_efficiency) & (envelope.charge_efficiency > 0)).all()
    gives_back = (envelope.discharge_kw > 0).any(axis=0)
    assert (envelope.charge_efficiency[:, gives_back] <= 1).all(), "more comes out than went in"
    assert ((envelope.leakage >= 0) & (envelope.leakage < 1)).all()
    if community.shape[0]:
        assert (envelope.level_start_kwh <= envelope.level_max_kwh[0] + envelope.drain_kwh[0] + 1e-9).all()
    assert (envelope.kind != "").all()


@pytest.mark.parametrize("source", GENERATORS)
def test_a_source_is_deterministic(source: Source) -> None:
    first, second, other = drawn(source), drawn(source), drawn(source, seed=4)
    mine, again = arrays(first), arrays(second)
    assert mine.keys() == again.keys()
    assert [name for name in mine if not np.array_equal(mine[name], again[name])] == []
    assert not np.array_equal(first.load_kw, other.load_kw)


@pytest.mark.parametrize("source", GENERATORS)
def test_a_source_is_plausible(source: Source) -> None:
    community = drawn(source)
    assert community.shape == (community.clock.slots, len(community.names))
    assert len(set(community.names)) == len(community.names)
    for name in ("load_kw", "pv_kw"):
        values = getattr(community, name)
        assert np.isfinite(values).all()
        assert (values >= 0).all()
        assert values.max() < 1000
    assert 0.05 < community.load_kw.mean() < 50
    for values in (*community.signals.values(), *community.series.values()):
        assert np.isfinite(values).all()
    assert community.flexibility.charge_kw.shape[0] == community.shape[0]
    assert_sound(community.flexibility, community)


@pytest.mark.parametrize("source", GENERATORS)
def test_a_source_runs_under_every_rule(source: Source) -> None:
    community = drawn(source)
    for dispatch in (plugin.values[0] for plugin in RULES):
        records(scenario(dispatch=dispatch, market=JOINT, tariff=first_tariff_for(JOINT)), community)


@pytest.mark.parametrize("device", variants(DEVICES))
def test_a_device_is_an_envelope(device: Any, community: Community) -> None:
    larger = device.added(community, Streams(5))
    again = device.added(community, Streams(5))
    before = community.flexibility.devices
    assert larger.flexibility.devices >= before
    members = community.shape[1]
    assert larger.names[:members] == community.names, "a device may bring a meter of its own, after all members"
    assert larger.clock == community.clock
    assert not larger.load_kw[:, members:].any()
    assert not larger.pv_kw[:, members:].any()
    assert_sound(larger.flexibility, larger)
    assert (larger.load_kw >= 0).all()
    assert (larger.load_kw[:, :members] <= community.load_kw + 1e-12).all(), (
        "a device takes its flexible part out of the load"
    )
    assert all(np.array_equal(values, arrays(again)[name]) for name, values in arrays(larger).items())
    for name, values in arrays(community.flexibility).items():
        assert np.array_equal(getattr(larger.flexibility, name)[..., :before], values), name


@pytest.mark.parametrize("device", variants(DEVICES))
@pytest.mark.parametrize("dispatch", RULES)
def test_a_device_runs_and_rules_of_thumb_meet_its_deadlines(device: Any, dispatch: Dispatch) -> None:
    equipped = device.added(make_community(2, devices=False), Streams(5))
    kept = records(scenario(dispatch=dispatch, market=JOINT, tariff=first_tariff_for(JOINT)), equipped)
    assert column(kept, "shortfall_kwh").max(initial=0.0) < 1e-9
    behind = equipped.flexibility.usual_level_kwh - column(kept, "level_kwh")
    assert behind[:, equipped.flexibility.obliged].max(initial=0.0) < 1e-9


@pytest.mark.parametrize("device", variants(DEVICES))
@pytest.mark.parametrize("dispatch", PLANNERS)
def test_a_device_can_be_planned_and_meets_its_deadlines(device: Any, dispatch: Dispatch) -> None:
    equipped = device.added(make_community(2, members=3, slots=48, devices=False), Streams(5))
    document = scenario(dispatch=dispatch, market=JOINT, tariff=first_tariff_for(JOINT))
    run_or_skip(document, equipped)
    assert column(records(document, equipped), "shortfall_kwh").max(initial=0.0) < 1e-6


@pytest.mark.parametrize("device", variants(DEVICES))
def test_a_device_that_nobody_plans_does_what_it_usually_does(device: Any, community: Community) -> None:
    """Its usual levels are those that charging as usual leads to; and without control, that is what it does."""
    equipped = device.added(community, Streams(5))
    due = equipped.flexibility.obliged
    idle = next(plugin.values[0] for plugin in RULES if plugin.values[0].kind == "passive")
    kept = records(scenario(dispatch=idle), equipped)
    assert np.array_equal(column(kept, "level_kwh")[:, due], equipped.flexibility.usual_level_kwh[:, due])
    usual = equipped.flexibility.usual_charge_kw * equipped.clock.hours
    assert np.array_equal(column(kept, "charge_kwh"), usual)


@pytest.mark.parametrize("device", variants(DEVICES))
def test_cutting_the_horizon_changes_no_bit_of_a_device(device: Any) -> None:
    equipped = device.added(make_community(1, members=4, start=CLOCK_CHANGE), Streams(5))
    for dispatch in (plugin.values[0] for plugin in RULES):
        assert_same_bits(scenario(tariff=first_tariff_for(JOINT), market=JOINT, dispatch=dispatch), equipped)


# --- tariffs, forecasts, dispatch ------------------------------------------------------------------------------------


@pytest.mark.parametrize("tariff", TARIFF_VARIANTS)
def test_a_tariff_gives_finite_prices_for_everybody(tariff: Tariff, community: Community) -> None:
    prices, again = tariff.prices(community), tariff.prices(community)
    assert prices.buy.shape == prices.sell.shape == community.shape
    assert prices.coupling_buy.shape == prices.coupling_sell.shape == community.shape[:1]
    for name in ("buy", "sell", "coupling_buy", "coupling_sell"):
        assert np.isfinite(getattr(prices, name)).all(), name
        assert np.array_equal(getattr(prices, name), getattr(again, name)), name
    assert prices.regular.all()
    assert not prices.one_meter


@pytest.mark.parametrize("tariff", TARIFF_VARIANTS)
@pytest.mark.parametrize("slots", [1, 37, 96])
def test_a_longer_horizon_changes_no_earlier_price(tariff: Tariff, slots: int) -> None:
    whole = make_community(1, start=CLOCK_CHANGE)
    cut = whole.window(0, slots)
    short = replace(cut, clock=replace(whole.clock, slots=slots, horizon=-1))
    ours, theirs = tariff.prices(whole), tariff.prices(short)
    for name in ("buy", "sell", "coupling_buy", "coupling_sell"):
        assert np.array_equal(getattr(ours, name)[:slots], getattr(theirs, name)), name


@pytest.mark.parametrize("tariff", TARIFF_VARIANTS)
def test_a_fixed_charge_is_owed_once_per_meter_and_day(tariff: Tariff, community: Community) -> None:
    days = np.unique(community.clock.date).size
    kept = records(scenario(tariff=tariff.model_copy(update={"fixed_per_day": 0.5})), community)
    without = records(scenario(tariff=tariff), community)
    owed = (bills(kept) - bills(without)).sum(axis=0)
    np.testing.assert_allclose(owed, 0.5 * days, rtol=0, atol=1e-12)


def as_planned(terms: Any, import_kwh: np.ndarray) -> np.ndarray:
    """What terms say that a meter owes for its imports (T, M) in one period. (M,)"""
    owed = np.zeros(import_kwh.shape[1])
    for term in terms:
        if isinstance(term, PeakTerm):
            highest = (term.weight[:, None] * import_kwh).max(axis=0, initial=0.0)
            owed += term.rate * np.maximum(term.locked_kw, highest)
        else:
            excess = term.used_kwh + import_kwh.sum(axis=0) - term.above_kwh[:, None]
            owed += (term.step[:, None] * np.maximum(excess, 0.0)).sum(axis=0)
    return owed


@pytest.mark.parametrize("rule", variants(CHARGES))
def test_a_planner_is_told_what_a_charge_costs(rule: ChargeRule, community: Community) -> None:
    charge, clock = rule.charge(community), community.clock
    kwh = 80.0 * np.random.default_rng(0).random((community.shape[0], 3)) ** 4
    meter = Meter(import_kwh=kwh, export_kwh=np.zeros(kwh.shape), hours=clock.hours)
    carry = charge.window(0, 5).add(charge.start(3), meter.window(0, 5)) if rule.period == "horizon" else None
    stretches = ahead(charge, clock, carry, 3)
    assert stretches is not None, "state its terms: a planner refuses a charge without"
    assert [stop for _, stop, _ in stretches] == [stop for _, stop, _ in clock.stretches(rule.period)]
    for start, stop, terms in stretches:
        before = charge.start(3) if carry is None or start else carry
        fold = charge.window(start, stop)
        owed = fold.amounts(fold.add(before, meter.window(start, stop)))
        if not getattr(rule, "ratchet", 0.0):
            np.testing.assert_allclose(as_planned(terms, kwh[start:stop]), owed, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", variants(CHARGES))
@pytest.mark.parametrize("market", [JOINT, OWN], ids=["one_meter", "own_meters"])
def test_cutting_the_horizon_changes_no_bit_of_a_charge(rule: ChargeRule, market: Market) -> None:
    tariff = first_tariff_for(market).model_copy(update={"charges": (rule,)})
    assert_same_bits(scenario(tariff=tariff, market=market, dispatch=CALM), make_community(1))


def outlook_or_skip(forecast: Forecast, community: Community, start: int, stop: int) -> Community:
    """What it believes; skipped where its library is not installed."""
    try:
        return forecast.outlook(community, common(0.3, 0.1, community), start, stop).community
    except MissingExtra as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("forecast", variants(FORECASTS))
@pytest.mark.parametrize("start", [0, 60, 100])
def test_a_forecast_does_not_peek(forecast: Any, start: int, community: Community) -> None:
    shape = community.shape
    community = replace(community, series={"forecast_kw": community.load_kw + 0.1})
    mine, theirs = (outlook_or_skip(forecast, c, start, start + 40) for c in (community, disturbed(community, start)))
    stop = min(start + 40, shape[0])
    assert mine.shape == (stop - start, shape[1])
    assert mine.clock.first == start
    assert np.array_equal(outlook_or_skip(forecast, community, start, start + 20).load_kw, mine.load_kw[:20])
    assert (mine.load_kw >= 0).all()
    assert (mine.pv_kw >= 0).all()
    if forecast.oracle:
        return
    assert np.array_equal(mine.load_kw, theirs.load_kw)
    assert np.array_equal(mine.pv_kw, theirs.pv_kw)
    for ours, others in ((mine.signals, theirs.signals), (mine.series, theirs.series)):
        assert all(np.array_equal(values, others[name]) for name, values in ours.items())


@pytest.mark.parametrize("forecast", variants(FORECASTS))
@pytest.mark.parametrize("dispatch", variants(DISPATCH))
def test_dispatch_runs_under_any_belief(dispatch: Dispatch, forecast: Any, community: Community) -> None:
    document = scenario(dispatch=dispatch, forecast=forecast, market=JOINT, tariff=first_tariff_for(JOINT))
    run_or_skip(document, community)


@pytest.mark.parametrize("forecast", BLIND)
@pytest.mark.parametrize("dispatch", [*RULES, *PLANNER_DEFAULTS])
def test_dispatch_does_not_know_the_future(dispatch: Dispatch, forecast: Forecast) -> None:
    """Nothing before a slot changes with what comes after it, unless an oracle told."""
    community, slot = make_community(3), 60
    outlook_or_skip(forecast, community, 0, 1)
    tariff = next(plugin for _, plugin in instances(TARIFFS) if not refuses(scenario(tariff=plugin), still(community)))
    document = scenario(dispatch=dispatch, tariff=tariff, forecast=forecast)
    prices = document.prices(community)
    mine, theirs = (records(document, c, prices) for c in (community, disturbed(community, slot)))
    for name in ("charge_kwh", "discharge_kwh", "level_kwh"):
        assert np.array_equal(column(mine, name)[:slot], column(theirs, name)[:slot]), name


@pytest.mark.parametrize("dispatch", variants(DISPATCH))
def test_dispatch_without_devices_is_the_community_as_it_is(dispatch: Dispatch) -> None:
    community = make_community(1, devices=False)
    kept = records(scenario(dispatch=dispatch, tariff=first_tariff_for(JOINT)), community)
    net = (community.load_kw - community.pv_kw) * community.clock.hours
    np.testing.assert_allclose(column(kept, "import_kwh") - column(kept, "export_kwh"), net, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dispatch", [*RULES, *PLANNER_DEFAULTS])
@pytest.mark.parametrize("tariff", TARIFF_DEFAULTS)
def test_standing_alone_is_a_run_like_any_other(tariff: Tariff, dispatch: Dispatch, community: Community) -> None:
    """However it is computed, it is to the bit what the pipeline gives without a market (§14)."""
    priced = tariff.model_copy(update={"fixed_per_day": 0.7})
    document = scenario(tariff=priced, dispatch=dispatch, market=JOINT)
    result = run_or_skip(document, community)
    alone = totals(records(document.alone(), community)).by_member["bill_money"]
    assert np.array_equal(result.facts.alone.by_member["bill_money"], alone)
    must = community.flexibility.kept(community.flexibility.obliged)
    bare = replace(community, pv_kw=np.zeros(community.shape), flexibility=must)
    only = document.load_only()
    gross = totals(records(only, bare, only.prices(community))).by_member["bill_money"]
    assert np.array_equal(result.facts.gross.by_member["bill_money"], gross)
    np.testing.assert_allclose(result.savings, alone - bills(records(document, community)).sum(axis=0), atol=1e-11)


# --- markets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tariff", TARIFF_DEFAULTS)
@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_the_books_close_and_promises_hold(market: Market, tariff: Tariff) -> None:
    rules = itertools.cycle(rule.values[0] for rule in RULES)
    for (seed, pool), dispatch in zip(enumerate(TERMS.values()), rules, strict=False):
        community = make_community(seed)
        document = scenario(tariff=tariff, dispatch=dispatch, market=market, pool=pool)
        result = run_or_skip(document, community)
        assert result.verdict.holds
        terms = document.prices(community)
        at_the_pools_tariff = tariff.alone() == tariff and is_common(terms) and not terms.fees
        if market.promise.rational and pool == Pool() and at_the_pools_tariff:
            assert result.metrics["losers"] == 0


@pytest.mark.parametrize("dispatch", RULES)
@pytest.mark.parametrize("tariff", TARIFF_VARIANTS)
@pytest.mark.parametrize("market", [JOINT, OWN], ids=["one_meter", "own_meters"])
def test_the_books_close_under_every_tariff(market: Market, tariff: Tariff, dispatch: Dispatch) -> None:
    document = scenario(tariff=tariff, dispatch=dispatch, market=market, pool=TERMS["lossy"])
    assert run_or_skip(document, make_community(1)).verdict.holds


def is_common(prices: Prices) -> bool:
    """Whether everybody, and the coupling point, has the same prices."""
    return bool(
        (prices.buy == prices.coupling_buy[:, None]).all() and (prices.sell == prices.coupling_sell[:, None]).all()
    )


@pytest.mark.parametrize("dispatch", PLANNER_DEFAULTS)
@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_the_books_close_with_planners(market: Market, dispatch: Dispatch) -> None:
    document = scenario(tariff=first_tariff_for(market), dispatch=dispatch, market=market)
    assert run_or_skip(document, make_community(0)).verdict.holds


@pytest.mark.parametrize("dispatch", PLANNERS)
@pytest.mark.parametrize("market", [JOINT, OWN], ids=["one_meter", "own_meters"])
def test_the_books_close_with_every_planner(market: Market, dispatch: Dispatch, community: Community) -> None:
    document = scenario(tariff=first_tariff_for(market), dispatch=dispatch, market=market)
    assert run_or_skip(document, community).verdict.holds


@pytest.mark.parametrize("dispatch", PLANNER_DEFAULTS)
@pytest.mark.parametrize("tariff", TARIFF_VARIANTS)
def test_the_books_close_with_planners_under_every_tariff(tariff: Tariff, dispatch: Dispatch) -> None:
    document = scenario(tariff=tariff, dispatch=dispatch, market=JOINT)
    assert run_or_skip(document, make_community(1)).verdict.holds


@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_every_market_finds_a_tariff(market: Market) -> None:
    assert first_tariff_for(market)


@pytest.mark.parametrize("tariff", TARIFF_VARIANTS)
def test_every_tariff_finds_most_markets(tariff: Tariff) -> None:
    community = make_community(0, slots=8)
    refused = [m for _, m in instances(MARKETS) if refuses(scenario(tariff=tariff, market=m), community)]
    assert len(refused) <= len(MARKETS) // 3


@pytest.mark.parametrize(("market", "regulator"), REGULATED)
def test_a_regulator_keeps_the_books(regulator: Any, market: Market, community: Community) -> None:
    document = scenario(tariff=first_tariff_for(market), market=market, regulator=regulator, dispatch=CALM)
    assert run_or_skip(document, community).verdict.holds


@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_what_is_promised_is_done(market: Market, community: Community) -> None:
    """World, band, efficiency and balance, read off the records without the audit."""
    document = scenario(tariff=first_tariff_for(market), market=market, dispatch=CALM, pool=TERMS["lossy"])
    prices, promise, efficiency = document.prices(community), market.promise, TERMS["lossy"].efficiency
    kept = records(document, community)
    bought, sold = column(kept, "bought_kwh"), column(kept, "sold_kwh")
    access = np.concatenate([record.access for record in kept])
    assert all(record.one_meter == (promise.world == "one_meter") for record in kept)
    assert not (bought + sold)[~access].any()
    if promise.in_band:
        for price, kwh in ((column(kept, "buy_price"), bought), (column(kept, "sell_price"), sold)):
            traded = kwh > 0
            low, high = (
                np.broadcast_to(side[:, None], price.shape) for side in (prices.coupling_sell, prices.coupling_buy)
            )
            assert (price[traded] >= low[traded] - 1e-12).all()
            assert (price[traded] <= high[traded] + 1e-12).all()
    if promise.efficient:
        want, have = (np.where(access, column(kept, name), 0.0).sum(axis=1) for name in ("import_kwh", "export_kwh"))
        inside = np.minimum(bought.sum(axis=1), efficiency * sold.sum(axis=1))
        np.testing.assert_allclose(inside, np.minimum(want, efficiency * have), rtol=0, atol=1e-12)
    if promise.one_price:
        traded = np.hstack([np.where(kwh > 0, column(kept, f"{side}_price"), np.nan)
                            for side, kwh in (("buy", bought), ("sell", sold))])  # fmt: skip
        traded = traded[~np.isnan(traded).all(axis=1)]
        assert (np.nanmax(traded, axis=1) == np.nanmin(traded, axis=1)).all()
    if promise.balanced:
        fees = sum(money.sum() for r in kept for _, payee, money in r.fees() if payee == "operator")
        assert column(kept, "till_money")[-1, 0] == pytest.approx(fees, abs=1e-9)


@pytest.mark.parametrize("dispatch", RULES)
@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_bills_without_series_are_the_same_to_the_bit(market: Market, dispatch: Dispatch, community: Community) -> None:
    """The short way to bills and the long one, from window to window."""
    for fixed, pool in itertools.product((0.0, 0.7), TERMS.values()):
        tariff = first_tariff_for(market).model_copy(update={"fixed_per_day": fixed})
        document = scenario(tariff=tariff, market=market, dispatch=dispatch, pool=pool)
        sums = carried = np.zeros(community.shape[1])
        for window in simulate(document, community, cut=40):
            sums = running_sum(sums, window.bills.total)
            carried, _ = owed_in_all(window.schedule, window.prices, window.clearing, window.before, carried)
            assert np.array_equal(carried, sums)


def billed_apart(net: np.ndarray, prices: Prices) -> np.ndarray:
    """What a group owes that leaves: on one meter, or on own ones with the best trades among themselves. (T,)"""
    if prices.one_meter:
        joint = net.sum(axis=1)
        return np.where(joint > 0, joint * prices.coupling_buy, joint * prices.coupling_sell)
    alone = np.where(net > 0, net * prices.buy, net * prices.sell).sum(axis=1)
    limit = np.where(net > 0, prices.buy, prices.sell)
    worth = np.sign(net)[:, :, None] * (limit[:, :, None] - limit[:, None, :])
    gain = (abs(net)[:, :, None] * np.maximum(worth, 0.0)).sum(axis=1).min(axis=1)
    return alone - gain


@pytest.mark.parametrize("market", promising("core"))
def test_no_group_would_leave(market: Market) -> None:
    """A mechanism in the core: no coalition pays less for a slot, or a period, among itself."""
    for seed in range(3):
        community = replace(make_community(seed, members=5, devices=False), market_open=np.ones(110, np.bool_))
        document = scenario(tariff=first_tariff_for(market), market=market)
        prices = document.prices(community)
        kept = records(document, community)
        owed, per_slot = pool_bills(kept, prices), market.promise.scope == "slot"
        net = (community.load_kw - community.pv_kw) * community.clock.hours
        for size in range(1, 6):
            for group in itertools.combinations(range(5), size):
                own = replace(prices, buy=prices.buy[:, group], sell=prices.sell[:, group], fees=(), charges=())
                over = owed[:, group].sum(axis=1) - billed_apart(net[:, group], own)
                assert ((over if per_slot else over.sum()) <= 1e-11).all(), group


@pytest.mark.parametrize("dispatch", RULES)
@pytest.mark.parametrize("market", promising("anonymous"))
def test_the_order_of_members_does_not_matter(market: Market, dispatch: Dispatch, community: Community) -> None:
    order = np.array([3, 1, 5, 0, 4, 2])
    for pool in TERMS.values():
        document = scenario(tariff=first_tariff_for(market), dispatch=dispatch, market=market, pool=pool)
        mine, theirs = bills(records(document, community)), bills(records(document, reordered(community, order)))
        np.testing.assert_allclose(mine[:, order], theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("tariff", TARIFF_VARIANTS)
def test_the_order_of_members_does_not_matter_to_a_tariff(tariff: Tariff, community: Community) -> None:
    order = np.array([3, 1, 5, 0, 4, 2])
    document = scenario(tariff=tariff.model_copy(update={"fixed_per_day": 0.7}), dispatch=CALM, market=JOINT)
    mine, theirs = bills(records(document, community)), bills(records(document, reordered(community, order)))
    np.testing.assert_allclose(mine[:, order], theirs, rtol=0, atol=1e-11)


# --- cutting time ----------------------------------------------------------------------------------------------------


def assert_same_bits(document: Any, community: Community) -> None:
    whole = records(document, community)
    sums = totals(whole)
    for cut in (1, 7, 96):
        parts = records(document, community, cut=cut)
        assert parts[0].columns.keys() == whole[0].columns.keys()
        differing = [name for name in whole[0].columns if not np.array_equal(column(whole, name), column(parts, name))]
        assert differing == [], f"cut into {cut}"
        assert entry_rows(parts) == entry_rows(whole)
        again = totals(parts)
        for name in sums.by_member:
            assert np.array_equal(again.by_member[name], sums.by_member[name]), name
            assert np.array_equal(again.highest[name], sums.highest[name]), name
            assert np.array_equal(again.last[name], sums.last[name]), name
            assert np.array_equal(again.by_slot(name), sums.by_slot(name)), name


@pytest.mark.parametrize("dispatch", RULES)
@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_cutting_the_horizon_changes_no_bit(market: Market, dispatch: Dispatch) -> None:
    tariff = first_tariff_for(market)
    document = scenario(tariff=tariff, dispatch=dispatch, market=market, pool=TERMS["lossy"])
    assert_same_bits(document, make_community(0))


@pytest.mark.parametrize("tariff", TARIFF_VARIANTS)
def test_cutting_the_horizon_changes_no_bit_of_a_tariff(tariff: Tariff) -> None:
    priced = tariff.model_copy(update={"fixed_per_day": 0.7})
    assert_same_bits(scenario(tariff=priced, market=JOINT, dispatch=CALM), make_community(1, start=CLOCK_CHANGE))


@pytest.mark.parametrize("regulator", variants(REGULATORS))
def test_cutting_the_horizon_changes_no_bit_of_a_regulator(regulator: Any) -> None:
    document = scenario(tariff=first_tariff_for(JOINT), market=JOINT, regulator=regulator, dispatch=CALM)
    assert_same_bits(document, make_community(0))


# --- special slots and scales ----------------------------------------------------------------------------------------

BUY, SELL = 0.3, 0.1
SPECIAL = {
    "nobody": [0.0, 0.0, 0.0, 0.0],
    "only_importers": [1.0, 2.0, 0.0, 3.0],
    "only_exporters": [-1.0, 0.0, -2.0, -3.0],
    "balanced": [2.0, -3.0, 1.0, 0.0],
    "short": [2.0, -1.0, 3.0, 0.0],
    "long": [2.0, -4.0, 1.0, -0.5],
}


def special(market: Market, net: list[float], buy: float = BUY, sell: float = SELL) -> tuple[Any, Any, Any]:
    """Document, community and prices of a single slot, repeated once so that a period has a second one."""
    community = hand_made([net, net])
    document = scenario(market=market, tariff=first_tariff_for(market))
    prices = world_of(common(buy, sell, community), document, community)
    return document, community, replace(prices, inner=np.full(2, sell + 0.6 * (buy - sell)))


def leaves_the_grid_alone(market: Market) -> bool:
    """Whether it changes nothing of what the grid charges and pays, and brings no payment but to the operator."""
    community = hand_made([[1.0, -1.0], [1.0, -1.0]])
    bare = common(BUY, SELL, community)
    terms = scenario(market=market).terms(bare, community)
    others = {rule.payee for rule in terms.sharings} - {Account.OPERATOR}
    same = all(np.array_equal(getattr(terms, side), getattr(bare, side)) for side in ("buy", "sell"))
    return same and not terms.charges and not others


@pytest.mark.parametrize("case", SPECIAL)
@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_special_slots(market: Market, case: str) -> None:
    document, community, prices = special(market, SPECIAL[case])
    kept = records(document, community, prices)
    owed, net = bills(kept).sum(axis=0), 2 * np.array(SPECIAL[case])
    assert np.isfinite(owed).all()
    assert (owed[net == 0] == 0).all()
    if case == "nobody":
        assert not column(kept, "bought_kwh").any()
        assert not owed.any()
    if not leaves_the_grid_alone(market):
        return
    if case == "only_importers":
        np.testing.assert_allclose(owed, BUY * net, rtol=0, atol=1e-12)
    if case == "only_exporters":
        np.testing.assert_allclose(owed, SELL * net, rtol=0, atol=1e-12)
    if market.promise.efficient and market.promise.balanced:
        total = net.sum() * (BUY if net.sum() > 0 else SELL)
        assert owed.sum() == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("case", SPECIAL)
@pytest.mark.parametrize("market", [m for m in promising("in_band") if leaves_the_grid_alone(m.values[0])])
def test_where_buying_costs_what_selling_brings_sharing_changes_nothing(market: Market, case: str) -> None:
    document, community, prices = special(market, SPECIAL[case], buy=0.2, sell=0.2)
    owed = bills(records(document, community, prices)).sum(axis=0)
    np.testing.assert_allclose(owed, 0.4 * np.array(SPECIAL[case]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_nobody_there_nothing_owed(market: Market) -> None:
    empty = still(make_community(0, slots=8))
    tariff = first_tariff_for(market).model_copy(update={"fixed_per_day": 0.0})
    kept = records(scenario(tariff=tariff, market=market), empty)
    assert not column(kept, "bought_kwh").any()
    assert not bills(kept).any()


@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_who_needs_nothing_changes_nothing(market: Market) -> None:
    community = make_community(2, devices=False)
    shape = (community.shape[0], community.shape[1] + 1)
    more = replace(
        community,
        names=(*community.names, "nobody"),
        load_kw=np.hstack([community.load_kw, np.zeros((shape[0], 1))]),
        pv_kw=np.hstack([community.pv_kw, np.zeros((shape[0], 1))]),
        traits={name: np.append(values, 0.1) for name, values in community.traits.items()},
    )
    document = scenario(market=market, tariff=first_tariff_for(market), pool=TERMS["lossy"])
    inner = np.full(shape[0], 0.2)
    mine, theirs = (
        bills(records(document, c, replace(world_of(common(BUY, SELL, c), document, c), inner=inner)))
        for c in (community, more)
    )
    np.testing.assert_allclose(theirs[:, :-1], mine, rtol=0, atol=1e-12)
    assert not theirs[:, -1].any()


@pytest.mark.parametrize("dispatch", RULES)
@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_twice_the_energy_costs_twice_the_money(market: Market, dispatch: Dispatch, community: Community) -> None:
    """Not so for charges and fees, which need not be in proportion."""
    tariff = first_tariff_for(market).model_copy(update={"fixed_per_day": 0.0})
    document = scenario(tariff=tariff, market=market, dispatch=dispatch, pool=TERMS["lossy"])
    prices = document.prices(community)
    if prices.charges or prices.fees:
        pytest.skip("charges and fees need not be in proportion")
    once = bills(records(document, community, prices))
    twice = bills(records(document, scaled(community, 2.0), prices))
    np.testing.assert_allclose(twice, 2 * once, rtol=0, atol=1e-11)


@pytest.mark.parametrize("market", promising("repeatable"))
def test_a_slot_in_four_parts_costs_the_same(market: Market) -> None:
    community = make_community(1, devices=False)
    tariff = first_tariff_for(market).model_copy(update={"fixed_per_day": 0.0})
    document = scenario(tariff=tariff, market=market, dispatch=CALM, pool=TERMS["lossy"])
    prices = document.prices(community)
    if prices.charges or prices.fees:
        pytest.skip("charges and fees may count slots")
    outside, finer = tariff.prices(community), refined(community, 4)
    parts = ("buy", "sell", "coupling_buy", "coupling_sell", "inner")
    given = {name: getattr(outside, name) for name in parts if getattr(outside, name) is not None}
    fine = replace(outside, **{name: np.repeat(values, 4, axis=0) for name, values in given.items()})
    whole = bills(records(document, community, prices)).sum(axis=0)
    split = bills(records(document, finer, document.terms(fine, finer))).sum(axis=0)
    np.testing.assert_allclose(split, whole, rtol=0, atol=1e-10)


# --- bidders ---------------------------------------------------------------------------------------------------------

AUCTION = next(cls for cls in MARKETS.values() if "bidder" in cls.model_fields and cls().promise.efficient)


@pytest.mark.parametrize("tariff", [TARIFF_VARIANTS[0], TARIFF_VARIANTS[-1]])
@pytest.mark.parametrize("bidder", variants(BIDDERS))
def test_a_bidder_keeps_the_books(bidder: Bidder, tariff: Tariff) -> None:
    for seed, pool in enumerate(TERMS.values()):
        document = scenario(tariff=tariff, market=AUCTION(bidder=bidder), pool=pool)
        result = run_or_skip(document, make_community(seed))
        assert result.verdict.holds
        assert {"T4", "T6"} <= set(result.verdict.checked)
        if bidder.rational and tariff.alone() == tariff:
            assert result.metrics["losers"] == 0


@pytest.mark.parametrize("bidder", variants(BIDDERS))
def test_cutting_the_horizon_changes_no_bit_of_a_bidder(bidder: Bidder) -> None:
    document = scenario(tariff=first_tariff_for(JOINT), market=AUCTION(bidder=bidder), pool=TERMS["lossy"])
    assert_same_bits(document, make_community(0))


@pytest.mark.parametrize("bidder", variants(BIDDERS))
def test_a_bidder_knows_its_own_position_only(bidder: Bidder, community: Community) -> None:
    """In the first slot, before there is anything to learn, nobody's quote moves with what others need or make."""
    document = scenario(tariff=first_tariff_for(JOINT), market=AUCTION(bidder=bidder))
    load = np.array(community.load_kw)
    load[:, 1:] *= 3
    other = replace(community, load_kw=load)
    mine, theirs = (column(records(document, c), "quote_price")[0] for c in (community, other))
    assert mine[0] == theirs[0]


# --- metrics ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_says_what_it_is(name: str) -> None:
    metric = METRICS[name]
    assert isinstance(metric, types.FunctionType)
    assert metric.__name__ == name
    text = " ".join((metric.__doc__ or "").split())
    assert re.search(r"\S \[[^\[\]]+\]$", text), f"{name}: end the docstring with a unit in brackets"


@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_metrics_are_finite_or_nan(market: Market, community: Community) -> None:
    tariff = first_tariff_for(market)
    for people in (community, still(community), replace(community, pv_kw=np.zeros(community.shape))):
        result = run(scenario(tariff=tariff, market=market, dispatch=CALM), community=people)
        assert result.metrics.keys() == METRICS.keys()
        for name, value in result.metrics.items():
            assert isinstance(value, float), name
            assert not math.isinf(value), name


@pytest.mark.parametrize("market", MARKET_VARIANTS)
def test_a_summary_is_plain(market: Market) -> None:
    """What reports and the command line show is text and numbers that JSON knows."""
    import json

    result = run(scenario(tariff=first_tariff_for(market), market=market), community=make_community(0))
    text = json.dumps(result.summary(), allow_nan=False)
    assert json.loads(text)["metrics"].keys() == METRICS.keys()
    assert result.world in {"own_meters", "one_meter", "both"}


def test_settings_are_models() -> None:
    assert issubclass(Settings, BaseModel)
