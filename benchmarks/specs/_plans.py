"""Random communities to be planned: homes with PV, batteries, electric cars and shiftable load, in a common pool."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Work
from commonwatt.optimum import block
from commonwatt.optimum.certificate import certify
from commonwatt.optimum.engine import Engine
from commonwatt.optimum.limits import Places
from commonwatt.optimum.problem import Problem
from commonwatt.optimum.stores import Stores
from commonwatt.pool import Pool

Array = NDArray[np.float64]


def community(members: int, slots: int = 96, *, seed: int = 0, tariff: str = "time_of_use") -> Problem:
    """Quarter-hours of `members` homes behind one coupling point; pool with losses and fee, PV may be thrown away."""
    rng = np.random.default_rng([20260201, seed])
    hour = np.arange(slots) % 96 / 4
    daily = rng.lognormal(np.log(9.0), 0.4, members)
    net_of_pv, pv = _load(rng, hour, daily), _pv(rng, hour, members)
    stores = _joined(_batteries(rng, slots, members), _cars(rng, hour, members), _shiftable(rng, hour, daily))
    buy = _buy(rng, hour, tariff)
    return Problem(
        names=tuple(f"home_{n:05d}" for n in range(members)), first=0, load_kwh=net_of_pv, pv_kwh=pv, curtail=True,
        buy=np.repeat(buy[:, None], members, 1), sell=np.repeat(0.4 * buy[:, None], members, 1),
        inside=np.ones((slots, members), np.bool_), one_meter=True, coupling_buy=buy, coupling_sell=0.4 * buy,
        pool=Pool(efficiency=0.95, fee_per_kwh=0.002), stores=stores, member=np.arange(members),
        device=np.arange(stores.owner.size), places=Places.none(slots, members),
        unserved_max_kwh=np.zeros((slots, members)),
    )  # fmt: skip


def blocked(gap: float, *problems: Problem) -> Work:
    """Plans by the structured interior point method; the first is checked, before what is measured, to be proven."""
    return planned(block.solve, gap, *problems)


def planned(engine: Engine, gap: float, *problems: Problem) -> Work:
    """The same by any engine."""
    _, proof = certify(problems[0], engine(problems[0], gap), gap)
    if proof.status != "proven":
        raise AssertionError(proof)

    def work() -> None:
        for problem in problems:
            engine(problem, gap)

    return work


def _load(rng: np.random.Generator, hour: Array, daily: Array) -> Array:
    """What cannot be shifted: morning and evening, each home at its own time. (T, N) [kWh]"""

    def bump(at: float, width: float) -> Array:
        return np.asarray(np.exp(-0.5 * ((hour - at) / width) ** 2))

    shape = 0.25 + 0.7 * bump(8, 1.5) + 1.3 * bump(19.5, 2.2) + 0.2 * bump(13, 2)
    shape = shape / shape[:96].sum()
    shifted = np.stack([np.roll(shape, shift) for shift in rng.integers(-4, 5, daily.size)], axis=1)
    return np.asarray(0.85 * daily * shifted * np.clip(rng.normal(1, 0.25, shifted.shape), 0.2, 3))


def _pv(rng: np.random.Generator, hour: Array, members: int) -> Array:
    peak = np.where(rng.random(members) < 0.7, rng.uniform(1, 4.5, members), 0.0)
    sun = np.clip(np.sin(np.pi * (hour - 6) / 12), 0, None) * np.clip(rng.normal(0.75, 0.15, hour.size), 0.2, 1)
    made = sun[:, None] * 0.25 * peak * np.clip(rng.normal(1, 0.08, (hour.size, members)), 0, 1.3)
    return np.where(made > 1e-9, made, 0.0)


def _batteries(rng: np.random.Generator, slots: int, members: int) -> Stores:
    """60 % of homes: 4 to 14 kWh, half full at both ends."""
    owner = np.flatnonzero(rng.random(members) < 0.6)
    size, low = rng.uniform(4, 14, owner.size), np.zeros((slots, owner.size))
    low[:] = 0.1 * size
    low[-1] = 0.5 * size
    most = np.repeat((rng.uniform(0.3, 0.6, owner.size) * 0.25 * size)[None], slots, 0)
    return Stores(
        owner=owner, kind=("battery",) * owner.size, charge_max_kwh=most, discharge_max_kwh=most.copy(),
        level_min_kwh=low, level_max_kwh=np.repeat(size[None], slots, 0), drain_kwh=np.zeros(low.shape),
        gain=np.repeat(rng.uniform(0.93, 0.97, owner.size)[None], slots, 0),
        loss=1 / rng.uniform(0.93, 0.97, owner.size),
        keep=np.ones(owner.size), start_kwh=0.5 * size, wear=np.zeros(owner.size), value=np.zeros(owner.size),
    )  # fmt: skip


def _cars(rng: np.random.Generator, hour: Array, members: int) -> Stores:
    """40 % of homes: away by day, a trip on the way back, two hours' charging due at departure."""
    owner = np.flatnonzero(rng.random(members) < 0.4)
    count, slots = owner.size, hour.size
    arrive, leave = np.clip(rng.normal(17.5, 1.5, count), 13, 22), np.clip(rng.normal(7.5, 0.8, count), 5, 10)
    home = (hour[:, None] >= arrive) | (hour[:, None] < leave)
    size = rng.uniform(35, 75, count)
    most = np.where(rng.random(count) < 0.5, 3.7, 7.4) * 0.25 * home
    start, trip = rng.uniform(0.35, 0.6, count) * size, np.minimum(rng.uniform(4, 14, count), 0.25 * size)
    drain, low = np.zeros((slots, count)), np.repeat(0.2 * size[None], slots, 0)
    for day in range(0, slots, 96):
        at = np.minimum(day + (arrive * 4).astype(int), slots - 1)
        drain[at, np.arange(count)] += trip
        at = np.minimum(day + (leave * 4).astype(int) - 1, slots - 1)
        low[at, np.arange(count)] = np.minimum(start + 2.0, 0.9 * size)
    low[-1] = np.minimum(start, 0.9 * size)
    level = start.copy()
    for t in range(slots):
        level = np.minimum(level + 0.93 * most[t], size) - drain[t]
        low[t] = np.minimum(low[t], np.maximum(level - 1e-6, 0.0))
    none = np.zeros(count)
    return Stores(
        owner=owner, kind=("vehicle",) * count, charge_max_kwh=most, discharge_max_kwh=np.zeros(most.shape),
        level_min_kwh=low, level_max_kwh=np.repeat(size[None], slots, 0), drain_kwh=drain,
        gain=np.full(most.shape, 0.93), loss=np.ones(count), keep=np.ones(count), start_kwh=start, wear=none,
        value=none.copy(),
    )  # fmt: skip


def _shiftable(rng: np.random.Generator, hour: Array, daily: Array) -> Stores:
    """All homes: 15 % of the day's energy, any time between 7 and 23 h, all of it by the end of each day."""
    slots, count, share = hour.size, daily.size, 0.15 * daily
    window = ((hour >= 7) & (hour < 23)).astype(np.float64)
    most = 4 * share / max(window[:96].sum(), 1.0) * window[:, None] * rng.uniform(0.6, 1, (slots, count))
    due = share * np.ceil((np.arange(slots)[:, None] + 1) / 96)
    last = ((np.arange(slots) % 96 == 95) | (np.arange(slots) == slots - 1))[:, None]
    ones, none = np.ones(count), np.zeros(count)
    return Stores(
        owner=np.arange(count), kind=("shiftable",) * count, charge_max_kwh=most, discharge_max_kwh=0 * most,
        level_min_kwh=np.where(last, due, np.maximum(due - 3 * share, 0.0)),
        level_max_kwh=np.where(last, due, due + 3 * share), drain_kwh=0 * most, gain=np.ones(most.shape), loss=ones,
        keep=ones.copy(), start_kwh=none, wear=none.copy(), value=none.copy(),
    )  # fmt: skip


def _joined(*parts: Stores) -> Stores:
    """All devices, by member."""
    owner = np.concatenate([part.owner for part in parts])
    order = np.argsort(owner, kind="stable")
    tables = ("charge_max_kwh", "discharge_max_kwh", "level_min_kwh", "level_max_kwh", "drain_kwh", "gain")
    rows = ("loss", "keep", "start_kwh", "wear", "value")
    kind = [name for part in parts for name in part.kind]
    return Stores(
        owner=owner[order], kind=tuple(kind[k] for k in order),
        **{name: np.ascontiguousarray(np.hstack([getattr(part, name) for part in parts])[:, order]) for name in tables},
        **{name: np.concatenate([getattr(part, name) for part in parts])[order] for name in rows},
    )  # fmt: skip


def _buy(rng: np.random.Generator, hour: Array, tariff: str) -> Array:
    """Price of the grid at the coupling point. (T,) [money/kWh]"""
    if tariff == "real_time":
        wave = 0.14 + 0.06 * np.sin(2 * np.pi * (hour - 9) / 12) + rng.normal(0, 0.02, hour.size)
        return np.clip(wave, 0.02, None)
    if tariff == "critical_peak":
        return np.where((hour >= 17) & (hour < 20), 0.40, 0.11)
    return np.where((hour >= 17) & (hour < 21), 0.20, np.where((hour < 7) | (hour >= 22), 0.08, 0.12))
