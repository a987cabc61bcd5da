"""The same community in CVXPY, linopy and PyPSA: the same optimum. Each is skipped where it is not installed.

Their packages are no part of the lock for development; `make peers` brings them and runs these tests.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests._communities import hand_made
from tests.optimum.test_limits import behind, everybody, tiered

from commonwatt.flow import Flexibility, Pool, Prices, State
from commonwatt.optimum.limits import Joint
from commonwatt.optimum.problem import Problem, build
from commonwatt.optimum.solve import solve
from commonwatt.optimum.stores import Stores

SLOTS, MEMBERS = 12, 4
SEEDS = range(4)


def community(seed: int) -> Problem:
    """Homes with a car, a leaky heat store, and a battery of two accounts behind one meter; limits, peak, tiers."""
    rng = np.random.default_rng([20260104, seed])
    hour = np.arange(SLOTS)[:, None]
    load = rng.uniform(0.2, 1.2, (SLOTS, MEMBERS)) * (1 + (hour > 7))
    sun = rng.uniform(0.5, 3.0, (SLOTS, MEMBERS)) * ((hour > 2) & (hour < 8))
    size = rng.uniform(2, 5, 4)
    homes = replace(hand_made(load - sun), load_kw=load, pv_kw=sun, flexibility=Flexibility.batteries(
        SLOTS, np.array([0, 1, 2, 3]), size, charge_kw=size / 3, discharge_kw=size / 3, leakage=0.01,
    ))  # fmt: skip
    buy = rng.uniform(0.15, 0.4, SLOTS)
    pool = Pool(efficiency=float(rng.choice([0.9, 1.0])), fee_per_kwh=0.01)
    prices = replace(Prices.common(buy, 0.3 * buy, homes.shape), one_meter=True, pool=pool)
    given = car(build(homes, prices, State.initial(homes), p2p=True, curtail=bool(rng.random() < 0.5)), rng)
    peak = float(np.maximum(given.base_kwh.sum(axis=1), 0).max())
    given = behind(given, most_in=0.8 * peak, most_out=rng.uniform(1, 4, SLOTS))
    given = behind(given, most_in=0.7 * peak, most_out=3.0, members=[0, 1], name="feeder")
    given = behind(given, most_in=3.0, most_out=2.0, members=[3], name="connection")
    given = tiered(given, [2.0, 3.0], [0.0, 0.03, 0.08])
    given = replace(given, stores=heat(given.stores, rng), joints=(accounts(given.stores, [2, 3]),))
    return replace(given, peaks=(everybody(given, rate=0.4, locked_kw=0.5),))


def heat(stores: Stores, rng: np.random.Generator) -> Stores:
    """The second battery as a store of heat: more heat per kWh in warm slots, heat drawn in each, none given back."""
    gain, drain, give = (np.array(getattr(stores, name)) for name in ("gain", "drain_kwh", "discharge_max_kwh"))
    gain[:, 1], drain[:, 1], give[:, 1] = rng.uniform(2.0, 4.0, SLOTS), 0.2, 0.0
    return replace(stores, gain=gain, drain_kwh=drain, discharge_max_kwh=give)


def accounts(stores: Stores, rows: list[int]) -> Joint:
    """Stores as accounts of one battery with less power and less room than they have each."""
    powers = (getattr(stores, name)[:, rows].sum(axis=1) for name in ("charge_max_kwh", "discharge_max_kwh"))
    low, high = (getattr(stores, name)[:, rows].sum(axis=1) for name in ("level_min_kwh", "level_max_kwh"))
    most_in, most_out = (0.7 * power for power in powers)
    return Joint(
        rows=np.array(rows), level_min_kwh=low, level_max_kwh=0.8 * high, charge_max_kwh=most_in,
        discharge_max_kwh=most_out,
    )  # fmt: skip


def car(given: Problem, rng: np.random.Generator) -> Problem:
    """The first battery made a car: away at noon, and driven 1 kWh; full enough when it leaves."""
    stores = given.stores
    low, drain, power = np.array(stores.level_min_kwh), np.array(stores.drain_kwh), np.array(stores.charge_max_kwh)
    low[4, 0], drain[6, 0] = low[4, 0] + 1.0, 1.0
    power[5:7, 0] = 0.0
    give = np.array(stores.discharge_max_kwh)
    give[5:7, 0] = 0.0
    stores = replace(stores, level_min_kwh=low, drain_kwh=drain, charge_max_kwh=power, discharge_max_kwh=give)
    return replace(given, stores=replace(stores, wear=np.array([0.0, 0.0, 0.005, 0.0])))


def rows_and_cost(given: Problem, new: Any, add: Any, each: Any) -> Any:
    """Adds the rows by `add(left, sense, right)` of `new(name, shape, low, high)`; gives the terms of the cost."""
    p, s = given, given.stores
    shape, (slots, members) = given.shape, given.shape
    want, give = new("want", shape, 0, p.want_max_kwh), new("give", shape, 0, p.give_max_kwh)
    thrown, dark = new("thrown", shape, 0, p.curtail_max_kwh), new("dark", shape, 0, p.unserved_max_kwh)
    charge, discharge = new("charge", s.shape, 0, s.charge_max_kwh), new("discharge", s.shape, 0, s.discharge_max_kwh)
    level = new("level", s.shape, s.level_min_kwh, s.level_max_kwh)
    sent, taken, given_out = (new(name, (slots, 1), 0, np.full((slots, 1), 1e3)) for name in ("sent", "taken", "out"))
    peak = new("peak", (1, 1), p.peaks[0].locked_kw, np.full((1, 1), 1e3))
    width = np.minimum(p.tiers[0].width_kwh, 1e3)
    used = new("used", (1, width.size), 0, width[None, :])
    owns = np.eye(members)[s.owner]
    add(want - give - thrown + dark + (discharge - charge) @ owns, "==", p.base_kwh)
    keep, loss, gain = np.diag(s.keep), np.diag(s.loss), np.broadcast_to(s.gain, s.shape)
    before = np.eye(slots, k=-1)
    start = np.zeros(s.shape)
    start[0] = s.keep * s.start_kwh
    add(level - before @ level @ keep - each(gain, charge) + discharge @ loss, "==", start - s.drain_kwh)
    none, ones = np.zeros((slots, 1)), np.ones((members, 1))
    for joint in p.joints:
        together = np.isin(np.arange(s.shape[1]), joint.rows)[:, None].astype(float)
        add(level @ together, "<=", joint.level_max_kwh[:, None])
        add(level @ together, ">=", joint.level_min_kwh[:, None])
        way = new("way", (slots, 1), None, None)
        add(charge @ together - each(joint.charge_max_kwh[:, None], way), "<=", none)
        add(discharge @ together + each(joint.discharge_max_kwh[:, None], way), "<=", joint.discharge_max_kwh[:, None])
    add(taken + p.pool.efficiency * sent - want @ ones, "==", none)
    add(given_out + sent - give @ ones, "==", none)
    net = want - give
    for g, who in enumerate(p.places.inside):
        add(net @ who[:, None].astype(float), "<=", p.places.import_max_kwh[:, [g]])
        add(net @ who[:, None].astype(float), ">=", -p.places.export_max_kwh[:, [g]])
    add(net @ ones + (1 - p.pool.efficiency) * sent - np.ones((slots, 1)) @ peak, "<=", none)
    first = np.eye(members)[:, [0]]
    add(np.ones((1, slots)) @ want @ first - used @ np.ones((width.size, 1)), "==", np.zeros((1, 1)))
    return [
        (p.coupling_buy[:, None], taken), (-p.coupling_sell[:, None], given_out),
        (np.full((slots, 1), p.pool.fee_per_kwh * p.pool.efficiency), sent),
        (np.full(shape, p.unserved_price), dark), (np.tile(s.wear, (slots, 1)), charge),
        (np.tile(s.wear, (slots, 1)), discharge), (np.full((1, 1), p.peaks[0].rate), peak),
        (p.tiers[0].rate[None, :], used),
    ]  # fmt: skip


def in_cvxpy(given: Problem) -> float:
    cp = pytest.importorskip("cvxpy", reason="CVXPY is not installed (make peers)")
    constraints: list[Any] = []

    def new(name: str, shape: tuple[int, int], low: Any, high: Any) -> Any:
        if low is None:
            return cp.Variable(shape, boolean=True, name=name)
        x = cp.Variable(shape, name=name)
        constraints.extend([x >= low, x <= high])
        return x

    def add(left: Any, sense: str, right: Any) -> None:
        constraints.append({"==": left == right, "<=": left <= right, ">=": left >= right}[sense])

    cost = sum(cp.sum(cp.multiply(price, x)) for price, x in rows_and_cost(given, new, add, cp.multiply))
    task = cp.Problem(cp.Minimize(cost), constraints)
    task.solve(solver=cp.HIGHS, mip_rel_gap=1e-9)
    return float(task.value)


def in_linopy(given: Problem) -> float:
    linopy = pytest.importorskip("linopy", reason="linopy is not installed (make peers)")
    xr, pd = pytest.importorskip("xarray"), pytest.importorskip("pandas")
    model, p, s = linopy.Model(), given, given.stores
    slot, name, device = (("slot", range(p.shape[0])), ("member", range(p.shape[1])), ("device", range(s.shape[1])))
    axes = {"wide": dict([slot, name]), "deep": dict([slot, device]), "line": dict([slot])}

    def table(values: Any, kind: str) -> Any:
        return xr.DataArray(np.asarray(values, float), coords=axes[kind], dims=list(axes[kind]))

    def new(label: str, kind: str, low: Any, high: Any) -> Any:
        shape = tuple(len(v) for v in axes[kind].values())
        low, high = (table(np.broadcast_to(bound, shape), kind) for bound in (low, high))
        return model.add_variables(lower=low, upper=high, name=label)

    want, give = new("want", "wide", 0, p.want_max_kwh), new("give", "wide", 0, p.give_max_kwh)
    thrown, dark = new("thrown", "wide", 0, p.curtail_max_kwh), new("dark", "wide", 0, p.unserved_max_kwh)
    charge = new("charge", "deep", 0, s.charge_max_kwh)
    discharge = new("discharge", "deep", 0, s.discharge_max_kwh)
    level = new("level", "deep", s.level_min_kwh, s.level_max_kwh)
    sent, taken, out = (new(label, "line", 0, np.inf) for label in ("sent", "taken", "out"))
    peak = model.add_variables(lower=p.peaks[0].locked_kw, name="peak")
    blocks = xr.DataArray(p.tiers[0].width_kwh, dims=["block"], coords={"block": range(p.tiers[0].width_kwh.size)})
    used = model.add_variables(lower=0, upper=blocks, name="used")
    owns = xr.DataArray(np.eye(p.shape[1])[s.owner], coords=dict([device, name]), dims=["device", "member"])
    model.add_constraints(
        want - give - thrown + dark + ((discharge - charge) * owns).sum("device") == table(p.base_kwh, "wide")
    )
    rate = {label: xr.DataArray(getattr(s, label), dims=["device"], coords=dict([device])) for label in (
        "keep", "loss", "wear")}  # fmt: skip
    start = np.zeros(s.shape)
    start[0] = s.keep * s.start_kwh
    kept = rate["keep"] * level.shift(slot=1)
    model.add_constraints(
        level - kept - table(np.broadcast_to(s.gain, s.shape), "deep") * charge + rate["loss"] * discharge
        == table(start - s.drain_kwh, "deep")
    )
    for joint in p.joints:
        mask = xr.DataArray(np.isin(np.arange(s.shape[1]), joint.rows) * 1.0, dims=["device"], coords=dict([device]))
        model.add_constraints((mask * level).sum("device") <= table(joint.level_max_kwh, "line"))
        model.add_constraints((mask * level).sum("device") >= table(joint.level_min_kwh, "line"))
        way = model.add_variables(binary=True, coords=[pd.Index(range(p.shape[0]), name="slot")], name="way")
        into, out_of = (table(most, "line") for most in (joint.charge_max_kwh, joint.discharge_max_kwh))
        model.add_constraints((mask * charge).sum("device") - into * way <= 0)
        model.add_constraints((mask * discharge).sum("device") + out_of * way <= out_of)
    model.add_constraints(taken + p.pool.efficiency * sent - want.sum("member") == 0)
    model.add_constraints(out + sent - give.sum("member") == 0)
    for g, who in enumerate(p.places.inside):
        mask = xr.DataArray(who.astype(float), dims=["member"], coords=dict([name]))
        net = (mask * want).sum("member") - (mask * give).sum("member")
        model.add_constraints(net <= table(p.places.import_max_kwh[:, g], "line"))
        model.add_constraints(net >= table(-p.places.export_max_kwh[:, g], "line"))
    lost = (1 - p.pool.efficiency) * sent
    model.add_constraints(want.sum("member") - give.sum("member") + lost - peak <= 0)
    model.add_constraints(want.sel(member=0).sum("slot") - used.sum("block") == 0)
    worn = (rate["wear"] * (charge + discharge)).sum()
    energy = (table(p.coupling_buy, "line") * taken).sum() - (table(p.coupling_sell, "line") * out).sum()
    rates = xr.DataArray(p.tiers[0].rate, dims=["block"], coords={"block": range(p.tiers[0].rate.size)})
    extra = p.unserved_price * dark.sum() + p.pool.fee_per_kwh * p.pool.efficiency * sent.sum() + (rates * used).sum()
    model.add_objective(energy + worn + extra + p.peaks[0].rate * peak)
    model.solve(solver_name="highs", output_flag=False, mip_rel_gap=1e-9)
    return float(model.objective.value)


def in_pypsa(given: Problem) -> float:
    pypsa = pytest.importorskip("pypsa", reason="PyPSA is not installed (make peers)")
    pd = pytest.importorskip("pandas")
    p, s = given, given.stores
    start = s.keep * s.start_kwh  # PyPSA lets a store lose nothing in its first slot
    hours = pd.RangeIndex(p.shape[0])
    net = pypsa.Network(snapshots=hours)
    net.add("Bus", "demand")
    net.add("Bus", "supply")

    def column(values: Any) -> Any:
        return pd.Series(np.asarray(values, float), hours)

    net.add("Generator", "import", bus="demand", p_nom=1e3, marginal_cost=column(p.coupling_buy))
    net.add(
        "Generator", "export", bus="supply", p_nom=1e3, p_max_pu=0, p_min_pu=-1, marginal_cost=column(p.coupling_sell)
    )
    fee = p.pool.fee_per_kwh * p.pool.efficiency
    net.add("Link", "sent", bus0="supply", bus1="demand", p_nom=1e3, efficiency=p.pool.efficiency, marginal_cost=fee)
    for n in range(p.shape[1]):
        home = f"home {n}"
        net.add("Bus", home)
        net.add("Load", f"load {n}", bus=home, p_set=column(p.base_kwh[:, n]))
        net.add("Link", f"want {n}", bus0="demand", bus1=home, p_nom=1.0, p_max_pu=column(p.want_max_kwh[:, n]))
        net.add("Link", f"give {n}", bus0=home, bus1="supply", p_nom=1.0, p_max_pu=column(p.give_max_kwh[:, n]))
        thrown, dark = column(p.curtail_max_kwh[:, n]), column(p.unserved_max_kwh[:, n])
        net.add("Generator", f"thrown {n}", bus=home, p_nom=1.0, p_max_pu=0.0, p_min_pu=-thrown)
        net.add("Generator", f"dark {n}", bus=home, p_nom=1.0, p_max_pu=dark, marginal_cost=p.unserved_price)
    for k, owner in enumerate(s.owner):
        room, home = f"store {k}", f"home {owner}"
        net.add("Bus", room)
        net.add("Load", f"drain {k}", bus=room, p_set=column(s.drain_kwh[:, k]))
        low, high = column(s.level_min_kwh[:, k]), column(s.level_max_kwh[:, k])
        net.add("Store", f"level {k}", bus=room, e_nom=1.0, e_min_pu=low, e_max_pu=high, e_initial=start[k],
                standing_loss=1 - s.keep[k])  # fmt: skip
        net.add("Link", f"charge {k}", bus0=home, bus1=room, p_nom=1.0, p_max_pu=column(s.charge_max_kwh[:, k]),
                efficiency=column(np.broadcast_to(s.gain, s.shape)[:, k]), marginal_cost=s.wear[k])  # fmt: skip
        most = column(s.loss[k] * s.discharge_max_kwh[:, k])
        net.add("Link", f"discharge {k}", bus0=room, bus1=home, p_nom=1.0, p_max_pu=most, efficiency=1 / s.loss[k],
                marginal_cost=s.wear[k] / s.loss[k])  # fmt: skip
    model = net.optimize.create_model()
    flow = model.variables["Link-p"]
    axis = next(d for d in flow.dims if d != "snapshot")
    want, give = ([flow.sel({axis: f"{way} {n}"}) for n in range(p.shape[1])] for way in ("want", "give"))
    for g, who in enumerate(p.places.inside):
        through = sum(want[n] - give[n] for n in np.flatnonzero(who))
        model.add_constraints(through <= column(p.places.import_max_kwh[:, g]).rename_axis("snapshot").to_xarray())
        model.add_constraints(through >= column(-p.places.export_max_kwh[:, g]).rename_axis("snapshot").to_xarray())
    room = model.variables["Store-e"]
    rooms = next(d for d in room.dims if d != "snapshot")
    for joint in p.joints:
        held = sum(room.sel({rooms: f"level {k}"}) for k in joint.rows)
        into = sum(flow.sel({axis: f"charge {k}"}) for k in joint.rows)
        drawn = sum((1 / s.loss[k]) * flow.sel({axis: f"discharge {k}"}) for k in joint.rows)
        way = model.add_variables(binary=True, coords=[pd.Index(hours, name="snapshot")], name="way")
        most_in, most_out, full = (
            column(most).rename_axis("snapshot").to_xarray()
            for most in (joint.charge_max_kwh, joint.discharge_max_kwh, joint.level_max_kwh)
        )
        model.add_constraints(into - most_in * way <= 0)
        model.add_constraints(drawn + most_out * way <= most_out)
        model.add_constraints(held <= full)
        model.add_constraints(held >= column(joint.level_min_kwh).rename_axis("snapshot").to_xarray())
    peak = model.add_variables(lower=p.peaks[0].locked_kw, name="peak")
    everything = sum(want[n] - give[n] for n in range(p.shape[1]))
    model.add_constraints(everything + (1 - p.pool.efficiency) * flow.sel({axis: "sent"}) - peak <= 0)
    tier, cost = p.tiers[0], model.objective.expression + p.peaks[0].rate * peak
    used = [model.add_variables(lower=0, upper=width, name=f"block {b}") for b, width in enumerate(tier.width_kwh)]
    model.add_constraints(want[0].sum() - sum(used) == 0)
    for rate, block in zip(tier.rate, used, strict=True):
        cost = cost + float(rate) * block
    model.add_objective(cost, overwrite=True)
    model.solve(solver_name="highs", output_flag=False, mip_rel_gap=1e-9)
    return float(model.objective.value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("peer", [in_cvxpy, in_linopy, in_pypsa])
def test_the_same_optimum(peer):
    """Every kind of device, limit and charge, to 1e-6."""
    for seed in SEEDS:
        given = community(seed)
        ours = solve(given, 1e-8).certificate
        assert ours.status == "proven", seed
        assert ours.cost == pytest.approx(peer(given), rel=1e-6), seed
