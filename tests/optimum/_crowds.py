"""Random communities of some size that the structured interior point method takes, over all that it can tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from tests._communities import hand_made
from tests.optimum._instances import devices, terms

from commonwatt.flow import Flexibility, Pool, State
from commonwatt.optimum.limits import Peak, Places, Tier
from commonwatt.optimum.problem import Problem, build

FEATURES = (
    "plain", "own meters", "outside", "coupling point", "members", "feeders", "peak of the pool", "peak on the wires",
    "tier of the pool", "tier on the wires", "shared batteries", "feeders among own meters", "peaks of own meters",
    "all",
)  # fmt: skip
"""What binds members together, or sets some apart."""
EVERYTHING = "all and shared batteries"
"""The same, with peaks of own meters, and relaxations that are seldom exact."""


def crowd(seed: int, feature: str) -> Problem:
    """A community with batteries, cars, heat pumps, some tight, some leaky, with wear, values, curtailment or not."""
    rng = np.random.default_rng([20260103, seed])
    slots, members, scale = int(rng.integers(2, 25)), int(rng.integers(2, 21)), float(rng.choice([1.0, 1e-3, 1e4]))
    net = rng.uniform(-3, 3, (slots, members)) * (rng.random((slots, members)) < 0.8)
    community = hand_made(scale * (np.round(net) if rng.random() < 0.2 else net))
    flexibility = devices(rng, slots, members, scale)
    if "shared batteries" in feature:
        flexibility = Flexibility.joined(flexibility, *shared(rng, slots, members, scale))
    community = replace(community, flexibility=flexibility)
    tariff = str(rng.choice(["normal", "flat", "free feed-in"]))
    prices = terms(rng, community, tariff, common=True)
    pool = Pool(efficiency=float(rng.choice([1.0, 0.95])), fee_per_kwh=float(rng.choice([0.0, 0.005])))
    prices = replace(prices, one_meter="own meters" not in feature, pool=pool, sell=0.7 * prices.sell,
                     coupling_sell=0.7 * prices.coupling_sell)  # fmt: skip
    given = build(
        community, prices, State.initial(community), p2p=True,
        curtail=bool(rng.random() < 0.5), stored_value=None if rng.random() < 0.6 else 1.0,
    )  # fmt: skip
    if feature == "outside":
        given = replace(given, inside=rng.random(given.shape) < 0.7)
    return replace(given, **limits(rng, given, feature, scale), **charges(rng, given, feature, scale))


def shared(rng: np.random.Generator, slots: int, members: int, scale: float) -> list[Flexibility]:
    """One or two batteries with accounts of some members, one alone at times, none of which exceeds its part."""
    found = list[Flexibility]()
    for b in range(int(rng.integers(1, 3))):
        owner = np.sort(rng.permutation(members)[: int(rng.integers(1, members + 1))])
        size = scale * rng.uniform(1, 5) * np.sqrt(owner.size)
        part = rng.uniform(0.2, 1.0, owner.size)
        whole = Flexibility.batteries(
            slots, np.zeros(1, np.int64), np.array([size]), charge_kw=size * rng.uniform(0.1, 1, 1),
            discharge_kw=size * rng.uniform(0.1, 1, 1), soc_start=rng.uniform(0.1, 0.9, 1),
            charge_efficiency=float(rng.choice([0.95, 0.8])), discharge_efficiency=float(rng.choice([0.95, 0.8])),
            leakage=float(rng.choice([0.0, 0.01])),
        )  # fmt: skip
        found.append(whole.divided(f"battery {b}", owner, part / part.sum()))
    return found


def limits(rng: np.random.Generator, given: Problem, feature: str, scale: float) -> dict[str, Any]:
    """Limits of all together, of feeders, of single members; load may stay unserved behind them."""
    slots, members = given.shape
    inside = list[Any]()
    feature = "all" if feature == EVERYTHING else feature
    if feature in {"coupling point", "all"}:
        inside.append(np.ones(members, bool))
    if feature.startswith("feeders") or feature == "all":
        feeder = rng.integers(-1, 2, members)
        inside += [feeder == f for f in (0, 1)]
    if feature in {"members", "all"}:
        inside += [np.arange(members) == n for n in rng.permutation(members)[:3]]
    inside = [who for who in inside if who.any()]
    if not inside:
        return {}
    size = np.sqrt([who.sum() for who in inside]) * scale
    caps = [np.where(rng.random((slots, size.size)) < 0.7, size * rng.uniform(0.5, 4, (slots, size.size)), np.inf)
            for _ in range(2)]  # fmt: skip
    places = Places(
        names=tuple(f"place {g}" for g in range(size.size)), inside=np.array(inside), import_max_kwh=caps[0],
        export_max_kwh=caps[1],
    )  # fmt: skip
    return {"places": places, "unserved_max_kwh": np.where(places.import_limited, given.load_kwh, 0.0)}


def charges(rng: np.random.Generator, given: Problem, feature: str, scale: float) -> dict[str, Any]:
    """A charge on the highest power, or rising by blocks, at the coupling point."""
    slots, members = given.shape
    found: dict[str, Any] = {}
    if feature in {"peaks of own meters", EVERYTHING}:
        found["peaks"] = own_peaks(rng, slots, members, scale)
    feature = "all" if feature == EVERYTHING else feature
    everybody = np.ones(members, bool)
    if feature in {"peak of the pool", "peak on the wires"} or feature == "all":
        weight, locked = rng.choice([0.0, 1.0, 4.0], slots), float(rng.choice([0.0, 2.0])) * scale
        reads = "pool" if feature == "peak of the pool" else "wires"
        rate = float(rng.uniform(0.05, 1.0))
        together = Peak(members=everybody, reads=reads, weight=weight, rate=rate, locked_kw=locked)
        found["peaks"] = (*found.get("peaks", ()), together)
    if feature.startswith("tier") or feature == "all":
        width = np.append(scale * rng.uniform(2, 20, 2), np.inf)
        reads = "wires" if feature == "tier on the wires" else "pool"
        rate = np.sort(rng.uniform(0.0, 0.2, 3))
        where = rng.random(slots) < 0.8
        found["tiers"] = (Tier(members=everybody, reads=reads, slots=where, width_kwh=width, rate=rate),)
    return found


def own_peaks(rng: np.random.Generator, slots: int, members: int, scale: float) -> tuple[Peak, ...]:
    """A charge on the highest power of most members' own meters; some peaks are locked where none gets."""
    weight, rate = rng.choice([0.0, 1.0, 4.0], slots), float(rng.uniform(0.05, 1.0))
    locked = scale * rng.choice([0.0, 0.5, 30.0], members)
    some = np.flatnonzero(rng.random(members) < 0.8)
    return tuple(
        Peak(members=np.arange(members) == n, weight=weight, rate=rate, locked_kw=float(locked[n])) for n in some
    )
