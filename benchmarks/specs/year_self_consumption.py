"""A thousand members with batteries over a year: self-consumption, mid-market rate, audited.

The peers are loops over lists, one member-slot after the other, of the same formulas. The goals hold like against like:
`run()` against loops that also sum every column and check the books (15 times), our kernels of dispatch and settlement
against loops that walk batteries and make bills (60 times). Loops that make all bills but sum and check nothing are
shown beside them without a goal: they do about a tenth of the work, so that row says what the audit costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from commonwatt._memory import keep_freed_memory
from commonwatt._meter import ways
from commonwatt._settle import add_valued
from commonwatt._sums import row_sums
from commonwatt.clock import Clock
from commonwatt.dispatch._walk import walk
from commonwatt.dispatch.self_consumption import SelfConsumption
from commonwatt.flow import Array, Community, Flexibility
from commonwatt.markets._rates import mean_price
from commonwatt.markets.mid_market_rate import MidMarketRate
from commonwatt.noun import dense, once, spread, times
from commonwatt.run import run
from commonwatt.scenario import Scenario
from commonwatt.tariffs.time_of_use import TimeOfUse

ZONE = "Europe/Berlin"
SHAPES: dict[str, tuple[int, int]] = {"full": (1000, 35_040), "quick": (1000, 2_976), "tiny": (12, 96)}
SLICE = 192
"""Slots that the peer does: two days, every slot of which costs it the same."""
SCENARIO = Scenario(tariff=TimeOfUse(), dispatch=SelfConsumption(), market=MidMarketRate())
MOST_MIB = 4096.0
COLUMNS, CHECKS = 12, 7


@cache
def community(size: Size) -> Community:
    """Two-peak loads, PV on two roofs of three, and a battery beside every PV system."""
    members, slots = SHAPES[size]
    clock = Clock(datetime(2025, 1, 1, tzinfo=ZoneInfo(ZONE)), timedelta(minutes=15), slots, ZONE)
    rng, hour = np.random.default_rng(7), np.arange(slots) * 0.25 % 24
    evening = 0.9 * np.exp(-0.5 * ((hour - 20) / 2) ** 2)
    base = 0.2 + 0.5 * np.exp(-0.5 * ((hour - 8) / 1.5) ** 2) + evening
    sun = np.maximum(np.sin(np.pi * (hour - 6) / 12), 0.0)
    load, pv = np.empty((slots, members)), np.empty((slots, members))
    for t in range(slots):
        load[t] = base[t] * (0.5 + rng.random(members))
        pv[t] = 5.0 * sun[t] * rng.random(members)
    pv[:, ::3] = 0.0
    owner = np.array([n for n in range(members) if n % 3])
    capacity = np.resize([5.0, 10.0, 13.5], owner.size)
    stores = Flexibility.batteries(slots, owner, capacity, charge_kw=capacity / 2, discharge_kw=capacity / 2)
    return Community.of(clock, load, pv, flexibility=stores)


def first(members: Community) -> Community:
    """The peer's slice."""
    slots = min(SLICE, members.shape[0])
    part = members.window(0, slots)
    return replace(part, clock=replace(part.clock, horizon=slots))


def audited(members: Community) -> Work:
    """The whole run: simulated, summed, audited, and everybody alone and without devices."""

    def work() -> Array:
        facts = run(SCENARIO, community=replace(members)).facts
        return np.concatenate([facts.bill, facts.alone.by_member["bill_money"], facts.gross_bill])

    return work


def kernels(members: Community) -> Work:
    """The compiled loops of dispatch, meters and settlement, fed window by window without the pipeline."""
    device, hours, prices = members.flexibility, members.clock.hours, SCENARIO.prices(members)
    buy, sell = dense(prices.coupling_buy), dense(prices.coupling_sell)
    bounds = [once(side) for side in (
        times(device.charge_kw, hours), times(device.discharge_kw, hours),
        device.level_min_kwh, device.level_max_kwh, device.drain_kwh,
        spread(0.0, device.drain_kwh.shape), device.owed_level_kwh, device.charge_efficiency,
    )]  # fmt: skip
    ones = np.ones(device.devices)
    constants = np.stack([device.discharge_efficiency, ones - device.leakage, 0 * ones])
    keep_freed_memory()

    def work() -> Array:
        owed, level = np.zeros(members.shape[1]), device.level_start_kwh
        for start, stop in SCENARIO.windows(members):
            load, pv = members.load_kw[start:stop] * hours, members.pv_kw[start:stop] * hours
            charge, discharge, levels = walk(load, pv, device.owner, level, *bounds, constants)
            level = levels[-1]
            taken, given = ways(load, pv, charge, discharge, device.owner)
            want, have = row_sums(taken), row_sums(given)
            dear, cheap, inside = buy[start:stop], sell[start:stop], np.minimum(want, have)
            middle = cheap + 0.5 * (dear - cheap)
            buying = mean_price(middle, inside, dear, want - inside)
            selling = mean_price(middle, inside, cheap, have - inside)
            owed = add_valued(owed, taken, given, buying[:, None], selling[:, None], np.ones(stop - start))
        return owed

    return work


@dataclass(frozen=True)
class Lists:
    """The same inputs as nested lists."""

    load: list[list[float]]
    pv: list[list[float]]
    buy: list[float]
    sell: list[float]
    hours: float
    store: list[tuple[float, float, float, float, float, float, float] | None]
    """By member: first level, powers as energy per slot in and out, lowest and highest level, efficiencies."""

    @classmethod
    def of(cls, members: Community) -> Lists:
        """Of a community at the scenario's tariff."""
        prices, hours, device = SCENARIO.prices(members), members.clock.hours, members.flexibility
        bounds = device.charge_kw[0] * hours, device.discharge_kw[0] * hours, device.level_min_kwh[0]
        rows = np.stack([
            device.level_start_kwh, *bounds, device.level_max_kwh[0],
            device.charge_efficiency[0], device.discharge_efficiency,
        ], axis=1).tolist()  # fmt: skip
        store = dict(zip(device.owner.tolist(), map(tuple, rows), strict=True))
        return cls(
            members.load_kw.tolist(), members.pv_kw.tolist(), prices.coupling_buy.tolist(),
            prices.coupling_sell.tolist(), hours, [store.get(n) for n in range(members.shape[1])],
        )  # fmt: skip

    def bills(self) -> Array:
        """Greedy batteries, the mid-market rate: what everybody owes."""
        everyone = range(len(self.store))
        level = [battery[0] if battery else 0.0 for battery in self.store]
        owed = [0.0] * len(level)
        for load, pv, buy, sell in zip(self.load, self.pv, self.buy, self.sell, strict=True):
            nets, want, have = self._nets(load, pv, level)
            buying, selling = _mid_market(want, have, buy, sell)
            for n in everyone:
                net = nets[n]
                owed[n] += net * (selling if net > 0.0 else buying)
        return -np.array(owed)

    def all_bills(self) -> Array:
        """The same, and what everybody would owe alone and for the load alone."""
        everyone = range(len(self.store))
        level = [battery[0] if battery else 0.0 for battery in self.store]
        owed, alone, gross = ([0.0] * len(level) for _ in range(3))
        for load, pv, buy, sell in zip(self.load, self.pv, self.buy, self.sell, strict=True):
            nets, want, have = self._nets(load, pv, level)
            buying, selling = _mid_market(want, have, buy, sell)
            cost = buy * self.hours
            for n in everyone:
                net = nets[n]
                gross[n] -= load[n] * cost
                if net > 0.0:
                    owed[n] += net * selling
                    alone[n] += net * sell
                else:
                    owed[n] += net * buying
                    alone[n] += net * buy
        return -np.array(owed + alone + gross)

    def books(self) -> Array:
        """All bills, each quantity summed and its highest value kept, and the audit's checks: what `run` does."""
        members = len(self.store)
        level = [battery[0] if battery else 0.0 for battery in self.store]
        owed, alone, gross, wallet = ([0.0] * members for _ in range(4))
        sums, highest = ([[0.0] * members for _ in range(COLUMNS)] for _ in range(2))
        worst = [0.0] * CHECKS
        for load, pv, buy, sell in zip(self.load, self.pv, self.buy, self.sell, strict=True):
            before = level.copy()
            nets, want, have = self._nets(load, pv, level)
            rates = _mid_market(want, have, buy, sell)
            turnover = 0.0
            for n in range(members):
                moved = (pv[n] - load[n]) * self.hours - nets[n]
                bill = self._entered(
                    n, nets[n], moved, level[n], rates, (buy, sell), (owed, alone, wallet), sums, highest
                )
                gross[n] += load[n] * buy * self.hours
                turnover += bill
                _checked(worst, nets[n], bill, rates, (buy, sell))
                if battery := self.store[n]:
                    _checked_store(worst, battery, before[n], level[n], moved)
            grid = max(want - have, 0.0) * buy - max(have - want, 0.0) * sell
            worst[0] = max(worst[0], abs(turnover - grid))
        if max(worst) > 1e-6:
            raise ValueError(f"the peer's own books do not close: {worst}")
        return np.array(owed + alone + gross)

    def _entered(  # noqa: PLR0913  (a loop's inner part)
        self, n: int, net: float, moved: float, level: float, rates: tuple[float, float], grid: tuple[float, float],
        bills: tuple[list[float], list[float], list[float]], sums: list[list[float]], highest: list[list[float]],
    ) -> float:  # fmt: skip
        """Enters one member's slot into bills, sums and highest values; its bill."""
        out, into = (net, 0.0) if net > 0.0 else (0.0, -net)
        bill = into * rates[0] - out * rates[1]
        bills[0][n] += bill
        bills[1][n] += into * grid[0] - out * grid[1]
        bills[2][n] -= bill
        charge, discharge = (moved, 0.0) if moved > 0.0 else (0.0, -moved)
        row = into, out, charge, discharge, level, into, out, rates[0], rates[1], bill, bills[2][n], bill
        for column, value in enumerate(row):
            sums[column][n] += value
            if value > highest[column][n]:
                highest[column][n] = value
        return bill

    def _nets(self, load: list[float], pv: list[float], level: list[float]) -> tuple[list[float], float, float]:
        """Exports (negative: imports) of a slot after the batteries, which move `level`; all that is wanted and had."""
        hours, store = self.hours, self.store
        nets, want, have = [], 0.0, 0.0
        for n, battery in enumerate(store):
            net = (pv[n] - load[n]) * hours
            if battery:
                _, most_in, most_out, low, high, into, out_of = battery
                if net > 0.0:
                    moved = min((high - level[n]) / into, most_in, net)
                    level[n] += moved * into
                    net -= moved
                else:
                    moved = min((level[n] - low) * out_of, most_out, -net)
                    level[n] -= moved / out_of
                    net += moved
            nets.append(net)
            if net > 0.0:
                have += net
            else:
                want -= net
        return nets, want, have


def _mid_market(want: float, have: float, buy: float, sell: float) -> tuple[float, float]:
    """What buyers pay and sellers get per kWh."""
    middle, matched = (buy + sell) / 2, min(want, have)
    buying = (matched * middle + (want - matched) * buy) / want if want > 0.0 else buy
    selling = (matched * middle + (have - matched) * sell) / have if have > 0.0 else sell
    return buying, selling


def _checked(
    worst: list[float], net: float, bill: float, rates: tuple[float, float], grid: tuple[float, float]
) -> None:
    """Amounts, signs, band and rationality of one member's slot."""
    out, into = (net, 0.0) if net > 0.0 else (0.0, -net)
    worst[1] = max(worst[1], abs(into * rates[0] - out * rates[1] - bill))
    worst[2] = max(worst[2], min(into, out), -into, -out)
    worst[3] = max(worst[3], rates[0] - grid[0], grid[1] - rates[1])
    worst[4] = max(worst[4], bill - (into * grid[0] - out * grid[1]))


def _checked_store(worst: list[float], battery: tuple[float, ...], before: float, level: float, moved: float) -> None:
    """Level, bounds and power of one battery's slot."""
    _, most_in, most_out, low, high, into, out_of = battery
    follows = before + (moved * into if moved > 0.0 else moved / out_of)
    worst[5] = max(worst[5], abs(level - follows))
    worst[6] = max(worst[6], level - high, low - level, moved - most_in, -moved - most_out)


def cases(size: Size) -> Sequence[Case]:
    """The whole run, and its kernels alone."""
    members, slots = SHAPES[size]
    part = min(SLICE, slots)
    scale, shape = slots / part, f"{members} x {slots:,}"
    note = f"tight list loops, {part} slots x {scale:g}" if scale > 1 else "tight list loops"

    def lists() -> Lists:
        return Lists.of(first(community(size)))

    return [
        Case(
            "year_self_consumption", f"{shape}: run() with audit, alone and gross",
            f"{note}: bills, alone, gross; no sums, no audit",
            lambda: audited(community(size)), lambda: lists().all_bills, goal=None, scale=scale,
            same=lambda: audited(first(community(size))), most_mib=MOST_MIB,
        ),
        Case(
            "year_self_consumption", f"{shape}: run() with audit, alone and gross",
            f"{note}: bills, alone, gross, every column summed, audited",
            lambda: audited(community(size)), lambda: lists().books, goal=15.0, scale=scale,
            same=lambda: audited(first(community(size))), most_mib=MOST_MIB,
        ),
        Case(
            "year_self_consumption", f"{shape}: kernels of dispatch and settlement alone", f"{note}: bills",
            lambda: kernels(community(size)), lambda: lists().bills, goal=60.0, scale=scale,
            same=lambda: kernels(first(community(size))), most_mib=MOST_MIB,
        ),
    ]  # fmt: skip


SPEC = Spec("year_self_consumption", "A year of a thousand members in little memory.", cases, rounds=3)
