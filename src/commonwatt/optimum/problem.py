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

from ..connection import UNSERVED_VALUE
from ..flow import Array, Community, Index, Mask, Noun, Prices, State
from ..noun import TN, OpenTN, PerSlot, spread, times
from ..pool import Pool
from .charges import charges_ahead
from .limits import Joint, Metered, Peak, Places, Tier
from .stores import Stores, ending, fullest, in_reach, relaxed, stored_worth, stores_of


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
    resale: bool = True
    """Whether members may give more than they make: what they bought and stored, or buy in the same slot."""
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
    places: Places
    unserved_max_kwh: TN
    """Load that may be left unserved: of members behind an import limit."""
    unserved_price: float = UNSERVED_VALUE
    """What load left unserved counts in a plan, never in a bill. [money/kWh]"""
    peaks: tuple[Peak, ...] = ()
    tiers: tuple[Tier, ...] = ()
    joints: tuple[Joint, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Slots and members."""
        return self.load_kwh.shape[0], self.load_kwh.shape[1]

    @cached_property
    def base_kwh(self) -> Array:
        """What a member needs less what it makes, before any decision. (T, N)"""
        return self.load_kwh - self.pv_kwh

    @cached_property
    def curtailable(self) -> Mask:
        """Where PV may be thrown away: anywhere if `curtail`, else behind an export limit. (T, N)"""
        return np.ones(self.shape, np.bool_) if self.curtail else self.places.export_limited

    @cached_property
    def curtail_max_kwh(self) -> Array:
        """What may be thrown away. (T, N)"""
        return np.where(self.pv_kwh > 1e-9, self.pv_kwh, 0.0) * self.curtailable

    @cached_property
    def want_max_kwh(self) -> Array:
        """Most that can flow into a member. (T, N)"""
        charge = self.stores.by_member(self.stores.charge_max_kwh, self.shape[1])
        return np.maximum(self.base_kwh + self.curtail_max_kwh + charge, 0.0)

    @cached_property
    def give_max_kwh(self) -> Array:
        """Most that can flow out of a member. (T, N)"""
        discharge = self.stores.by_member(self.stores.discharge_max_kwh, self.shape[1])
        return np.maximum(discharge - self.base_kwh + self.unserved_max_kwh, 0.0)

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
        return (least < most) | (least < 0) | ((most < 0) & (~self.curtailable | self.pooled)) | self._dodging

    @cached_property
    def _dodging(self) -> Mask:
        """Where one could take at its own meter for another, whose charge reads what is left after sharing. (T, N)"""
        slots = np.zeros(self.shape[0], np.bool_)
        for peak in self.peaks:
            slots |= (peak.weight > 0) & (peak.reads == "residual")
        for tier in self.tiers:
            slots |= tier.slots & (tier.reads == "residual")
        return self.inside & slots[:, None] & (not self.one_meter)

    @cached_property
    def pooled(self) -> bool:
        """Whether anybody may deal with the pool."""
        return bool(self.inside.any())

    @property
    def charges(self) -> tuple[Metered, ...]:
        """Peaks and tiers."""
        return (*self.peaks, *self.tiers)

    @cached_property
    def bound(self) -> Mask:
        """Members that face a limit or a charge. (N,)"""
        found = np.array((self.places.import_limited | self.places.export_limited).any(axis=0))
        for charge in self.charges:
            found |= charge.members | (charge.reads == "pool")
        return found

    @cached_property
    def coupled(self) -> bool:
        """Whether members have anything to do with each other: the pool, a place, a charge, a battery."""
        shared = any(charge.members.sum() > 1 for charge in self.charges)
        return self.pooled or shared or bool(self.joints) or bool(self.places.shared.any())

    @cached_property
    def energy_price(self) -> float:
        """The highest of all that energy costs anywhere, fee and final value included. [money/kWh]"""
        prices = self.buy, self.sell, self.coupling_buy, self.coupling_sell, self.stores.wear, self.stores.value
        return max(self.pool.fee_per_kwh, *(float(np.abs(price).max(initial=0.0)) for price in prices))

    @cached_property
    def highest_price(self) -> float:
        """The same with what peaks, blocks and unserved load cost. [money/kWh]"""
        unserved = self.unserved_price * bool(self.unserved_max_kwh.any())
        peaks = (peak.rate * float(peak.weight.max(initial=0.0)) for peak in self.peaks)
        tiers = (float(np.abs(tier.rate).max(initial=0.0)) for tier in self.tiers)
        return max(self.energy_price, unserved, *peaks, *tiers)

    @cached_property
    def scale(self) -> float:
        """Money that a gap is measured by at least: a thousandth of load, PV and room at the highest price. [money]

        That of energy; where it costs nothing anywhere, of charges.
        """
        room = np.abs(self.stores.level_max_kwh).max(axis=0, initial=0.0).sum()
        return 1e-3 * (self.energy_price or self.highest_price) * float(self.load_kwh.sum() + self.pv_kwh.sum() + room)

    def lost_share(self, charge: Metered) -> float:
        """What a charge's meter shows besides the net of its members, per kWh sent inside: the pool's losses. [-]

        The coupling point's meter stands behind all that is lost between members.
        """
        everything = self.one_meter and self.pooled and charge.reads == "wires" and bool(charge.members.all())
        return 1.0 - self.pool.efficiency if everything else 0.0

    @cached_property
    def sent_max_kwh(self) -> Array:
        """Most that can be sent inside. (T,)"""
        want, give = ((most * self.inside).sum(axis=1) for most in (self.want_max_kwh, self.give_max_kwh))
        sent: Array = np.minimum(give, want / self.pool.efficiency)
        return sent

    def meter_range(self, charge: Metered) -> tuple[Array, Array]:
        """Most that a charge's meter can show inwards and outwards. (T,) each [kWh]"""
        read = self.inside if charge.reads == "pool" else np.broadcast_to(charge.members, self.shape)
        most_in, most_out = ((most * read).sum(axis=1) for most in (self.want_max_kwh, self.give_max_kwh))
        return most_in + self.lost_share(charge) * self.sent_max_kwh, most_out

    def of(self, members: Index) -> Problem:
        """The problem of some members alone, who share no place, charge or battery with others."""
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
            places=self.places.of(members),
            unserved_max_kwh=mine(self.unserved_max_kwh),
            peaks=tuple(peak.of(members) for peak in self.peaks if peak.members[members].any()),
            tiers=tuple(tier.of(members) for tier in self.tiers if tier.members[members].any()),
            joints=tuple(
                replace(joint, rows=np.searchsorted(devices, joint.rows))
                for joint in self.joints if np.isin(joint.rows, devices).any()
            ),
        )  # fmt: skip


def build(
    community: Community,
    prices: Prices,
    state: State,
    *,
    p2p: bool,
    shared: bool = True,
    curtail: bool = False,
    stored_value: float | None = None,
    final_kwh: Array | None = None,
) -> Problem:
    """The problem of a community under its terms, from the state's levels on.

    Stores must end at least as full as they began the run (what is obliged: as if it charged as usual), or, with
    `stored_value`, what is left in them is worth that share of the owner's mean buying price times the discharging
    efficiency [-]; a device's own `terminal_value` goes before both. `final_kwh` (K,) sets other final levels. Without
    `shared`, limits that a member shares with others are left out: it plans for itself.
    """
    order = np.array(sorted(range(len(community.names)), key=lambda n: (community.names[n], n)), dtype=np.int64)
    rank = np.argsort(order)
    device = np.argsort(rank[community.flexibility.owner], kind="stable")
    together = p2p and prices.trading
    open_to = state.access(community, prices) if together else np.zeros(community.shape, np.bool_)
    stores = _stores(community, prices, state, stored_value, final_kwh)
    stores = stores.kept(device, rank[stores.owner[device]])
    places = Places.of_connection(community, order, shared=shared)
    peaks, tiers = charges_ahead(prices, community.clock, state.carry, order, together=together)

    def ordered(values: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(values[:, order])

    return Problem(
        names=tuple(community.names[n] for n in order),
        first=community.clock.first,
        curtail=curtail,
        load_kwh=ordered(community.load_kwh),
        pv_kwh=ordered(community.pv_kwh),
        buy=ordered(prices.buy),
        sell=ordered(prices.sell),
        inside=ordered(open_to),
        one_meter=prices.one_meter,
        coupling_buy=prices.coupling_buy,
        coupling_sell=prices.coupling_sell,
        pool=prices.pool,
        stores=stores,
        member=order,
        device=device,
        places=places,
        unserved_max_kwh=np.where(places.import_limited, ordered(community.load_kwh), 0.0),
        unserved_price=community.connection.unserved_value,
        peaks=peaks,
        tiers=tiers,
        joints=joints_of(community, stores, device),
    )


def joints_of(community: Community, stores: Stores, order: Index) -> tuple[Joint, ...]:
    """Shared batteries; `order` (K,) numbers the devices that the stores are."""
    device, hours, rank = community.flexibility, community.clock.hours, np.argsort(order)
    found = []
    for accounts in device.batteries_shared.values():
        whole, rows = device.common(accounts), np.sort(rank[accounts])
        found.append(Joint(
            rows=rows,
            level_min_kwh=stores.level_min_kwh[:, rows].sum(axis=1), level_max_kwh=whole.level_max_kwh[:, 0],
            charge_max_kwh=whole.charge_kw[:, 0] * hours, discharge_max_kwh=whole.discharge_kw[:, 0] * hours,
        ))  # fmt: skip
    return tuple(found)


def _stores(
    community: Community, prices: Prices, state: State, stored_value: float | None, final_kwh: Array | None
) -> Stores:
    """Devices with bounds that a plan can keep, and what is asked of them at the end."""
    device = community.flexibility
    bare, obliged = relaxed(stores_of(community, state.level_kwh), device.obliged), device.obliged.astype(np.bool_)
    if not device.devices or not community.shape[0]:
        return bare
    if community.clock.first > 0:
        bare = in_reach(bare, obliged)
    final = np.where(obliged, _usual_end(community, bare), device.level_start_kwh)
    if stored_value is not None:
        final = np.where(obliged, final, -np.inf)
    bare = replace(bare, value=stored_worth(community, prices, stored_value or 0.0))
    final = np.where(device.terminal_value > 0, -np.inf, final)
    if final_kwh is not None:
        final = final_kwh
    return ending(bare, final)


def _usual_end(community: Community, stores: Stores) -> Array:
    """Final levels if every device charged as it usually does. (K,) [kWh]"""
    usual = times(community.flexibility.usual_charge_kw, community.clock.hours)
    nothing = spread(0.0, usual.shape)
    as_usual = replace(stores, charge_max_kwh=usual, level_min_kwh=nothing)
    end: Array = np.minimum(fullest(as_usual)[-1], stores.level_max_kwh[-1])
    return end
