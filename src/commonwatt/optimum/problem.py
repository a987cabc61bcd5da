"""One description of the joint plan, in arrays: who needs what, what could bend, and what energy costs where.

All energy is kWh per slot, all variables are at least 0, costs are paid. Members and devices stand in an order of
their own, by name, so that the same community gives the same problem however its members are listed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..flow import Array, Community, Index, Mask, Noun, Prices, State
from ..noun import TK, TN, OpenTN, PerDevice, PerSlot, dense, spread, times
from ..pool import Pool


@dataclass(frozen=True, eq=False, kw_only=True)
class Stores(Noun):
    """Devices as stores of energy. The level keeps a share, drains, gains from charging and drops by discharging."""

    owner: Index
    kind: tuple[str, ...]
    charge_max_kwh: TK
    discharge_max_kwh: TK
    level_min_kwh: TK
    level_max_kwh: TK
    drain_kwh: TK
    gain: PerDevice
    """Stored per charged. [-]"""
    loss: PerDevice
    """Taken out per discharged, at least 1. [-]"""
    keep: PerDevice
    """What a slot leaves of a level. [-]"""
    start_kwh: PerDevice
    wear: PerDevice
    """Cost of what is charged or discharged. [money/kWh]"""
    value: PerDevice
    """What stored energy is worth after the last slot. [money/kWh]"""

    @property
    def shape(self) -> tuple[int, int]:
        """Slots and devices."""
        return self.charge_max_kwh.shape[0], self.charge_max_kwh.shape[1]

    def kept(self, devices: Index, owner: Index) -> Stores:
        """Only these devices, of these owners."""
        tables = ("charge_max_kwh", "discharge_max_kwh", "level_min_kwh", "level_max_kwh", "drain_kwh")
        rows = ("gain", "loss", "keep", "start_kwh", "wear", "value")
        return Stores(
            owner=owner,
            kind=tuple(self.kind[k] for k in devices),
            **{name: np.ascontiguousarray(getattr(self, name)[:, devices]) for name in tables},
            **{name: getattr(self, name)[devices] for name in rows},
        )

    def by_member(self, values: Array, members: int) -> Array:
        """Sums of `values` (T, K) over each member's devices. (T, N)"""
        sums = np.zeros((values.shape[0], members))
        for k, n in enumerate(self.owner):
            sums[:, n] += values[:, k]
        return sums


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem(Noun):
    """What is to be planned.

    A member that is `inside` in a slot may deal with the pool. Behind one meter it then has no other way, and the pool
    deals with the grid at the coupling prices; with own meters it may buy and sell at its own prices as well.
    """

    names: tuple[str, ...]
    first: int
    """Number of the first slot in the run."""
    load_kwh: TN
    pv_kwh: TN
    curtail: bool
    """Whether PV may be thrown away for nothing."""
    buy: TN
    sell: TN
    inside: OpenTN
    one_meter: bool
    coupling_buy: PerSlot
    coupling_sell: PerSlot
    pool: Pool
    stores: Stores
    member: Index
    """Number of each member in the community."""
    device: Index
    """Number of each store among the community's devices."""

    @property
    def shape(self) -> tuple[int, int]:
        """Slots and members."""
        return self.load_kwh.shape[0], self.load_kwh.shape[1]

    @cached_property
    def base_kwh(self) -> Array:
        """What a member needs less what it makes, before any decision. (T, N)"""
        return self.load_kwh - self.pv_kwh

    @cached_property
    def curtail_max_kwh(self) -> Array:
        """What may be thrown away. (T, N)"""
        return np.where(self.pv_kwh > 1e-9, self.pv_kwh, 0.0) * self.curtail

    @cached_property
    def want_max_kwh(self) -> Array:
        """Most that can flow into a member. (T, N)"""
        charge = self.stores.by_member(self.stores.charge_max_kwh, self.shape[1])
        return np.maximum(self.base_kwh + self.curtail_max_kwh + charge, 0.0)

    @cached_property
    def give_max_kwh(self) -> Array:
        """Most that can flow out of a member. (T, N)"""
        discharge = self.stores.by_member(self.stores.discharge_max_kwh, self.shape[1])
        return np.maximum(discharge - self.base_kwh, 0.0)

    @cached_property
    def own(self) -> Mask:
        """Where a member deals with the grid at its own prices. (T, N)"""
        return ~self.inside if self.one_meter else np.ones(self.shape, np.bool_)

    @cached_property
    def wasteful(self) -> Mask:
        """Where running a meter or a store both ways at once would pay: to sell on, or to be rid of energy. (T, N)"""
        least, most = np.where(self.own, self.buy, np.inf), np.where(self.own, self.sell, -np.inf)
        if self.one_meter:
            least = np.where(self.inside, self.coupling_buy[:, None], least)
            most = np.where(self.inside, self.coupling_sell[:, None], most)
        else:
            inner = np.where(self.inside, self.buy, -np.inf).max(axis=1, initial=-np.inf)
            inner = self.pool.efficiency * (inner - self.pool.fee_per_kwh)
            most = np.where(self.inside, np.maximum(most, inner[:, None]), most)
        return (least < most) | (least < 0) | ((most < 0) & (not self.curtail or self.coupled))

    @property
    def coupled(self) -> bool:
        """Whether members have anything to do with each other."""
        return bool(self.inside.any())

    @cached_property
    def highest_price(self) -> float:
        """Of all that energy costs anywhere, fee and final value included. [money/kWh]"""
        prices = self.buy, self.sell, self.coupling_buy, self.coupling_sell, self.stores.wear, self.stores.value
        return max(self.pool.fee_per_kwh, *(float(np.abs(price).max(initial=0.0)) for price in prices))

    @cached_property
    def scale(self) -> float:
        """Money that a gap is measured by at least: a thousandth of load, PV and room at the highest price. [money]"""
        room = np.abs(self.stores.level_max_kwh).max(axis=0, initial=0.0).sum()
        return 1e-3 * self.highest_price * float(self.load_kwh.sum() + self.pv_kwh.sum() + room)

    def of(self, members: Index) -> Problem:
        """The problem of some members alone."""
        devices = np.flatnonzero(np.isin(self.stores.owner, members))
        owner = np.searchsorted(members, self.stores.owner[devices])

        def mine(values: NDArray[Any]) -> NDArray[Any]:
            return np.ascontiguousarray(values[:, members])

        return replace(
            self,
            names=tuple(self.names[n] for n in members),
            load_kwh=mine(self.load_kwh),
            pv_kwh=mine(self.pv_kwh),
            buy=mine(self.buy),
            sell=mine(self.sell),
            inside=mine(self.inside),
            stores=self.stores.kept(devices, owner),
            member=self.member[members],
            device=self.device[devices],
        )


def build(
    community: Community,
    prices: Prices,
    state: State,
    *,
    p2p: bool,
    curtail: bool = False,
    stored_value: float | None = None,
    final_kwh: Array | None = None,
) -> Problem:
    """The problem of a community under its terms, from the state's levels on.

    Stores must end at least as full as they began the run (what is obliged: as if it charged as usual), or, with
    `stored_value`, what is left in them is worth that share of the owner's mean buying price times the discharging
    efficiency [-]. `final_kwh` (K,) sets other final levels.
    """
    order = np.array(sorted(range(len(community.names)), key=lambda n: (community.names[n], n)), dtype=np.int64)
    rank = np.argsort(order)
    device = np.argsort(rank[community.flexibility.owner], kind="stable")
    open_to = state.access(community, prices) if p2p and prices.trading else np.zeros(community.shape, np.bool_)
    stores = _stores(community, prices, state, stored_value, final_kwh)
    columns = {"load_kwh": community.load_kwh, "pv_kwh": community.pv_kwh, "buy": prices.buy, "sell": prices.sell}
    return Problem(
        names=tuple(community.names[n] for n in order),
        first=community.clock.first,
        curtail=curtail,
        inside=np.ascontiguousarray(open_to[:, order]),
        one_meter=prices.one_meter,
        coupling_buy=prices.coupling_buy,
        coupling_sell=prices.coupling_sell,
        pool=prices.pool,
        stores=stores.kept(device, rank[stores.owner[device]]),
        member=order,
        device=device,
        **{name: np.ascontiguousarray(values[:, order]) for name, values in columns.items()},
    )


def stores_of(community: Community, level_kwh: Array) -> Stores:
    """The devices of a community from levels (K,) on, with no wish for the end."""
    device, shape = community.flexibility, (community.shape[0], community.flexibility.devices)
    none = spread(0.0, shape[1:])
    return Stores(
        owner=device.owner,
        kind=tuple(str(kind) for kind in device.kind),
        charge_max_kwh=times(device.charge_kw, community.clock.hours),
        discharge_max_kwh=times(device.discharge_kw, community.clock.hours),
        level_min_kwh=device.level_min_kwh,
        level_max_kwh=device.level_max_kwh,
        drain_kwh=device.drain_kwh,
        gain=device.charge_efficiency,
        loss=1.0 / device.discharge_efficiency,
        keep=1.0 - device.leakage,
        start_kwh=level_kwh,
        wear=none,
        value=none,
    )


def _stores(
    community: Community, prices: Prices, state: State, stored_value: float | None, final_kwh: Array | None
) -> Stores:
    """Devices with bounds that a plan can keep, and what is asked of them at the end."""
    device = community.flexibility
    bare = relaxed(stores_of(community, state.level_kwh), device.obliged)
    if not device.devices or not community.shape[0]:
        return bare
    obliged = device.obliged.astype(np.bool_)
    final = np.where(obliged, _usual_end(community, bare), device.level_start_kwh)
    if stored_value is not None:
        final = np.where(obliged, final, -np.inf)
        worth = stored_value * prices.buy.mean(axis=0)[device.owner] * device.discharge_efficiency
        bare = replace(bare, value=np.where(obliged, 0.0, np.maximum(worth, 0.0)))
    if final_kwh is not None:
        final = final_kwh
    return ending(bare, final)


def relaxed(stores: Stores, obliged: Mask) -> Stores:
    """Lower bounds of what is not obliged, let down where leakage and drain win over charging (then no discharge)."""
    if not stores.level_min_kwh.size:
        return stores
    from ._tube import lowered

    start, keep, drain, fall, rise = moves(stores)
    least, falls = lowered(start, keep, drain, rise, dense(stores.level_min_kwh), fall, 1.0 - obliged)
    stopped = np.where(falls < fall, 0.0, stores.discharge_max_kwh)
    return replace(stores, level_min_kwh=least, discharge_max_kwh=stopped)


def ending(stores: Stores, final_kwh: Array) -> Stores:
    """With at least `final_kwh` (K,) in store at the end, as far as that can be reached."""
    most = np.minimum(fullest(stores)[-1], stores.level_max_kwh[-1])
    low = np.array(stores.level_min_kwh)
    low[-1] = np.maximum(low[-1], np.minimum(final_kwh, most))
    return replace(stores, level_min_kwh=low)


def moves(stores: Stores) -> tuple[Array, Array, Array, Array, Array]:
    """For compiled loops: start, share kept (K,), drain, most that a level may fall and rise by (T, K). [kWh]"""
    fall, rise = stores.loss * stores.discharge_max_kwh, stores.gain * stores.charge_max_kwh
    return stores.start_kwh, stores.keep, dense(stores.drain_kwh), dense(fall), dense(rise)


def fullest(stores: Stores) -> Array:
    """Levels if every store charges all it can, before its bounds cut them. (T, K) [kWh]"""
    from ._tube import led

    start, keep, drain, _, rise = moves(stores)
    levels: Array = led(start, keep, drain, rise, dense(stores.level_min_kwh), dense(stores.level_max_kwh))
    return levels


def emptiest(stores: Stores) -> Array:
    """Levels if every store discharges all it can, before its bounds cut them. (T, K) [kWh]"""
    from ._tube import led

    start, keep, drain, fall, _ = moves(stores)
    levels: Array = led(start, keep, drain, -fall, dense(stores.level_min_kwh), dense(stores.level_max_kwh))
    return levels


def _usual_end(community: Community, stores: Stores) -> Array:
    """Final levels if every device charged as it usually does. (K,) [kWh]"""
    usual = times(community.flexibility.usual_charge_kw, community.clock.hours)
    nothing = spread(0.0, usual.shape)
    as_usual = replace(stores, charge_max_kwh=usual, level_min_kwh=nothing)
    end: Array = np.minimum(fullest(as_usual)[-1], stores.level_max_kwh[-1])
    return end
