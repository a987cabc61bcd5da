"""Every device as an envelope: bounds on power and on stored energy. They differ in numbers only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np

from .clock import Clock
from .noun import TK, Array, Index, Mask, PerDevice, Row, RowIndex, Table, Words, dense, once, spread, still


@dataclass(frozen=True, eq=False, kw_only=True)
class Flexibility(Table):
    """Devices side by side, one column each.

    A device that nobody plans charges `usual_charge_kw`: a vehicle on arrival, an appliance at its hour; a battery 0.
    An `obliged` device must never fall behind that, and no rule of thumb discharges it.
    """

    owner: Annotated[Index, "K"]
    kind: Annotated[Words, "K"]
    charge_kw: TK
    discharge_kw: TK
    level_min_kwh: TK
    level_max_kwh: TK
    drain_kwh: TK
    usual_charge_kw: TK
    charge_efficiency: PerDevice
    discharge_efficiency: PerDevice
    leakage: PerDevice
    level_start_kwh: PerDevice
    capacity_kwh: PerDevice
    obliged: Annotated[Mask, "K"]

    @classmethod
    @lru_cache(maxsize=16)
    def none(cls, slots: int) -> Flexibility:
        """No device."""
        nothing = np.empty(0)
        return cls.batteries(slots, np.empty(0, np.int64), nothing, charge_kw=nothing, discharge_kw=nothing)

    @classmethod
    def batteries(  # noqa: PLR0913  (one line per quantity on a battery's data sheet)
        cls,
        slots: int,
        owner: Index,
        capacity_kwh: Array,
        *,
        charge_kw: Array,
        discharge_kw: Array,
        soc_min: Array | float = 0.1,
        soc_max: Array | float = 0.9,
        soc_start: Array | float = 0.5,
        charge_efficiency: Array | float = 0.95,
        discharge_efficiency: Array | float = 0.95,
        leakage: Array | float = 0.0,
    ) -> Flexibility:
        """Batteries of constant size: capacities (K,) [kWh], powers (K,) [kW], states of charge as shares of capacity.

        `leakage` is what a slot loses, as a share of the level.
        """
        count, shape = owner.size, (slots, owner.size)
        row = (count,)
        return cls(
            owner=owner.astype(np.int64),
            kind=np.full(count, "battery"),
            charge_kw=spread(charge_kw, shape),
            discharge_kw=spread(discharge_kw, shape),
            level_min_kwh=spread(soc_min * capacity_kwh, shape),
            level_max_kwh=spread(soc_max * capacity_kwh, shape),
            drain_kwh=spread(0.0, shape),
            usual_charge_kw=spread(0.0, shape),
            charge_efficiency=spread(charge_efficiency, row),
            discharge_efficiency=spread(discharge_efficiency, row),
            leakage=spread(leakage, row),
            level_start_kwh=soc_start * capacity_kwh,
            capacity_kwh=capacity_kwh,
            obliged=np.zeros(count, np.bool_),
        )

    @classmethod
    def vehicles(cls, clock: Clock, sessions: Sessions) -> Flexibility:
        """Electric vehicles from their charging sessions, one device per member that has any.

        A level counts the energy charged in the session; at departure it must be the session's energy, which the
        drive then takes. Efficiencies are 1: sessions state what the charger's meter reads. Raises no error: a
        session that its power cannot serve in time is cut to what it can (as `Sessions.served` says).
        """
        fleets = [np.flatnonzero(sessions.member == owner) for owner in np.unique(sessions.member)]
        columns = [_vehicle(clock, sessions.kept(_rows(sessions, rows))) for rows in fleets]
        owners = np.array([sessions.member[rows[0]] for rows in fleets], dtype=np.int64)
        count, shape = owners.size, (clock.slots, owners.size)
        tables = {
            name: np.stack([c[name] for c in columns], axis=1) if columns else np.zeros(shape) for name in _VEHICLE
        }
        ones = np.ones(count)
        return cls(
            owner=owners,
            kind=np.full(count, "vehicle"),
            level_min_kwh=tables["level_min"],
            level_max_kwh=tables["level_max"],
            charge_kw=tables["charge"],
            discharge_kw=tables["discharge"],
            drain_kwh=tables["drain"],
            usual_charge_kw=tables["usual"],
            charge_efficiency=ones,
            discharge_efficiency=ones,
            leakage=np.zeros(count),
            level_start_kwh=np.zeros(count),
            capacity_kwh=tables["level_max"].max(axis=0, initial=0.0),
            obliged=np.ones(count, np.bool_),
        )

    @property
    def devices(self) -> int:
        """How many."""
        return int(self.owner.size)

    def by_member(self, values: Array, members: int) -> Array:
        """Sums of per-device `values` (T, K) over each member's devices. (T, N)"""
        from ._meter import by_owner

        sums: Array = by_owner(dense(values), self.owner, members)
        return sums

    def levels(self, start: Array, charge: Array, discharge: Array) -> Array:
        """Stored energy at the end of each slot, from `start` (K,) on. (T, K), (T, K) -> (T, K) [kWh]"""
        if not self.devices:
            return np.empty(charge.shape)
        from ._sums import levels

        level: Array = levels(
            len(charge), start, once(charge), once(discharge),
            self.charge_efficiency, self.discharge_efficiency, self.leakage, once(self.drain_kwh),
        )  # fmt: skip
        return level

    def beside(self, flow: Array, values: Array) -> Array:
        """A flow (T, N) plus what the devices of each member move, `values` (T, K). (T, N)"""
        if still(values):
            return flow
        from ._meter import with_owned

        sums: Array = with_owned(dense(flow), dense(values), self.owner)
        return sums

    @property
    def joint(self) -> Mask:
        """Devices whose owner has another one too. (K,)"""
        ordered = np.sort(self.owner)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        return np.isin(self.owner, twice) if twice.size else np.zeros(self.devices, np.bool_)


@dataclass(frozen=True, eq=False, kw_only=True)
class Sessions(Table):
    """Charging sessions of electric vehicles: when connected, and what energy is wanted by departure.

    Times are in slots from the clock's start and may lie inside a slot; energy in kWh, power in kW. `v2g_kw` is what
    the vehicle may give back, 0 for none.
    """

    member: RowIndex
    arrival: Row
    departure: Row
    energy_kwh: Row
    power_kw: Row
    v2g_kw: Row

    @classmethod
    def none(cls) -> Sessions:
        """Nobody drives."""
        row = np.empty(0)
        return cls(
            member=np.empty(0, np.int64), arrival=row, departure=row, energy_kwh=row, power_kw=row, v2g_kw=row
        )  # fmt: skip

    def served(self, hours: float) -> Array:
        """Energy that the charger's power can deliver by departure. (R,) [kWh]"""
        able: Array = np.minimum(self.energy_kwh, self.power_kw * (self.departure - self.arrival) * hours)
        return np.maximum(able, 0.0)


_VEHICLE = ("level_min", "level_max", "charge", "discharge", "drain", "usual")


def _rows(sessions: Sessions, rows: Index) -> Mask:
    mask = np.zeros(sessions.member.size, np.bool_)
    mask[rows] = True
    return mask


def _vehicle(clock: Clock, sessions: Sessions) -> dict[str, Array]:
    """One vehicle's bounds (T,), session after session; a slot belongs to the session that ends in it."""
    out = {name: np.zeros(clock.slots) for name in _VEHICLE}
    free = 0
    for r in np.argsort(sessions.arrival, kind="stable"):
        first = max(int(np.floor(sessions.arrival[r])), free, 0)
        last = int(np.ceil(sessions.departure[r]))
        if last <= first or first >= clock.slots:
            continue
        free = last
        slots = np.arange(first, min(last, clock.slots))
        there = np.minimum(slots + 1, sessions.departure[r]) - np.maximum(slots, sessions.arrival[r])
        able = np.clip(there, 0.0, 1.0) * sessions.power_kw[r]
        ahead = np.clip(sessions.departure[r] - np.arange(slots[-1] + 1, last), 0.0, 1.0).sum() * sessions.power_kw[r]
        energy = min(float(sessions.energy_kwh[r]), float(able.sum() + ahead) * clock.hours)
        reached = np.minimum(np.cumsum(able) * clock.hours, energy)
        out["charge"][slots], out["level_max"][slots] = able, energy
        out["discharge"][slots] = np.clip(there, 0.0, 1.0) * sessions.v2g_kw[r]
        out["usual"][slots] = np.diff(reached, prepend=0.0) / clock.hours
        if last <= clock.slots:
            out["level_min"][last - 1] = reached[-1]
        if last < clock.slots:
            out["drain"][last] = reached[-1]
    return out
