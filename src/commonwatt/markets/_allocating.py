"""What markets have in common that share a plant, or the pool's surplus, by a key among own meters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Annotated

import numpy as np
from pydantic import Field

from ..errors import DataError, ScenarioError
from ..flow import Array, Clearing, Community, Positions, Prices, State
from ..noun import by_rows, over_members, spread
from . import Market, Promise
from ._keys import RULES, Key, by_producer
from ._prices import between

PLANT, PART = "plant", "part"
"""Coefficients in the terms: 1 for members whose surplus is shared; each member's part, weight or rank."""
COEFFICIENTS: dict[Key, str] = {
    "static": "allocation_key", "hourly_ex_ante": "allocation_key", "hybrid": "allocation_key",
    "full_dynamic": "allocation_key", "weighted": "allocation_weight", "cascade": "allocation_rank",
}  # fmt: skip
"""The traits, or series, that keys read."""
BY_SLOT: tuple[Key, ...] = ("hourly_ex_ante", "full_dynamic")
SHARES_ALL: tuple[Key, ...] = ("pro_rata", "equal", "cascade", "hybrid")
"""Keys that leave nothing unshared that somebody could use."""
SUM = 1 + 1e-9


class Allocating(Market):
    """Shares what a plant gives among members' demands; everybody keeps a retailer for the rest."""

    plant: tuple[str, ...] = ()
    """Members whose surplus is shared; none named: everybody's."""
    price: Annotated[float, Field(ge=0)] | None = None
    """What buyers pay sellers for shared energy; none: the middle between the grid's two prices. [money/kWh]"""

    @property
    def by(self) -> Key:
        """The key by which is shared."""
        return "pro_rata"

    @property
    def promise(self) -> Promise:
        return self.shared_promise

    @property
    def shared_promise(self) -> Promise:
        """What holds for sharing by this key."""
        everything = self.by in SHARES_ALL and not self.plant
        return Promise(world="own_meters", rational=False, in_band=self.price is None, efficient=everything)

    def terms(self, prices: Prices, community: Community) -> Prices:
        return replace(prices, keys={**prices.keys, **coefficients(self.by, self.plant, community)})

    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        made = positions.have_kwh * prices.keys[PLANT]
        bought, sold = shared(self.by, positions.want_kwh, made, prices)
        inside = between(prices, 0.5) if self.price is None else spread(self.price, positions.shape[:1])
        price = spread(inside[:, None], positions.shape)
        return Clearing(bought_kwh=bought, sold_kwh=sold, buy_price=price, sell_price=price)


def shared(by: Key, demand: Array, made: Array, prices: Prices) -> tuple[Array, Array]:
    """What each member gets of what plants make, and what each plant sends for it. (T, N) each [kWh]"""
    efficiency = prices.pool.efficiency
    if by == "full_dynamic":
        parts = {
            int(name.rpartition(" ")[2]): part for name, part in prices.keys.items() if name.startswith(f"{PART} ")
        }
        got, used = by_producer(demand, made * efficiency, parts)
        return got, np.minimum(used / efficiency, made)
    sent = over_members(made)
    pot = efficiency * sent
    got = RULES[by](demand, pot, prices.keys[PART])
    part = np.divide(over_members(got), pot, out=np.zeros_like(pot), where=pot > 0)
    return got, by_rows(made, np.minimum(part, 1.0))


def coefficients(by: Key, plant: tuple[str, ...], community: Community) -> dict[str, Array]:
    """Which members' surplus is shared, and the coefficients of the key. (T, N) each [-]

    Raises ScenarioError for a plant that nobody is, DataError for coefficients that cannot be.
    """
    shape, producers = community.shape, _producers(plant, community.names)
    gives = np.zeros(shape[1])
    gives[producers] = 1.0
    takes = 1.0 - gives if plant and not gives.all() else np.ones(shape[1])
    found = {PLANT: spread(gives, shape)}
    if by != "full_dynamic":
        return {**found, PART: _part(by, community, takes)}
    own = {n: f"{COEFFICIENTS[by]}_{k + 1}" for k, n in enumerate(producers)}
    return {**found, **{f"{PART} {n}": _part(by, community, takes, name) for n, name in own.items()}}


def _producers(plant: tuple[str, ...], names: tuple[str, ...]) -> list[int]:
    """Numbers of the members whose surplus is shared."""
    for name in plant:
        if name not in names:
            near = get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            shown = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
            raise ScenarioError(
                f"market.plant: no member {name!r} (§15: plants are members); {hint}name some of {shown}"
            )
    return [names.index(name) for name in plant] if plant else list(range(len(names)))


def _part(by: Key, community: Community, takes: Array, own: str = "") -> Array:
    """The coefficients of a key, checked; without any, equal parts, weights and ranks. (T, N)"""
    if by not in COEFFICIENTS:
        return spread(1.0, community.shape)
    name = COEFFICIENTS[by]
    adds_up = name == "allocation_key"
    places: list[tuple[str, Mapping[str, Array], str]] = [("members.csv, column ", community.traits, name)]
    if by in BY_SLOT:
        places = [("series_", community.series, each) for each in (own, name) if each] + places
    for where, values, each in places:
        if each in values:
            file = f"{where}{each}" + (".csv" if where == "series_" else "")
            return _checked(file, spread(values[each], community.shape), adds_up, community)
    return spread(takes / takes.sum() if adds_up else 1.0, community.shape)


def _checked(where: str, part: Array, adds_up: bool, community: Community) -> Array:
    """Coefficients that can be."""
    low = np.argwhere(~(part >= 0))
    if low.size:
        t, n = low[0].tolist()
        what = f"{where}: {part[t, n]:g} for {community.names[n]} in slot {t}"
        raise DataError(f"{what} (§15: a coefficient is at least 0); correct it")
    total = over_members(part)
    if adds_up and total.size and total.max() > SUM:
        t = int(total.argmax())
        what = f"{where}: coefficients add up to {total[t]:g} in slot {t}"
        raise DataError(f"{what} (§15: to at most 1); make them smaller")
    return part
