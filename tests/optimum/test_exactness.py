"""When is the relaxation exact? Condition by condition, against the model with every binary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests._communities import hand_made
from tests.optimum._instances import Reference
from tests.optimum.test_limits import behind, everybody, tiered
from tests.optimum.test_small import battery

from commonwatt.flow import Pool, Prices, State
from commonwatt.optimum import highs
from commonwatt.optimum.problem import Problem, build
from commonwatt.optimum.solve import solve

SLOTS, MEMBERS, SEEDS = 12, 3, range(3)
FINE = 1e-7


def homes(seed: int, *, efficiency: float = 0.95, **changes: Any) -> Problem:
    """Homes with load by evening, PV by day and a battery each, behind one meter with losses and a fee."""
    rng = np.random.default_rng([20260103, seed])
    hour = np.arange(SLOTS)
    load = rng.uniform(0.2, 0.6, (SLOTS, MEMBERS)) * (1 + 1.5 * (hour[:, None] >= 8))
    sun = rng.uniform(0.6, 1.8, (SLOTS, MEMBERS)) * ((hour >= 2) & (hour < 8))[:, None]
    buy, sell = rng.uniform(0.2, 0.35, SLOTS), np.full(SLOTS, 0.08)
    prices = changes.pop("prices", Prices.common)
    store = battery(SLOTS, tuple(range(MEMBERS)), capacity=2.0, power=0.8, charge_efficiency=efficiency,
                    discharge_efficiency=efficiency)  # fmt: skip
    community = replace(hand_made(load - sun), flexibility=store)
    community = replace(community, load_kw=load, pv_kw=sun)
    terms = prices(buy, sell, community.shape)
    pool = changes.pop("pool", Pool(efficiency=0.95, fee_per_kwh=0.01))
    terms = replace(terms, one_meter=changes.pop("one_meter", True), pool=pool)
    curtail = changes.pop("curtail", False)
    return replace(build(community, terms, State.initial(community), p2p=True, curtail=curtail), **changes)


def prices_with(**changed: Callable[[Any, Any, Any], Any]) -> Callable[..., Prices]:
    """Common prices with one of them changed, from the hour, the old price and a generator."""

    def made(buy: Any, sell: Any, shape: Any) -> Prices:
        hour, rng = np.arange(SLOTS), np.random.default_rng(5)
        old = {"buy": buy, "sell": sell}
        new = {name: change(hour, old[name], rng) for name, change in changed.items()}
        return Prices.common(**{**old, **new}, shape=shape)

    return made


def differing(buy: Any, sell: Any, shape: Any) -> Prices:
    """One member buys at less than a third of what the others pay."""
    factor = np.array([0.3, 1.0, 1.2])
    return Prices.own(buy[:, None] * factor, sell[:, None] * np.array([0.5, 1.0, 1.0]))


def must_run(given: Problem) -> Problem:
    """PV that nobody can throw away, as load below zero."""
    return replace(given, load_kwh=given.load_kwh - given.pv_kwh, pv_kwh=0 * given.pv_kwh)


def surplus(given: Problem) -> float:
    return float(np.maximum(-given.base_kwh.sum(axis=1), 0).max())


noon = {"sell": lambda hour, price, rng: np.where((hour >= 3) & (hour < 7), -0.1, price)}
night = {
    "buy": lambda hour, price, rng: np.where(hour < 2, -0.15, price),
    "sell": lambda h, price, rng: np.where(h < 2, -0.2, price),
}
odd = {"sell": lambda hour, price, rng: np.where(hour % 4 == 0, 0.5, price)}

EXACT = {
    "normal tariff": lambda s: homes(s),
    "zero feed-in": lambda s: homes(s, prices=prices_with(sell=lambda h, price, rng: 0 * price)),
    "lossless battery": lambda s: homes(s, efficiency=1.0),
    "demand charge": lambda s: (lambda g: replace(g, peaks=(everybody(g, rate=0.8),)))(homes(s)),
    "rising tiers": lambda s: tiered(homes(s), [2.0], [0.02, 0.1]),
    "tight import cap": lambda s: behind(homes(s), most_in=1.5),
    "export cap with curtailment": lambda s: (lambda g: behind(g, most_out=0.1 * surplus(g)))(homes(s)),
    "negative export price with curtailment": lambda s: homes(s, prices=prices_with(**noon), curtail=True),
    "pool without loss and fee": lambda s: homes(s, pool=Pool()),
}
LOOSE = {
    "export cap, no curtailment": (
        lambda s: (lambda g: behind(must_run(g), most_out=0.3 * surplus(g)))(homes(s, efficiency=0.6)),
        1e-4,
    ),
    "negative export price, no curtailment": (lambda s: must_run(homes(s, prices=prices_with(**noon))), 1e-2),
    "negative import price": (lambda s: homes(s, prices=prices_with(**night)), 1e-2),
    "export price above import price": (lambda s: homes(s, prices=prices_with(**odd)), 1e-3),
    "own tariffs that differ": (lambda s: homes(s, prices=differing, one_meter=False), 1e-2),
    "falling tiers": (lambda s: tiered(homes(s), [4.0], [0.15, 0.0]), 1e-3),
}


def plain(given: Problem, monkeypatch: pytest.MonkeyPatch) -> float:
    """The relaxation's cost without any cut."""
    with monkeypatch.context() as patched:
        patched.setattr(Problem, "wasteful", np.zeros(given.shape, bool))
        model = highs.Model(given)
        model.relaxed(None)
        return float(model.matrix.cost @ model.last)


def off(given: Problem, relaxed: float, best: float) -> float:
    return (best - relaxed) / max(abs(best), given.scale)


@pytest.mark.parametrize("condition", EXACT)
def test_the_relaxation_is_exact(condition, monkeypatch):
    for seed in SEEDS:
        given = EXACT[condition](seed)
        best = Reference(given).solve()
        assert abs(off(given, plain(given, monkeypatch), best)) < FINE, seed
        proof = solve(given, 1e-6).certificate
        assert proof.status == "proven", seed
        assert proof.binaries == 0, seed
        assert proof.cost == pytest.approx(best, rel=1e-6), seed


@pytest.mark.parametrize("condition", LOOSE)
def test_where_the_relaxation_is_loose_few_binaries_prove_the_optimum(condition, monkeypatch):
    make, least = LOOSE[condition]
    pairs = SLOTS * MEMBERS * 2
    worst = 0.0
    for seed in SEEDS:
        given = make(seed)
        best = Reference(given).solve()
        worst = max(worst, off(given, plain(given, monkeypatch), best))
        proof = solve(given, 1e-6).certificate
        assert proof.status == "proven", seed
        assert proof.binaries <= pairs + SLOTS, seed
        assert proof.cost == pytest.approx(best, rel=2e-6), seed
    assert worst > least


@pytest.mark.parametrize("condition", ["export price above import price", "own tariffs that differ"])
def test_a_ban_on_resale_makes_it_nearly_exact(condition, monkeypatch):
    """Export no more than own generation: another problem, and hardly a binary."""
    make, _ = LOOSE[condition]
    for seed in SEEDS:
        free, banned = make(seed), replace(make(seed), resale=False)
        best = Reference(banned).solve()
        assert best >= Reference(free).solve() - 1e-9
        assert off(banned, plain(banned, monkeypatch), best) < 0.25 * off(free, plain(free, monkeypatch), best)
        proof = solve(banned, 1e-6).certificate
        assert proof.status == "proven", seed
        assert proof.cost == pytest.approx(best, rel=2e-6), seed
