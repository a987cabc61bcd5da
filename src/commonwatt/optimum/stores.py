"""Devices as stores of energy: what they can hold and do, and what of it can be reached."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..flow import Array, Community, Index, Mask, Noun, Prices
from ..noun import TK, PerDevice, dense, spread, times


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
    gain: TK
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
        tables = ("charge_max_kwh", "discharge_max_kwh", "level_min_kwh", "level_max_kwh", "drain_kwh", "gain")
        rows = ("loss", "keep", "start_kwh", "wear", "value")
        return Stores(
            owner=owner,
            kind=tuple(self.kind[k] for k in devices),
            **{name: np.ascontiguousarray(getattr(self, name)[:, devices]) for name in tables},
            **{name: getattr(self, name)[devices] for name in rows},
        )

    def at_rest(self, devices: Index, way: Literal["charge", "discharge"]) -> Stores:
        """With some devices that do not charge, or do not discharge."""
        most = np.array(self.charge_max_kwh if way == "charge" else self.discharge_max_kwh)
        most[:, devices] = 0.0
        return replace(self, charge_max_kwh=most) if way == "charge" else replace(self, discharge_max_kwh=most)

    def by_member(self, values: Array, members: int) -> Array:
        """Sums of `values` (T, K) over each member's devices. (T, N)"""
        from ._tube import summed

        sums: Array = summed(dense(values), self.owner, members)
        return sums


def stores_of(community: Community, level_kwh: Array) -> Stores:
    """The devices of a community from levels (K,) on, with no wish for the end."""
    device = community.flexibility
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
        wear=device.wear,
        value=spread(0.0, device.wear.shape),
    )


def stored_worth(community: Community, prices: Prices, share: float) -> Array:
    """What a kWh left in each store counts for. (K,) [money/kWh]

    Its own `terminal_value` if it has one; else a share of its owner's mean buying price times the discharging
    efficiency; nothing for what is obliged to charge.
    """
    device = community.flexibility
    if not device.devices or not community.shape[0]:
        return np.zeros(device.devices)
    mean = share * prices.buy.mean(axis=0)[device.owner] * device.discharge_efficiency
    usual = np.where(device.obliged, 0.0, np.maximum(mean, 0.0))
    return np.where(device.terminal_value > 0, device.terminal_value, usual)


def relaxed(stores: Stores, obliged: Mask) -> Stores:
    """Lower bounds of what is not obliged, let down where leakage and drain win over charging (then no discharge)."""
    if not stores.level_min_kwh.size:
        return stores
    from ._tube import lowered

    start, keep, drain, fall, rise = moves(stores)
    least, falls = lowered(start, keep, drain, rise, dense(stores.level_min_kwh), fall, 1.0 - obliged)
    stopped = np.where(falls < fall, 0.0, stores.discharge_max_kwh)
    return replace(stores, level_min_kwh=least, discharge_max_kwh=stopped)


def in_reach(stores: Stores, late: Mask) -> Stores:
    """Lower bounds of `late` devices (K,) let down to what they still reach if they charge all they can."""
    from ._tube import led

    start, keep, drain, _, rise = moves(stores)
    most = led(start, keep, drain, rise, np.full(stores.shape, -np.inf), dense(stores.level_max_kwh))
    return replace(stores, level_min_kwh=np.where(late, np.minimum(stores.level_min_kwh, most), stores.level_min_kwh))


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


def able(stores: Stores) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """For compiled loops: gain, drain, most charged and discharged (T, K); what discharging takes, share kept (K,)."""
    tables = stores.gain, stores.drain_kwh, stores.charge_max_kwh, stores.discharge_max_kwh
    return tuple(dense(table) for table in tables), (dense(stores.loss), dense(stores.keep))


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


def reach(stores: Stores) -> tuple[Array, Array]:
    """Lowest and highest level at each slot's end from which everything later can be kept. (T, K) each [kWh]"""
    if not stores.level_min_kwh.size:
        return np.array(stores.level_min_kwh), np.array(stores.level_max_kwh)
    from ._tube import tube

    low, high = tube(*able(stores), dense(stores.level_min_kwh), dense(stores.level_max_kwh))
    return low, high


def repaired(stores: Stores, level_kwh: Array) -> tuple[Array, Array, Array, Array]:
    """The nearest levels (T, K) that can be kept, what bounds are missed by, charge, discharge; never both. [kWh]"""
    if not stores.level_min_kwh.size:
        nothing = np.zeros(stores.shape)
        return nothing, nothing, nothing, nothing
    from ._tube import followed

    made: tuple[Array, Array, Array, Array]
    made = followed(dense(stores.start_kwh), *able(stores), reach(stores), dense(level_kwh))
    return made
