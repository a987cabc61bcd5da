"""Random communities, every plug-in in every variant, and audited runs: what several test files build on."""

from __future__ import annotations

import itertools
import typing
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from commonwatt.clock import Clock, Period
from commonwatt.connection import Connection
from commonwatt.flow import Community, Flexibility, Pool, Prices, Sessions
from commonwatt.noun import Array, spread
from commonwatt.record import Record
from commonwatt.registry import Plugin
from commonwatt.run import auditor
from commonwatt.scenario import Scenario
from commonwatt.simulate import simulate
from commonwatt.totals import Totals

BERLIN = "Europe/Berlin"
MONTH_END = datetime(2025, 3, 31, 12, tzinfo=ZoneInfo(BERLIN))
CLOCK_CHANGE = datetime(2025, 3, 29, 12, tzinfo=ZoneInfo(BERLIN))
MOST_VARIANTS = 24
TERMS = {"lossless": Pool(), "lossy": Pool(efficiency=0.9, fee_per_kwh=0.01)}


# --- plug-ins ---------------------------------------------------------------------------------------------------------


def choices(annotation: Any) -> tuple[Any, ...]:
    """What a field of that type may hold, where it is one of a few: a Literal, a switch.

    Of the periods two: they differ in nothing but when they close.
    """
    if annotation is bool:
        return (False, True)
    if annotation == Period:
        return ("month", "horizon")
    if typing.get_origin(annotation) is typing.Literal:
        return typing.get_args(annotation)
    return ()


def instances(registry: Mapping[str, type[Plugin]]) -> Iterator[tuple[str, Plugin]]:
    """Every plug-in in every combination of its choices; default values otherwise."""
    for kind, cls in registry.items():
        few = {name: choices(field.annotation) for name, field in cls.model_fields.items() if name != "kind"}
        few = {name: values for name, values in few.items() if len(values) > 1}
        combinations = [dict(zip(few, values, strict=True)) for values in itertools.product(*few.values())]
        if len(combinations) > MOST_VARIANTS:
            combinations = [{}, *({name: value} for name, values in few.items() for value in values)]
        for fields in combinations:
            yield "-".join([kind, *(f"{name}={value}" for name, value in fields.items())]), cls(**fields)


def variants(registry: Mapping[str, type[Plugin]]) -> list[Any]:
    """The same, as parameters of a test."""
    return [pytest.param(plugin, id=label) for label, plugin in instances(registry)]


# --- communities ------------------------------------------------------------------------------------------------------


def make_community(
    seed: int = 0, *, members: int = 6, slots: int = 110, start: datetime = MONTH_END, devices: bool = True
) -> Community:
    """A day and a bit of quarter-hours: some members with PV, with up to two batteries, with a vehicle."""
    rng = np.random.default_rng(seed)
    clock = Clock(start, timedelta(minutes=15), slots, BERLIN)
    price = rng.uniform(0.1, 0.3, slots)
    return Community(
        clock=clock,
        names=tuple(f"m{n}" for n in range(members)),
        load_kw=rng.gamma(2.0, 0.4, (slots, members)),
        pv_kw=rng.gamma(1.0, 0.9, (slots, members)) * (rng.random(members) < 0.7),
        market_open=rng.random(slots) < 0.9,
        flexibility=make_devices(rng, clock, members) if devices else Flexibility.none(slots),
        signals={
            "import_price": price,
            "export_price": 0.4 * price,
            "community_price": 0.6 * price,
            "temperature_c": rng.uniform(-5.0, 25.0, slots),
            "irradiance_w_m2": rng.uniform(0.0, 800.0, slots),
            "carbon_kg_per_kwh": rng.uniform(0.1, 0.5, slots),
        },
        traits={
            "contract_buy": rng.uniform(0.2, 0.3, members),
            "contract_sell": rng.uniform(0.05, 0.1, members),
            "wallet_start": rng.uniform(0.0, 20.0, members),
            "investment": rng.uniform(0.0, 900.0, members),
            "allocation_key": 0.9 * rng.dirichlet(np.ones(members)),
        },
    )


def make_devices(rng: np.random.Generator, clock: Clock, members: int) -> Flexibility:
    """Five leaky batteries of different size and three vehicles, of which one may give energy back."""
    size = rng.choice([2.0, 5.0, 8.0], 5)
    batteries = Flexibility.batteries(
        clock.slots, np.sort(rng.integers(0, members, 5)), size,
        charge_kw=0.4 * size, discharge_kw=0.5 * size, soc_start=rng.uniform(0.1, 0.9, 5),
        charge_efficiency=0.95, discharge_efficiency=0.93, leakage=1e-4,
    )  # fmt: skip
    return Flexibility.joined(batteries, Flexibility.vehicles(clock, make_sessions(rng, clock.slots, members)))


def make_sessions(rng: np.random.Generator, slots: int, members: int, count: int = 6) -> Sessions:
    """Stays that begin and end inside slots; some last beyond the run, some ask for more than their power gives."""
    arrival = rng.uniform(0, max(slots - 1, 1), count)
    return Sessions(
        member=rng.permutation(np.arange(count) % max(members // 2, 1)),
        arrival=arrival,
        departure=arrival + rng.uniform(0.5, 40.0, count),
        energy_kwh=rng.uniform(0.5, 20.0, count),
        power_kw=rng.choice([3.7, 11.0], count),
        v2g_kw=rng.choice([0.0, 3.0], count),
    )


def limited(community: Community, seed: int = 0, tightness: float = 0.6) -> Community:
    """Behind limits that bind now and then: of some members, of two groups by slot, and of all together by slot."""
    rng, (slots, members) = np.random.default_rng(seed), community.shape
    net = community.load_kw - community.pv_kw
    group = rng.integers(-1, 2, members)
    groups = np.stack([net[:, group == g].sum(axis=1) for g in range(2)], axis=1)

    def cap(most: Array, shape: tuple[int, ...]) -> Array:
        drawn = tightness * np.maximum(most, 0.1) * rng.uniform(0.7, 1.3, shape)
        return np.where(rng.random(shape) < 0.8, drawn, np.inf)

    return replace(
        community,
        connection=Connection(
            import_cap_kw=cap(net.sum(axis=1).max(), (slots,)),
            export_cap_kw=cap(-net.sum(axis=1).min(), (slots,)),
            member_import_cap_kw=cap(net.max(axis=0), (members,)),
            member_export_cap_kw=cap(-net.min(axis=0), (members,)),
            group=group,
            group_names=("north", "south"),
            group_import_cap_kw=cap(groups.max(axis=0), (slots, 2)),
            group_export_cap_kw=cap(-groups.min(axis=0), (slots, 2)),
        ),
    )


def hand_made(net_kw: Any, *, minutes: int = 60, start: datetime | None = None, **parts: Any) -> Community:
    """From net load (T, N) [kW]: what is below 0 is PV. Slots of an hour in UTC; all invested alike, unless said."""
    net = np.asarray(net_kw, dtype=np.float64)
    first = start or datetime(2025, 6, 2, tzinfo=ZoneInfo("UTC"))
    clock = Clock(first, timedelta(minutes=minutes), len(net), str(first.tzinfo))
    traits = {"investment": np.ones(net.shape[1])}
    return replace(Community.of(clock, np.maximum(net, 0.0), np.maximum(-net, 0.0)), **{"traits": traits, **parts})


def disturbed(community: Community, slot: int) -> Community:
    """Another truth from `slot` on."""
    later = np.arange(community.shape[0]) >= slot
    wide = later[:, None]
    return replace(
        community,
        load_kw=np.where(wide, 9.9, community.load_kw),
        pv_kw=np.where(wide, 0.3, community.pv_kw),
        signals={name: np.where(later, -7.0, values) for name, values in community.signals.items()},
        series={name: np.where(wide, -7.0, values) for name, values in community.series.items()},
    )


def reordered(community: Community, order: Array) -> Community:
    """The same people in another order."""
    device, limits = community.flexibility, community.connection
    by_member = {
        name: values[order]
        for name in ("member_import_cap_kw", "member_export_cap_kw", "group")
        if (values := getattr(limits, name)) is not None
    }
    return replace(
        community,
        names=tuple(community.names[n] for n in order),
        load_kw=community.load_kw[:, order],
        pv_kw=community.pv_kw[:, order],
        series={name: values[:, order] for name, values in community.series.items()},
        traits={name: values[order] for name, values in community.traits.items()},
        flexibility=replace(device, owner=np.argsort(order)[device.owner]),
        connection=replace(limits, **by_member),
    )


def scaled(community: Community, factor: float) -> Community:
    """Everybody and every device that many times as large."""
    sizes = ("charge_kw", "discharge_kw", "level_min_kwh", "level_max_kwh", "drain_kwh", "usual_charge_kw",
             "usual_level_kwh", "level_start_kwh", "capacity_kwh")  # fmt: skip
    device = community.flexibility
    larger: dict[str, Any] = {name: factor * getattr(device, name) for name in sizes}
    return replace(
        community,
        load_kw=factor * community.load_kw,
        pv_kw=factor * community.pv_kw,
        flexibility=replace(device, **larger),
    )


def refined(community: Community, parts: int) -> Community:
    """The same power in slots that are shorter; without devices."""
    clock = community.clock
    fine = Clock(clock.start, clock.slot / parts, clock.slots * parts, clock.zone)
    return replace(
        community,
        clock=fine,
        load_kw=np.repeat(community.load_kw, parts, axis=0),
        pv_kw=np.repeat(community.pv_kw, parts, axis=0),
        market_open=np.repeat(community.market_open, parts),
        flexibility=Flexibility.none(fine.slots),
        signals={name: np.repeat(values, parts) for name, values in community.signals.items()},
    )


# --- runs -------------------------------------------------------------------------------------------------------------


def scenario(**parts: Any) -> Scenario:
    """A scenario whose community is given at the call."""
    return Scenario(**parts)


def world_of(prices: Prices, document: Scenario, community: Community) -> Prices:
    """Prices with the scenario's pool and world, and what its market adds."""
    return document.terms(prices, community)


def records(
    document: Scenario, community: Community, prices: Prices | None = None, cut: int | None = None
) -> list[Record]:
    """A run's stored windows, audited."""
    prices = document.prices(community) if prices is None else prices
    audit = auditor(document, community, prices)
    kept = []
    for window in simulate(document, community, prices=prices, cut=cut):
        kept.append(Record.of(window))
        audit.take(kept[-1])
    audit.verdict().check()
    return kept


def column(kept: list[Record], name: str) -> Array:
    """A column over the whole run."""
    return np.concatenate([record.columns[name] for record in kept])


def bills(kept: list[Record]) -> Array:
    """What each member owes in each slot, entries included. (T, N)"""
    out = []
    for record in kept:
        owed = record.columns["energy_money"] + record.columns["pool_money"]
        for _, _, fee in record.fees():
            owed = owed + fee
        out.append(owed + record.entries.owed(record.clock.first, owed.shape))
    return np.concatenate(out)


def pool_bills(kept: list[Record], prices: Prices) -> Array:
    """What each member owes in each slot for energy, through the pool or not, and by the mechanism's rules. (T, N)"""
    out, reasons = [], [rule.reason for rule in prices.sharings]
    for record in kept:
        owed = record.columns["energy_money"] + record.columns["pool_money"]
        shares = record.entries.kept(np.isin(record.entries.reason, reasons))
        out.append(owed + shares.owed(record.clock.first, owed.shape))
    return np.concatenate(out)


def totals(kept: list[Record]) -> Totals:
    """Sums of a run."""
    sink = Totals()
    for record in kept:
        sink.take(record)
    return sink


def entry_rows(kept: list[Record]) -> list[tuple[Any, ...]]:
    """All entries of a run as sorted rows."""
    found = []
    for record in kept:
        e = record.entries
        columns = (e.slot, e.reason, e.payer, e.payee, e.amount)
        found += list(zip(*(c.tolist() for c in columns), strict=True))
    return sorted(found)


def common(buy: float | Array, sell: float | Array, community: Community) -> Prices:
    """One tariff for everybody."""
    return Prices.common(buy, sell, community.shape)


def still(community: Community) -> Community:
    """Without load, PV and devices."""
    nothing = spread(0.0, community.shape)
    return replace(community, load_kw=nothing, pv_kw=nothing, flexibility=Flexibility.none(community.shape[0]))
