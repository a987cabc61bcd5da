"""Random problems of every kind, and the same model written a second time, row by row, with every binary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import highspy
import numpy as np
from tests._communities import hand_made

from commonwatt.flow import Flexibility, Pool, Prices, State
from commonwatt.optimum.limits import Joint, Peak, Places, Tier
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


def limited(seed: int, **given: Any) -> Problem:
    """The same with limits, charges on peaks and blocks, a shared battery, a ban on resale: some of each."""
    problem, rng = instance(seed, **given), np.random.default_rng([20260102, seed])
    size = max(float(np.abs(problem.base_kwh).max(initial=0)), float(problem.stores.charge_max_kwh.max(initial=0))) or 1
    return replace(
        problem, **places(rng, problem, size), **charges(rng, problem, size), joints=joints(rng, problem),
        resale=bool(rng.random() < 0.85) or problem.stores.owner.size > np.unique(problem.stores.owner).size,
    )  # fmt: skip


def places(rng: np.random.Generator, problem: Problem, size: float) -> dict[str, Any]:
    """The coupling point, a group, a connection: each with limits in some slots; load may stay unserved behind them."""
    slots, members = problem.shape
    inside = [np.ones(members, bool), rng.random(members) < 0.6, np.arange(members) == rng.integers(members)]
    inside = np.array([who for who in inside if rng.random() < 0.5 and who.any()]).reshape(-1, members)
    shape = (slots, len(inside))
    limits = [np.where(rng.random(shape) < 0.6, size * rng.uniform(0.1, 2, shape), np.inf) for _ in range(2)]
    found = Places(
        names=tuple(f"place {g}" for g in range(len(inside))), inside=inside,
        import_max_kwh=limits[0], export_max_kwh=limits[1],
    )  # fmt: skip
    return {"places": found, "unserved_max_kwh": np.where(found.import_limited, problem.load_kwh, 0.0)}


def charges(rng: np.random.Generator, problem: Problem, size: float) -> dict[str, Any]:
    """Peaks and tiers on whatever meter there is, rising, falling and below the price of energy."""
    slots, members = problem.shape
    found: dict[str, list[Any]] = {"peaks": [], "tiers": []}
    for _ in range(int(rng.integers(0, 4))):
        reads = str(rng.choice(["wires", "wires", "residual", *(["pool"] if problem.one_meter else [])]))
        who = np.arange(members) == rng.integers(members)
        if reads == "wires" and rng.random() < 0.6:
            who = np.ones(members, bool)
        part = {"members": who, "reads": reads}
        if rng.random() < 0.5:
            weight = rng.choice([0.0, 1.0, 4.0], slots)
            locked = float(rng.choice([0.0, 0.5])) * size
            found["peaks"].append(Peak(**part, weight=weight, rate=float(rng.uniform(0, 0.5)), locked_kw=locked))
        else:
            count = int(rng.integers(1, 4))
            width = np.append(size * rng.uniform(0.2, 2, count - 1), np.inf)
            rate = np.round(rng.uniform(-0.05, 0.2, count), 2)
            rate = np.sort(rate) if rng.random() < 0.6 else rate
            found["tiers"].append(Tier(**part, slots=rng.random(slots) < 0.8, width_kwh=width, rate=rate))
    return {name: tuple(some) for name, some in found.items()}


def joints(rng: np.random.Generator, problem: Problem) -> tuple[Joint, ...]:
    """The first two stores as accounts of one battery."""
    stores = problem.stores
    if rng.random() < 0.6 or stores.owner.size < 2 or (stores.level_min_kwh[-1] > stores.start_kwh + 1e-9).any():
        return ()
    rows = np.array([0, 1])
    return (Joint(
        rows=rows, level_min_kwh=stores.level_min_kwh[:, rows].sum(axis=1),
        level_max_kwh=np.maximum(0.8 * stores.level_max_kwh[:, rows].sum(axis=1), stores.start_kwh[rows].sum()),
        charge_max_kwh=0.7 * stores.charge_max_kwh[:, rows].sum(axis=1),
        discharge_max_kwh=0.7 * stores.discharge_max_kwh[:, rows].sum(axis=1),
    ),)  # fmt: skip


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
    return weathered(rng, found) if count > 2 and rng.random() < 0.3 else found


def weathered(rng: np.random.Generator, found: Flexibility) -> Flexibility:
    """All wear, and the last one is a heat pump: it gains more or less from slot to slot and gives nothing back."""
    gain, out = np.array(found.charge_efficiency), np.array(found.discharge_kw)
    gain[:, -1], out[:, -1] = rng.uniform(1.0, 4.0, len(gain)), 0.0
    wear = np.full(found.devices, rng.uniform(0.0, 0.1))
    return replace(found, charge_efficiency=gain, discharge_kw=out, wear=wear)


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
        self._in: dict[int, dict[int, list[int]]] = {}
        self._out: dict[int, dict[int, list[int]]] = {}
        self._own: dict[int, dict[int, int]] = {}
        self._taken: dict[int, int] = {}
        self._sent: dict[int, int] = {}
        self._moves: dict[tuple[int, int], tuple[int, int]] = {}
        self._levels: dict[int, int] = {}

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
        self._charges(unit)
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("mip_rel_gap", 0.0)
        solver.setOptionValue("mip_abs_gap", 1e-9)
        solver.setOptionValue("mip_feasibility_tolerance", 1e-7)  # at 1e-9 a wrong plan was seen to be called optimal
        for number, (cost, low, high, binary) in enumerate(self.columns):
            solver.addVar(low, high)
            solver.changeColCost(number, cost)
            if binary:
                solver.changeColIntegrality(number, highspy.HighsVarType.kInteger)
        for low, high, entries in self.rows:
            solver.addRow(low, high, len(entries), list(entries), list(entries.values()))
        solver.run()
        if solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
            return np.inf
        assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal, solver.getModelStatus()
        return solver.getInfo().objective_function_value * unit

    def _slot(self, t: int, unit: float) -> None:
        p = self.p
        demand, supply = dict[str, float](), dict[str, float]()
        self._in[t], self._out[t], self._own[t] = {}, {}, {}
        for n in range(p.shape[1]):
            into, out, most = [], [], (p.want_max_kwh[t, n] / unit, p.give_max_kwh[t, n] / unit)
            if p.own[t, n]:
                into.append(self.new(p.buy[t, n], 0, most[0]))
                out.append(self.new(-p.sell[t, n], 0, most[1]))
                self._own[t][n] = into[-1]
            if p.inside[t, n]:
                into.append(self.new(0.0, 0, most[0]))
                out.append(self.new(0.0, 0, most[1]))
                demand[f"x{into[-1]}"] = supply[f"x{out[-1]}"] = -1.0
            self.exclusive(into, most[0], out, most[1])
            thrown = self.new(0.0, 0, p.curtail_max_kwh[t, n] / unit)
            dark = self.new(p.unserved_price, 0, p.unserved_max_kwh[t, n] / unit)
            self._in[t][n], self._out[t][n] = into, out
            if not p.resale:
                self.row(-np.inf, p.pv_kwh[t, n] / unit, **{f"x{c}": 1.0 for c in [*out, thrown]})
            balance = {f"x{c}": 1.0 for c in [*into, dark]} | {f"x{c}": -1.0 for c in [*out, thrown]}
            for k in np.flatnonzero(p.stores.owner == n):
                charge, discharge = self._store(t, int(k), unit)
                balance |= {f"x{charge}": -1.0, f"x{discharge}": 1.0}
                self._moves[t, int(k)] = charge, discharge
            self.row(p.base_kwh[t, n] / unit, p.base_kwh[t, n] / unit, **balance)
        sent = self.new(p.pool.fee_per_kwh * p.pool.efficiency, 0, np.inf)
        demand[f"x{sent}"], supply[f"x{sent}"] = p.pool.efficiency, 1.0
        self._sent[t] = sent
        if p.one_meter and p.inside[t].any():
            taken, given = self.new(p.coupling_buy[t], 0, np.inf), self.new(-p.coupling_sell[t], 0, np.inf)
            demand[f"x{taken}"] = supply[f"x{given}"] = 1.0
            most = p.want_max_kwh[t].sum() / unit, p.give_max_kwh[t].sum() / unit
            self.exclusive([taken], most[0], [given], most[1])
            self._taken[t] = taken
        self.row(0, 0, **demand)
        self.row(0, 0, **supply)
        self._joint(t, unit)
        for g, who in enumerate(p.places.inside):
            net = self._net(t, np.flatnonzero(who))
            self.row(-p.places.export_max_kwh[t, g] / unit, p.places.import_max_kwh[t, g] / unit, **net)

    def _net(self, t: int, who: Any) -> dict[str, float]:
        into = {f"x{c}": 1.0 for n in who for c in self._in[t][n]}
        return into | {f"x{c}": -1.0 for n in who for c in self._out[t][n]}

    def _store(self, t: int, k: int, unit: float) -> tuple[int, int]:
        s, last = self.p.stores, t == self.p.shape[0] - 1
        most = s.charge_max_kwh[t, k] / unit, s.discharge_max_kwh[t, k] / unit
        charge, discharge = self.new(s.wear[k], 0, most[0]), self.new(s.wear[k], 0, most[1])
        worth = -s.value[k] if last else 0.0
        level = self.new(worth, s.level_min_kwh[t, k] / unit, s.level_max_kwh[t, k] / unit)
        self.exclusive([charge], most[0], [discharge], most[1])
        entries = {f"x{level}": 1.0, f"x{charge}": -s.gain[t, k], f"x{discharge}": s.loss[k]}
        right = -s.drain_kwh[t, k] / unit
        if t:
            entries[f"x{self._levels[k]}"] = -s.keep[k]
        else:
            right += s.keep[k] * s.start_kwh[k] / unit
        self._levels[k] = level
        self.row(right, right, **entries)
        return charge, discharge

    def _joint(self, t: int, unit: float) -> None:
        """Accounts of one battery: together within its bounds, all one way."""
        for joint in self.p.joints:
            levels = {f"x{self._levels[k]}": 1.0 for k in joint.rows}
            self.row(joint.level_min_kwh[t] / unit, joint.level_max_kwh[t] / unit, **levels)
            sides = zip(*(self._moves[t, k] for k in joint.rows), strict=True)
            most = joint.charge_max_kwh[t] / unit, joint.discharge_max_kwh[t] / unit
            into, out = (list(side) for side in sides)
            self.exclusive(into, most[0], out, most[1])

    def _charges(self, unit: float) -> None:
        p = self.p
        for peak in p.peaks:
            highest = self.new(peak.rate, peak.locked_kw / unit, np.inf)
            for t in np.flatnonzero(peak.weight):
                shown = self._shown(peak, int(t), unit)
                self.row(-np.inf, 0.0, **{f"x{shown}": peak.weight[t], f"x{highest}": -1.0})
        for tier in p.tiers:
            shown = [self._shown(tier, int(t), unit) for t in np.flatnonzero(tier.slots)]
            most = sum(p.meter_range(tier)[0]) / unit
            width = np.minimum(tier.width_kwh / unit, most)
            used = [self.new(rate, 0.0, w) for rate, w in zip(tier.rate, width, strict=True)]
            self.row(0.0, 0.0, **{f"x{c}": 1.0 for c in shown}, **{f"x{c}": -1.0 for c in used})
            for b in range(len(used) - 1):
                z = self.new(0.0, 0.0, 1.0, binary=True)
                self.row(0.0, np.inf, **{f"x{used[b]}": 1.0, f"x{z}": -width[b]})
                self.row(-np.inf, 0.0, **{f"x{used[b + 1]}": 1.0, f"x{z}": -width[b + 1]})

    def _shown(self, charge: Any, t: int, unit: float) -> int:
        """What a meter shows as import in a slot."""
        p, who = self.p, np.flatnonzero(charge.members)
        if charge.reads == "pool":
            net = {f"x{self._taken[t]}": 1.0} if t in self._taken else {}
        elif charge.reads == "residual":
            net = {f"x{self._own[t][n]}": 1.0 for n in who if n in self._own[t]}
        else:
            net = self._net(t, who) | {f"x{self._sent[t]}": p.lost_share(charge)}
        most_in, most_out = (side[t] / unit for side in p.meter_range(charge))
        shown, back = self.new(0.0, 0.0, most_in), self.new(0.0, 0.0, most_out)
        self.exclusive([shown], most_in, [back], most_out)
        self.row(0.0, 0.0, **net, **{f"x{shown}": -1.0, f"x{back}": 1.0})
        return shown
