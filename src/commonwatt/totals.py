"""What is left of a run of any length: each column summed over slots and over members, and its highest value."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .accounts import Account
from .clock import Clock
from .coalitions import Coalitions
from .commons import nobodys
from .flow import Array, Community, Connection, Mask
from .noun import dense, running_sum, spread, still, together
from .record import Record


@dataclass
class Totals:
    """A sink. `by_member[c]` (N,) and `highest[c]` (N,) over time, `by_slot(c)` (T,) over members."""

    only: frozenset[str] = frozenset()
    """Columns to keep; empty: all."""
    by_member: dict[str, Array] = field(default_factory=dict)
    highest: dict[str, Array] = field(default_factory=dict)
    last: dict[str, Array] = field(default_factory=dict)
    """Each column's last row."""
    _slots: dict[str, list[Array]] = field(default_factory=dict)
    _hours: float = 1.0

    @property
    def hours(self) -> float:
        """Length of a slot. [h]"""
        return self._hours

    def take(self, record: Record) -> None:
        """Adds one window."""
        self._hours = record.clock.hours
        done: dict[tuple[int, int], tuple[Array, Array, Array]] = {}
        for name, values in {**record.columns, **derived(record)}.items():
            if self.only and name not in self.only:
                continue
            alike = id(values), id(self.by_member.get(name))  # the same flow under two names is summed once
            if alike not in done:
                done[alike] = self._added(name, values)
            self.by_member[name], self.highest[name], by_slot = done[alike]
            self.last[name] = values[-1]
            self._slots.setdefault(name, []).append(by_slot)

    def _added(self, name: str, values: Array) -> tuple[Array, Array, Array]:
        """A column's sums and highest values with another window in, and the window's sums by slot."""
        width = values.shape[1]
        sums, highest = self.by_member.get(name), self.highest.get(name)
        if sums is None or highest is None:
            sums, highest = np.zeros(width), np.full(width, -np.inf)
        if still(values):
            return sums, np.maximum(highest, 0.0), np.zeros(len(values))
        if values.strides[1] == 0 and (sums == sums[0]).all() and (highest == highest[0]).all():
            one = _folded(values[:, :1], sums[:1], highest[:1])
            return np.full(width, one[0]), np.full(width, one[1]), one[2] * width
        return _folded(values, sums, highest)

    def by_slot(self, name: str) -> Array:
        """A column summed over members. (T,)"""
        return np.concatenate(self._slots[name]) if name in self._slots else np.zeros(0)

    def sum(self, name: str) -> float:
        """A column summed over members and slots; 0 for one that never occurred."""
        return float(self.by_member[name].sum()) if name in self.by_member else 0.0


def _folded(values: Array, sums: Array, highest: Array) -> tuple[Array, Array, Array]:
    from ._sums import fold

    sums, highest = sums.copy(), highest.copy()
    by_slot: Array = fold(dense(values), sums, highest)
    return sums, highest, by_slot


def derived(record: Record) -> dict[str, Array]:
    """Columns that follow from stored ones."""
    c = record.columns
    bill = together(c["energy_money"], c["pool_money"], *(fee for _, _, fee in record.fees()))
    shape = record.access.shape
    if not record.entries.rows:
        return {"bill_money": bill, "entry_money": spread(0.0, shape)}
    owed = record.entries.owed(record.clock.first, shape)
    return {"bill_money": bill + owed, "entry_money": owed}


@dataclass(frozen=True)
class Profile:
    """A community's own totals: what metrics read beside a run."""

    clock: Clock
    names: tuple[str, ...]
    load_kwh: Array
    """(N,)"""
    pv_kwh: Array
    """(N,)"""
    obliged: Mask
    """Devices whose charging is load: vehicles and appliances. (K,)"""
    wear: Array
    """What a kWh moved costs each device. (K,) [money/kWh]"""
    signals: dict[str, Array]
    traits: dict[str, Array]
    efficiency: float
    """Of the pool. [-]"""
    connection: Connection

    @classmethod
    def of(cls, community: Community, efficiency: float) -> Profile:
        """Of a whole community, read once."""
        hours = community.clock.hours
        return cls(
            clock=community.clock,
            names=community.names,
            load_kwh=running_sum(np.zeros(community.shape[1]), community.load_kw) * hours,
            pv_kwh=running_sum(np.zeros(community.shape[1]), community.pv_kw) * hours,
            obliged=community.flexibility.obliged,
            wear=community.flexibility.wear,
            signals=dict(community.signals),
            traits=dict(community.traits),
            efficiency=efficiency,
            connection=community.connection,
        )


@dataclass(frozen=True)
class Best:
    """What perfect foresight would have done, and what energy left in store counts for in the comparison."""

    run: Totals
    stored_price: Array
    """(K,) [money/kWh]"""


@dataclass(frozen=True)
class Facts:
    """All that a metric may read: the run, every member alone, the load alone, and the community's own totals."""

    run: Totals
    alone: Totals
    gross: Totals
    community: Profile
    groups: Coalitions | None = None
    """What groups would pay on their own; none where members keep their own meters."""
    best: Best | None = None
    """The plan of perfect foresight; none where nobody asks for regret."""

    @property
    def bill(self) -> Array:
        """What each member owes. (N,) [money]"""
        return self.run.by_member["bill_money"]

    @property
    def saving(self) -> Array:
        """What each member pays less than standing alone (§14). (N,) [money]"""
        return self.alone.by_member["bill_money"] - self.bill

    @property
    def gross_bill(self) -> Array:
        """What each member would owe for its load alone, run as usual, without PV or batteries. (N,) [money]"""
        return self.gross.by_member["bill_money"]

    @property
    def matched(self) -> Array:
        """Energy delivered from member to member, by slot; each kWh counts once. (T,) [kWh]"""
        bought, sold = self.run.by_slot("bought_kwh"), self.run.by_slot("sold_kwh")
        return bought if self.groups is None else np.minimum(bought, self.community.efficiency * sold)

    @property
    def sent(self) -> Array:
        """Energy sent from member to member, by slot. (T,) [kWh]"""
        return self.run.by_slot("sold_kwh") if self.groups is None else self.matched / self.community.efficiency

    @property
    def vehicle_kwh(self) -> float:
        """Energy that went into vehicles and appliances, net. [kWh]"""
        net = self.run.by_member["charge_kwh"] - self.run.by_member["discharge_kwh"]
        return float(net[self.community.obliged].sum())

    @cached_property
    def households(self) -> Mask:
        """Members proper: all but the meters of central batteries. (N,)"""
        return ~nobodys(self.community.traits, self.bill.size)

    @property
    def wallet(self) -> Array:
        """What each member has at the end. (N,) [money]"""
        return self.run.last["wallet_money"]

    @property
    def operator(self) -> float:
        """What is left with the operator at the end. [money]"""
        return float(self.run.last["till_money"][Account.OPERATOR.column])
