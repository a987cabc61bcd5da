"""The way between two members who trade: zones inside zones, or distances; what arrives, and what the way costs."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np

from .errors import DataError
from .noun import Array, Index, Noun, Row, RowIndex
from .pool import Pool

PerZone = Annotated[Array, "Z"]
POOL_FEE = "pool fee"
WHOLE = -1
"""Number of the community itself, which all zones lie in."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Zones(Noun):
    """Zones of the grid inside each other: a feeder, a street; each with what is lost and owed inside."""

    zone_names: tuple[str, ...] = ()
    parent: Annotated[Index, "Z"]
    """Number of the zone that each lies in; -1: in the community itself."""
    zone_efficiency: PerZone
    """Energy delivered per energy sent, on what is matched inside the zone and no smaller one. [-]"""
    zone_fee: PerZone
    """Fee on that energy, half from each side. [money/kWh]"""
    zone: Annotated[Index, "N"]
    """Number of the innermost zone that each member is in; -1: in none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        count = len(self.zone_names)
        if len(set(self.zone_names)) < count or "" in self.zone_names or self.parent.size != count:
            raise DataError(f"zones: {self.zone_names} (§9: every zone has its own name, and one parent)")
        for what, numbers in (("parent", self.parent), ("zone", self.zone)):
            if numbers.size and not -1 <= numbers.min() <= numbers.max() < count:
                raise DataError(f"zones: {what} = {numbers.tolist()} (zones 0 to {count - 1}, and -1 for none)")
        for name, efficiency, fee in zip(self.zone_names, self.zone_efficiency, self.zone_fee, strict=True):
            if not (0 < efficiency <= 1 and 0 <= fee < np.inf):
                said = f"efficiency = {efficiency:g}, fee = {fee:g}"
                raise DataError(f"zone {name!r}: {said} (§3: above 0 and at most 1; a fee is at least 0)")
        self._check_tree()

    def _check_tree(self) -> None:
        above = self.parent
        for _ in self.zone_names:
            above = np.where(above >= 0, self.parent[above], WHOLE)
        circle = [name for name, left in zip(self.zone_names, above, strict=True) if left >= 0]
        if circle:
            raise DataError(f"zones {', '.join(circle)}: lie in each other (a tree); let one lie in the community")

    @cached_property
    def depth(self) -> Index:
        """How many zones each lies in, itself included. (Z,)"""
        depth, above = np.ones(self.parent.size, np.int64), self.parent
        while (above >= 0).any():
            depth += above >= 0
            above = np.where(above >= 0, self.parent[above], WHOLE)
        return depth

    @cached_property
    def path(self) -> Index:
        """The zone of each member at depth 1, 2, ...; -1 where it is in none as deep. (N, D)"""
        deepest = int(self.depth.max(initial=0))
        path, here = np.full((self.zone.size, deepest), WHOLE), self.zone
        while (here >= 0).any():
            members = np.flatnonzero(here >= 0)
            path[members, self.depth[here[members]] - 1] = here[members]
            here = np.where(here >= 0, self.parent[here], WHOLE)
        return path

    def members_of(self, zone: int) -> Index:
        """Who is in a zone or in one that lies in it; everybody in the community itself. (n,)"""
        if zone == WHOLE:
            return np.arange(self.zone.size)
        return np.flatnonzero(self.path[:, self.depth[zone] - 1] == zone)

    def inner_first(self) -> list[int]:
        """All zones, none before those that lie in it; the community itself last."""
        return [*np.argsort(-self.depth, kind="stable").tolist(), WHOLE]


class Routes(Noun):
    """What lies between two members, as market, settlement and audit read it."""

    @abstractmethod
    def stages(self) -> list[tuple[Index, float]]:
        """Who meets first, and what part of the energy arrives then: members (n,) and efficiency [-]."""

    @abstractmethod
    def level(self, buyer: RowIndex, seller: RowIndex) -> Index:
        """How many zones both sides of each trade share; 0 everywhere without zones. (R,)"""

    @abstractmethod
    def efficiency(self, buyer: RowIndex, seller: RowIndex) -> Array:
        """Energy delivered per energy sent, trade by trade. (R,) [-]"""

    @abstractmethod
    def fees(self, buyer: RowIndex, seller: RowIndex) -> dict[str, Array]:
        """By reason, the fee of each trade, half from each side. (R,) [money/kWh]

        The reasons are the same whatever the trades.
        """

    def fee(self, buyer: RowIndex, seller: RowIndex) -> Array:
        """All fees of each trade together. (R,) [money/kWh]"""
        total: Array = sum(self.fees(buyer, seller).values(), np.zeros(buyer.size))
        return total


@dataclass(frozen=True, eq=False, kw_only=True)
class Nested(Routes):
    """Through the smallest zone that both are in; where there is none, through the community at the pool's terms."""

    zones: Zones
    pool: Pool

    def stages(self) -> list[tuple[Index, float]]:
        efficiency = [*self.zones.zone_efficiency.tolist(), self.pool.efficiency]
        return [(self.zones.members_of(zone), efficiency[zone]) for zone in self.zones.inner_first()]

    def level(self, buyer: RowIndex, seller: RowIndex) -> Index:
        mine, theirs = self.zones.path[buyer], self.zones.path[seller]
        shared: Index = ((mine == theirs) & (mine >= 0)).sum(axis=1)
        return shared

    def _met(self, buyer: RowIndex, seller: RowIndex) -> Index:
        """The smallest zone that both are in. (R,)"""
        level = self.level(buyer, seller)
        inside = np.flatnonzero(level > 0)
        zone = np.full(level.size, WHOLE)
        zone[inside] = self.zones.path[buyer[inside], level[inside] - 1]
        return zone

    def efficiency(self, buyer: RowIndex, seller: RowIndex) -> Array:
        return np.append(self.zones.zone_efficiency, self.pool.efficiency)[self._met(buyer, seller)]

    def fees(self, buyer: RowIndex, seller: RowIndex) -> dict[str, Array]:
        zones, met = self.zones, self._met(buyer, seller)
        found = {}
        if self.pool.fee_per_kwh > 0:
            found[POOL_FEE] = np.where(met == WHOLE, self.pool.fee_per_kwh, 0.0)
        for depth in sorted({int(d) for d in zones.depth[zones.zone_fee > 0]}):
            fee = np.append(np.where(zones.depth == depth, zones.zone_fee, 0.0), 0.0)
            found[f"fee of level {depth}"] = fee[met]
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class Distances(Routes):
    """As far as it is from one to the other: losses are the pool's, the fee grows with the distance."""

    distance_km: Annotated[Array, "N", "N"]
    """From the buyer (row) to the seller. [km]"""
    cost_per_km: float
    """[money/kWh per km]"""
    pool: Pool

    def stages(self) -> list[tuple[Index, float]]:
        return [(np.arange(len(self.distance_km)), self.pool.efficiency)]

    def level(self, buyer: RowIndex, seller: RowIndex) -> Index:
        return np.zeros(buyer.size, np.int64)

    def efficiency(self, buyer: RowIndex, seller: RowIndex) -> Array:
        return np.full(buyer.size, self.pool.efficiency)

    def fees(self, buyer: RowIndex, seller: RowIndex) -> dict[str, Array]:
        found = {POOL_FEE: np.full(buyer.size, self.pool.fee_per_kwh)} if self.pool.fee_per_kwh > 0 else {}
        if self.cost_per_km > 0:
            found["distance fee"] = self.cost_per_km * self.distance_km[buyer, seller]
        return found


def over_trades(slot: RowIndex, member: RowIndex, amount: Row, shape: tuple[int, int]) -> Array:
    """The sum of an amount over each member's trades, in their order; slots as rows of the window. (R,) -> (T, N)"""
    sums = np.zeros(shape)
    np.add.at(sums, (slot, member), amount)
    return sums
