"""Every device as an envelope: bounds on power and on stored energy. They differ in numbers only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Annotated

import numpy as np

from .clock import Clock
from .errors import ContractError
from .noun import TK, Array, Index, Mask, PerDevice, Row, RowIndex, Table, Words, dense, once, spread, still, times

V2G_EFFICIENCY = 0.87
"""Given back per charged for it: mean of measured round trips (Schram et al., SEST 2020). [-]"""


@dataclass(frozen=True, eq=False, kw_only=True)
class Flexibility(Table):
    """Devices side by side, one column each.

    A device that nobody plans charges `usual_charge_kw`: a vehicle on arrival, an appliance at its hour; a battery 0.
    An `obliged` device must never fall behind `usual_level_kwh`, to which that leads, and no rule of thumb discharges
    it; for all others that level is 0 and says nothing.
    """

    TIMELESS = ("accounts", "free", "joint")

    owner: Annotated[Index, "K"]
    kind: Annotated[Words, "K"]
    charge_kw: TK
    discharge_kw: TK
    level_min_kwh: TK
    level_max_kwh: TK
    drain_kwh: TK
    usual_charge_kw: TK
    usual_level_kwh: TK
    charge_efficiency: TK
    """Stored per taken in; of a heat pump, its coefficient of performance, which the weather moves. [-]"""
    discharge_efficiency: PerDevice
    leakage: PerDevice
    level_start_kwh: PerDevice
    capacity_kwh: PerDevice
    wear: PerDevice
    """What a kWh charged or discharged costs the device. Planners and a metric count it, no bill does. [money/kWh]"""
    terminal_value: PerDevice
    """What a kWh left in store at the end is worth to a planner; 0: the planner's own rule. [money/kWh]"""
    obliged: Annotated[Mask, "K"]
    shared: Annotated[Words, "K"]
    """Name of the battery that it is an account in; empty for a device of one's own.

    An account has the whole battery's powers and room as bounds, which all its accounts must keep together, and its
    own part of capacity and least level.
    """

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
        wear: Array | float = 0.0,
        terminal_value: Array | float = 0.0,
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
            usual_level_kwh=spread(0.0, shape),
            charge_efficiency=spread(charge_efficiency, shape),
            discharge_efficiency=spread(discharge_efficiency, row),
            leakage=spread(leakage, row),
            level_start_kwh=soc_start * capacity_kwh,
            capacity_kwh=capacity_kwh,
            wear=spread(wear, row),
            terminal_value=spread(terminal_value, row),
            obliged=np.zeros(count, np.bool_),
            shared=np.full(count, ""),
        )

    def divided(self, name: str, owner: Index, part: Array) -> Flexibility:
        """One battery as accounts of several members: parts (R,), which sum to 1, of its energy belong to owners (R,).

        An account may use all of the battery's room and power as far as others leave them; it holds its own energy.
        """
        if self.devices != 1:
            raise ContractError(f"divided: {self.devices} devices (§2: one battery has accounts); take one")
        accounts = self.kept(np.zeros(owner.size, np.int64))
        return replace(
            accounts,
            owner=owner.astype(np.int64),
            kind=np.full(owner.size, "shared_battery"),
            shared=np.full(owner.size, name),
            capacity_kwh=accounts.capacity_kwh * part,
            level_min_kwh=accounts.level_min_kwh * part,
            level_start_kwh=accounts.level_start_kwh * part,
        )

    @classmethod
    def demands(cls, clock: Clock, owner: Index, kind: str, usual_charge_kw: TK, **quantities: Array) -> Flexibility:
        """Obliged devices of one kind: what must be charged sooner or later, and usually is at its hour.

        Further fields as given; else there is no discharging, drain, loss, wear or least level, energy counts as it is
        metered, and levels start at 0. Capacities are the highest levels.
        """
        shape, row = usual_charge_kw.shape, usual_charge_kw.shape[1:]
        tables = {name: spread(0.0, shape) for name in ("discharge_kw", "level_min_kwh", "drain_kwh")}
        rows = {name: spread(0.0, row) for name in ("leakage", "level_start_kwh", "wear", "terminal_value")}
        given = {"charge_efficiency": spread(1.0, shape), "discharge_efficiency": spread(1.0, row)}
        given |= tables | rows | quantities
        made = cls(
            owner=owner.astype(np.int64),
            kind=np.full(row, kind),
            usual_charge_kw=usual_charge_kw,
            usual_level_kwh=spread(0.0, shape),
            capacity_kwh=given["level_max_kwh"].max(axis=0, initial=0.0),
            obliged=np.ones(row, np.bool_),
            shared=np.full(row, ""),
            **given,
        )
        return made.powered(clock.hours)

    @classmethod
    def vehicles(
        cls, clock: Clock, sessions: Sessions, *, v2g_efficiency: float = V2G_EFFICIENCY, wear: float = 0.0
    ) -> Flexibility:
        """Electric vehicles from their charging sessions, one device per member that has any.

        A level counts the energy charged in the session, as the charger's meter reads it; at departure it must be the
        session's energy, which the drive then takes. Of what is charged to be given back, `v2g_efficiency` arrives.
        Raises no error: a session that its power cannot serve in time is cut to what it can (as `Sessions.served`
        says).
        """
        fleets = [np.flatnonzero(sessions.member == owner) for owner in np.unique(sessions.member)]
        columns = [_vehicle(clock, sessions.kept(_rows(sessions, rows))) for rows in fleets]
        owners = np.array([sessions.member[rows[0]] for rows in fleets], dtype=np.int64)
        count, shape = owners.size, (clock.slots, owners.size)
        tables = {
            name: np.stack([c[name] for c in columns], axis=1) if columns else np.zeros(shape) for name in _VEHICLE
        }
        return cls.demands(
            clock, owners, "vehicle", tables.pop("usual_charge_kw"), **tables,
            discharge_efficiency=np.full(count, v2g_efficiency), wear=np.full(count, wear),
        )  # fmt: skip

    def powered(self, hours: float, **powers: Array) -> Flexibility:
        """The same devices with other powers (T, K) [kW]; where charging as usual leads to follows from them."""
        made = replace(self, **powers) if powers else self  # type: ignore[arg-type]
        if not made.obliged.any():
            return made
        usual = times(made.usual_charge_kw, hours)
        reached = made.levels(made.level_start_kwh, usual, spread(0.0, usual.shape))
        return replace(made, usual_level_kwh=reached * made.obliged)

    @property
    def owed_level_kwh(self) -> Array:
        """Levels that obliged devices must not fall behind; -inf for all others. (T, K)"""
        return np.where(self.obliged, self.usual_level_kwh, -np.inf)

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
            once(self.charge_efficiency), self.discharge_efficiency, self.leakage, once(self.drain_kwh),
        )  # fmt: skip
        return level

    def beside(self, flow: Array, values: Array) -> Array:
        """A flow (T, N) plus what the devices of each member move, `values` (T, K). (T, N)"""
        if still(values):
            return flow
        from ._meter import with_owned

        sums: Array = with_owned(dense(flow), dense(values), self.owner)
        return sums

    def ready(self, charge: Array, discharge: Array, level: Array, hours: float) -> Array:
        """What each could still deliver in slots of `hours` in which it does this already. (T, K) each [kWh]

        Within its power, of which charging takes its part of the slot's time, and down to its least level. Obliged
        devices and accounts in shared batteries keep what they have.
        """
        from ._meter import ready

        able: Array = ready(
            once(charge), once(discharge), dense(level), once(self.charge_kw), once(self.discharge_kw),
            once(self.level_min_kwh), dense(self.discharge_efficiency), self.free, hours,
        )  # fmt: skip
        return able

    def usual_draw(self, load_kwh: Array, hours: float) -> Array:
        """Load (T, N) with what obliged devices usually charge: all that is drawn where nobody plans. (T, N) [kWh]"""
        if not self.obliged.any():
            return load_kwh
        return self.beside(load_kwh, times(self.usual_charge_kw, hours) * self.obliged)

    @property
    def batteries_shared(self) -> dict[str, Index]:
        """By name of a shared battery, the numbers of the devices that are its accounts."""
        names = dict.fromkeys(self.shared[self.shared != ""].tolist())
        return {name: np.flatnonzero(self.shared == name) for name in names}

    def common(self, accounts: Index) -> Flexibility:
        """What the accounts of one battery must keep together, as one device of nobody (owner -1)."""
        some = self.kept(accounts)
        sums = {name: getattr(some, name).sum(axis=-1, keepdims=True) for name in ("level_min_kwh", "level_start_kwh")}
        whole = some.kept(np.zeros(1, np.int64))
        capacity = some.capacity_kwh.sum(keepdims=True)
        return replace(whole, owner=np.full(1, -1), capacity_kwh=capacity, **sums)

    @cached_property
    def battery(self) -> Index:
        """Number of the shared battery that each device is an account of; -1: of none. (K,)"""
        number = np.full(self.devices, -1, np.int64)
        for s, accounts in enumerate(self.batteries_shared.values()):
            number[accounts] = s
        return number

    @cached_property
    def accounts(self) -> Mask:
        """Devices that are accounts in shared batteries. (K,)"""
        return np.asarray(self.shared != "")

    @cached_property
    def free(self) -> Mask:
        """Devices that nobody else depends on, and no deadline binds. (K,)"""
        return np.asarray(~(self.obliged | self.accounts))

    @cached_property
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


_VEHICLE = ("level_min_kwh", "level_max_kwh", "charge_kw", "discharge_kw", "drain_kwh", "usual_charge_kw")


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
        out["charge_kw"][slots], out["level_max_kwh"][slots] = able, energy
        out["discharge_kw"][slots] = np.clip(there, 0.0, 1.0) * sessions.v2g_kw[r]
        out["usual_charge_kw"][slots] = np.diff(reached, prepend=0.0) / clock.hours
        if last <= clock.slots:
            out["level_min_kwh"][last - 1] = reached[-1]
        if last < clock.slots:
            out["drain_kwh"][last] = reached[-1]
    return out
