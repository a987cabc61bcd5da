"""Random problems of every kind, and the same model written a second time, row by row, with every binary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import highspy
import numpy as np
from tests._communities import hand_made

from commonwatt.flow import Flexibility, Pool, Prices, State
from commonwatt.optimum.problem import Problem, build

WORLDS = ("alone", "own_meters", "one_meter")
TARIFFS = ("normal", "flat", "free feed-in", "zero", "negative feed-in", "negative", "odd")


def instance(seed: int, *, tariff: str | None = None, world: str | None = None, scale: float | None = None) -> Problem:
    """A problem of a few members and slots; whatever is not given is drawn."""
    rng = np.random.default_rng([20260101, seed])
    slots, members = int(rng.integers(1, 9)), int(rng.integers(1, 4))
    tariff = tariff or str(rng.choice(TARIFFS))
    world = world or str(rng.choice(WORLDS))
    scale = scale or float(rng.choice([1.0, 1.0, 1.0, 1e-4, 1e5]))
    net = rng.uniform(-3, 3, (slots, members)) * (rng.random((slots, members)) < 0.8)
    net = np.round(net) if rng.random() < 0.3 else net
    community = hand_made(scale * net * (rng.random() > 0.05))
    community = replace(community, flexibility=devices(rng, slots, members, scale))
    prices = terms(rng, community, tariff, common=world == "one_meter" or rng.random() < 0.5)
    pool = Pool(efficiency=float(rng.choice([1.0, 0.9])), fee_per_kwh=float(rng.choice([0.0, 0.01])))
    prices = replace(prices, one_meter=world == "one_meter", pool=pool)
    return build(
        community, prices, State.initial(community), p2p=world != "alone",
        curtail=bool(rng.random() < 0.3), stored_value=None if rng.random() < 0.6 else 1.0,
    )  # fmt: skip


def devices(rng: np.random.Generator, slots: int, members: int, scale: float) -> Flexibility:
    """Up to two devices per member, some leaky, some driven away with what they hold, some tight."""
    count = int(rng.integers(0, 2 * members + 1))
    owner = np.sort(rng.permutation(np.repeat(np.arange(members), 2))[:count])
    size = scale * rng.uniform(0.5, 6, count)
    found = Flexibility.batteries(
        slots, owner, size, charge_kw=size * rng.uniform(0.1, 1, count), discharge_kw=size * rng.uniform(0, 1, count),
        soc_start=rng.uniform(0.1, 0.9, count), charge_efficiency=float(rng.choice([1.0, 0.95, 0.8])),
        discharge_efficiency=float(rng.choice([1.0, 0.95, 0.8])), leakage=float(rng.choice([0.0, 0.01])),
    )  # fmt: skip
    if count and rng.random() < 0.3:
        due, last = np.array(found.level_min_kwh), int(rng.integers(0, slots))
        obliged = np.zeros(count, np.bool_)
        obliged[0], due[last, 0] = True, min(0.9 * size[0], found.level_start_kwh[0] + 0.5 * (last + 1) * 0.0)
        found = replace(found, obliged=obliged, level_min_kwh=due)
    return found


def terms(rng: np.random.Generator, community: Any, tariff: str, *, common: bool) -> Prices:
    """Prices of that kind, common or per member."""
    shape = community.shape[:1] if common else community.shape
    buy = rng.uniform(0.1, 0.4, shape)
    sell = buy * rng.uniform(0.0, 1.0, shape)
    if tariff == "flat":
        buy, sell = np.full(shape, 0.3), np.full(shape, 0.1)
    if tariff == "free feed-in":
        sell = 0 * sell
    if tariff == "zero":
        buy, sell = 0 * buy, 0 * sell
    if tariff.startswith("negative"):
        sell = sell - 0.3 * (rng.random(shape) < 0.5)
    if tariff == "negative":
        buy = np.maximum(buy - 0.5 * (rng.random(shape) < 0.3), sell)
    if tariff == "odd":
        sell = sell + 0.2 * (rng.random(shape) < 0.3)
    return Prices.common(buy, sell, community.shape) if common else Prices.own(buy, sell)


class Reference:
    """The exact optimum by another road: one variable, one row, one binary at a time, in whatever units come."""

    def __init__(self, problem: Problem) -> None:
        self.p = problem
        self.scale = max(float(problem.want_max_kwh.max(initial=0)), float(problem.give_max_kwh.max(initial=0)),
                         float(problem.stores.level_max_kwh.max(initial=0))) or 1.0  # fmt: skip
        self.rows: list[tuple[float, float, dict[int, float]]] = []
        self.columns: list[tuple[float, float, float, bool]] = []

    def new(self, cost: float, low: float, high: float, *, binary: bool = False) -> int:
        """A variable."""
        self.columns.append((cost, low, high, binary))
        return len(self.columns) - 1

    def row(self, low: float, high: float, **entries: float) -> None:
        """A row of `x<number>` with factors."""
        self.rows.append((low, high, {int(name[1:]): factor for name, factor in entries.items()}))

    def exclusive(self, ones: list[int], most: float, others: list[int], other: float) -> None:
        """Either these or those."""
        z = self.new(0.0, 0.0, 1.0, binary=True)
        self.row(-np.inf, 0.0, **{f"x{c}": 1.0 for c in ones}, **{f"x{z}": -most})
        self.row(-np.inf, other, **{f"x{c}": 1.0 for c in others}, **{f"x{z}": other})

    def solve(self) -> float:
        """The least cost. [money]"""
        p, unit = self.p, self.scale
        for t in range(p.shape[0]):
            self._slot(t, unit)
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("mip_rel_gap", 0.0)
        solver.setOptionValue("mip_abs_gap", 1e-9)
        for number, (cost, low, high, binary) in enumerate(self.columns):
            solver.addVar(low, high)
            solver.changeColCost(number, cost)
            if binary:
                solver.changeColIntegrality(number, highspy.HighsVarType.kInteger)
        for low, high, entries in self.rows:
            solver.addRow(low, high, len(entries), list(entries), list(entries.values()))
        solver.run()
        assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal, solver.getModelStatus()
        return solver.getInfo().objective_function_value * unit

    def _slot(self, t: int, unit: float) -> None:
        p = self.p
        demand, supply = dict[str, float](), dict[str, float]()
        for n in range(p.shape[1]):
            into, out, most = [], [], (p.want_max_kwh[t, n] / unit, p.give_max_kwh[t, n] / unit)
            if p.own[t, n]:
                into.append(self.new(p.buy[t, n], 0, most[0]))
                out.append(self.new(-p.sell[t, n], 0, most[1]))
            if p.inside[t, n]:
                into.append(self.new(0.0, 0, most[0]))
                out.append(self.new(0.0, 0, most[1]))
                demand[f"x{into[-1]}"] = supply[f"x{out[-1]}"] = -1.0
            self.exclusive(into, most[0], out, most[1])
            thrown = self.new(0.0, 0, p.curtail_max_kwh[t, n] / unit)
            balance = {f"x{c}": 1.0 for c in into} | {f"x{c}": -1.0 for c in out} | {f"x{thrown}": -1.0}
            for k in np.flatnonzero(p.stores.owner == n):
                charge, discharge = self._store(t, int(k), unit)
                balance |= {f"x{charge}": -1.0, f"x{discharge}": 1.0}
            self.row(p.base_kwh[t, n] / unit, p.base_kwh[t, n] / unit, **balance)
        sent = self.new(p.pool.fee_per_kwh * p.pool.efficiency, 0, np.inf)
        demand[f"x{sent}"], supply[f"x{sent}"] = p.pool.efficiency, 1.0
        if p.one_meter and p.inside[t].any():
            taken, given = self.new(p.coupling_buy[t], 0, np.inf), self.new(-p.coupling_sell[t], 0, np.inf)
            demand[f"x{taken}"] = supply[f"x{given}"] = 1.0
            most = p.want_max_kwh[t].sum() / unit, p.give_max_kwh[t].sum() / unit
            self.exclusive([taken], most[0], [given], most[1])
        self.row(0, 0, **demand)
        self.row(0, 0, **supply)

    def _store(self, t: int, k: int, unit: float) -> tuple[int, int]:
        s, last = self.p.stores, t == self.p.shape[0] - 1
        most = s.charge_max_kwh[t, k] / unit, s.discharge_max_kwh[t, k] / unit
        charge, discharge = self.new(s.wear[k], 0, most[0]), self.new(s.wear[k], 0, most[1])
        worth = -s.value[k] if last else 0.0
        level = self.new(worth, s.level_min_kwh[t, k] / unit, s.level_max_kwh[t, k] / unit)
        self.exclusive([charge], most[0], [discharge], most[1])
        entries = {f"x{level}": 1.0, f"x{charge}": -s.gain[k], f"x{discharge}": s.loss[k]}
        right = -s.drain_kwh[t, k] / unit
        if t:
            entries[f"x{self._levels[k]}"] = -s.keep[k]
        else:
            right += s.keep[k] * s.start_kwh[k] / unit
        self._levels = {**getattr(self, "_levels", {}), k: level}
        self.row(right, right, **entries)
        return charge, discharge
