"""Engines and certificates on random problems: nobody is believed, everything is compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests._communities import make_community
from tests.optimum._instances import TARIFFS, WORLDS, Reference, instance

from commonwatt.flow import Prices, State
from commonwatt.optimum import dp, highs, rule
from commonwatt.optimum.certificate import certify
from commonwatt.optimum.engine import Duals, Plan
from commonwatt.optimum.lower import _at_best_price, _at_corners, lower
from commonwatt.optimum.problem import build
from commonwatt.optimum.solve import solve
from commonwatt.optimum.stores import reach
from commonwatt.optimum.upper import feasible


def near(problem, one, share=1e-5):
    return share * max(abs(one), problem.scale, 1e-12)


@pytest.mark.parametrize("batch", range(10))
def test_the_optimum_lies_between_the_bounds(batch):
    """300 problems, degenerate, tiny and huge ones among them, against a second model with every binary."""
    for seed in range(30 * batch, 30 * batch + 30):
        problem = instance(seed)
        proof, best = solve(problem, 1e-6).certificate, Reference(problem).solve()
        assert proof.lower <= best + near(problem, best), seed
        assert best <= proof.cost + near(problem, best), seed
        assert proof.gap <= 1e-6, seed
        assert proof.status == "proven", seed


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("tariff", TARIFFS)
def test_binaries_only_where_the_relaxation_fails(tariff, world):
    for seed in range(1000, 1006):
        problem = instance(seed, tariff=tariff, world=world, scale=1.0)
        proof, best = solve(problem, 1e-6).certificate, Reference(problem).solve()
        assert proof.cost == pytest.approx(best, abs=near(problem, best)), seed
        if tariff in {"flat", "zero"} and not problem.wasteful.any():
            assert proof.binaries == 0, seed
            assert proof.proof == "duals", seed


def test_both_engines_agree_where_both_apply():
    seen = 0
    for seed in range(2000, 2170):
        problem = instance(seed, world="alone")
        members = np.flatnonzero(dp.suited(problem))
        if not members.size:
            continue
        part, seen = problem.of(members), seen + 1
        ours, theirs = (certify(part, engine(part, 1e-9, None), 1e-9)[1] for engine in (dp.solve, highs.solve))
        assert ours.status == theirs.status == "proven", seed
        assert ours.cost == pytest.approx(theirs.cost, rel=1e-9, abs=1e-9 * max(problem.scale, 1e-12)), seed
    assert seen > 80


def test_a_plan_does_not_depend_on_who_else_is_planned():
    seen = 0
    for seed in range(2000, 2100):
        problem = instance(seed, world="alone")
        members = np.flatnonzero(dp.suited(problem))
        if members.size < 2:
            continue
        together = dp.solve(problem.of(members), 1e-9)
        single = [dp.solve(problem.of(np.array([n])), 1e-9) for n in members]
        assert np.array_equal(np.hstack([plan.level_kwh for plan in single]), together.level_kwh), seed
        assert np.array_equal(np.hstack([plan.duals.balance for plan in single]), together.duals.balance), seed
        seen += 1
    assert seen > 20


def test_one_price_tells_as_much_as_all_corners_where_no_two_ways_pay():
    rng = np.random.default_rng(7)
    for stores in range(4):
        base, got = rng.normal(0.0, 2.0, (8, 50)), rng.uniform(-0.1, 0.2, (8, 50))
        paid = got + rng.uniform(0.0, 0.2, base.shape)
        parts = []
        for _ in range(stores):
            up = rng.normal(0.0, 0.3, base.shape)
            down = rng.uniform(0.0, 0.3, base.shape) - up
            parts.append((-rng.uniform(0, 2, base.shape), rng.uniform(0, 2, base.shape), down, up))
        told = _at_best_price(base, parts, paid, got)
        np.testing.assert_allclose(told, _at_corners(base, parts, paid, got), rtol=0, atol=1e-13)


def test_the_rule_of_thumb_serves_an_owners_stores_in_turn():
    several = 0
    for seed in range(40):
        problem = instance(seed)
        stores, plan = problem.stores, rule.solve(problem, 1.0)
        several += np.bincount(stores.owner, minlength=1).max() > 1
        low, high = reach(stores)
        before = stores.start_kwh.copy()
        for t in range(problem.shape[0]):
            left = -problem.base_kwh[t]
            for k, n in enumerate(stores.owner):
                rest = stores.keep[k] * before[k] - stores.drain_kwh[t, k]
                least = rest - stores.loss[k] * stores.discharge_max_kwh[t, k]
                most = rest + stores.gain[t, k] * stores.charge_max_kwh[t, k]
                wish = rest + left[n] * (stores.gain[t, k] if left[n] > 0 else stores.loss[k])
                at = np.clip(np.clip(np.clip(wish, least, most), low[t, k], high[t, k]), least, most)
                left[n] -= (at - rest) / (stores.gain[t, k] if at > rest else stores.loss[k])
                assert plan.level_kwh[t, k] == pytest.approx(at, rel=1e-12, abs=1e-12), (seed, t, k)
                before[k] = at
    assert several > 5


def test_any_duals_give_a_bound_and_useless_ones_say_so():
    rng = np.random.default_rng(3)
    for seed in range(60):
        problem = instance(seed)
        best = solve(problem, 1e-6).certificate.cost
        plan = highs.Model(problem).relaxed(None)
        for spread in (0.0, 0.01, 1.0):
            shaken = {name: d + spread * rng.standard_normal(d.shape) for name, d in vars(plan.duals).items()}
            assert lower(problem, Duals(**shaken)) <= best + near(problem, best), (seed, spread)
        spoilt = replace(plan.duals, balance=np.full(problem.shape, 1e12))
        assert lower(problem, spoilt) == -np.inf
        assert lower(problem, replace(plan.duals, demand=plan.duals.demand * np.nan)) == -np.inf


def test_any_plan_can_be_made_feasible_and_no_worse_one_is_called_proven():
    rng = np.random.default_rng(4)
    for seed in range(60):
        problem = instance(seed)
        best = solve(problem, 1e-6).certificate
        plan = highs.Model(problem).relaxed(None)
        room = problem.stores.level_max_kwh
        wild = replace(plan, level_kwh=room * rng.uniform(-1, 2, room.shape), curtailed_kwh=plan.curtailed_kwh + 1)
        made, missed = feasible(problem, wild)
        assert missed <= 1e-9 * max(1.0, room.max(initial=0)), seed
        assert (np.minimum(made.charge_kwh, made.discharge_kwh) == 0).all()
        assert (made.charge_kwh <= problem.stores.charge_max_kwh + 1e-12).all()
        assert (made.curtailed_kwh <= problem.pv_kwh).all()
        _, proof = certify(problem, wild, 1e-6)
        assert proof.cost >= best.cost - near(problem, best.cost), seed
        assert proof.status == "proven" or proof.gap > 1e-6


def test_what_an_engine_claims_of_itself_is_not_believed():
    problem = instance(7)
    lazy = Plan.rest(problem, "boaster", "optimal")
    _, proof = certify(problem, lazy, 1e-6)
    assert proof.status == "open (optimal)"
    assert not np.isfinite(proof.gap) or proof.gap > 0


def test_a_day_of_a_community_to_the_last_cent():
    community = make_community(2)
    prices = Prices.common(community.signals["import_price"], community.signals["export_price"], community.shape)
    for one_meter in (False, True):
        terms = replace(prices, one_meter=one_meter)
        proof = solve(build(community, terms, State.initial(community), p2p=True), 1e-9).certificate
        assert proof.status == "proven"
        assert proof.binaries == 0
        assert proof.energy_price.shape == community.shape
        assert proof.stored_price.shape == (110, community.flexibility.devices)


def test_a_time_limit_still_gives_a_certified_plan():
    problem = build(
        make_community(1), Prices.own(*_own(make_community(1))), State.initial(make_community(1)), p2p=True
    )  # fmt: skip
    solved = solve(problem, 1e-9, seconds=0.02)
    assert np.isfinite(solved.certificate.cost)
    assert solved.certificate.status.startswith("open")


def _own(community):
    rng = np.random.default_rng(1)
    buy = rng.uniform(0.2, 0.4, community.shape)
    return buy, 0.5 * buy


def test_a_year_of_one_member():
    """35,040 quarter-hours: exact, with its proof."""
    import time

    from commonwatt.optimum._slopes import best_levels

    rng = np.random.default_rng(2)
    slots = 35_040
    hour = (np.arange(slots) / 4) % 24
    net = rng.gamma(2.0, 0.1, slots) - 1.2 * np.clip(np.sin((hour - 6) / 12 * np.pi), 0, 1) * rng.random(slots)
    buy = 0.25 + 0.1 * np.sin(hour / 24 * 2 * np.pi) + 0.02 * rng.random(slots)
    tables = [net, np.zeros(slots), buy, np.full(slots, 0.08), np.full(slots, 0.08)]
    tables += [np.full(slots, v) for v in (1.25, 1.25, 0.5, 9.0, 0.0, 0.95)]
    rows = [np.array([v]) for v in (1 / 0.95, 1.0, 5.0, 0.0, 0.0, 1e-13)]
    started = time.process_time()
    level, dual = best_levels(np.array([0]), *(table[:, None] for table in tables), *rows)
    assert time.process_time() - started < 2.0
    assert level.min() >= 0.5
    assert level.max() <= 9.0
    assert np.isfinite(dual).all()
