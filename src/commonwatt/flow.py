"""The nouns, in the order the data flows.

Community -> Prices -> Schedule -> Positions -> Clearing -> Bills -> Ruling -> State (the next window's)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated

import numpy as np

from .accounts import Account, Entries
from .clock import Clock
from .connection import OPEN, Connection
from .desk import Desk
from .envelope import Flexibility, Sessions
from .errors import ContractError, DataError
from .exchange import Bans, Clearing, Positions, Quotes, Trades, allowed, at_most
from .noun import (
    TA,
    TK,
    TN,
    Array,
    Carry,
    Index,
    Mask,
    Noun,
    OpenT,
    OpenTN,
    PerAccount,
    PerDevice,
    PerMember,
    PerSlot,
    dense,
    once,
    per_kwh,
    spread,
    still,
    times,
    together,
)
from .pool import Pool
from .proof import Certificate, Planned
from .routes import Routes, Zones
from .rules import Charge, Fee, Sharing
from .streams import Streams
from .watch import NOBODY, Watch

OPEN_POOL, SEEDED, NO_BANS = Pool(), Streams(0), Bans.none()


@dataclass(frozen=True, eq=False, kw_only=True)
class Community(Noun):
    """Who is there, what they need and make before anything reacts to a price, and what could bend."""

    clock: Clock
    names: tuple[str, ...]
    load_kw: TN
    pv_kw: TN
    market_open: OpenT
    flexibility: Flexibility
    signals: Annotated[Mapping[str, Array], "T"] = field(default_factory=dict)
    series: Annotated[Mapping[str, Array], "T", "N"] = field(default_factory=dict)
    traits: Annotated[Mapping[str, Array], "N"] = field(default_factory=dict)
    sessions: Sessions = field(default_factory=Sessions.none)
    """The charging sessions that vehicles were made from, kept as data."""
    connection: Connection = OPEN
    """What the grid lets through."""
    zones: Zones | None = None
    """Zones inside each other that members are in, where somebody said so."""
    distance_km: Annotated[Array, "N", "N"] | None = None
    """How far members are from each other, where somebody said so."""
    streams: Streams = SEEDED
    notes: tuple[str, ...] = ()
    """What was assumed or found while it was read; shown with every result."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.connection.check_fits(*self.shape)
        if self.zones is not None and self.zones.zone.size != self.shape[1]:
            have, due = self.zones.zone.size, self.shape[1]
            raise DataError(f"zones: {have} members (§2: the community's {due}); give it {due}")

    @classmethod
    def of(
        cls,
        clock: Clock,
        load_kw: Array,
        pv_kw: Array,
        *,
        names: tuple[str, ...] = (),
        flexibility: Flexibility | None = None,
    ) -> Community:
        """A community whose pool is always open, from load and PV (T, N) [kW]; members are numbered unless named."""
        return cls(
            clock=clock,
            names=names or tuple(f"member_{n + 1}" for n in range(load_kw.shape[1])),
            load_kw=load_kw,
            pv_kw=pv_kw,
            market_open=np.ones(clock.slots, np.bool_),
            flexibility=flexibility or Flexibility.none(clock.slots),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Slots and members."""
        return self.load_kw.shape[0], self.load_kw.shape[1]

    @cached_property
    def load_kwh(self) -> Array:
        """Load as energy. (T, N)"""
        return np.multiply(self.load_kw, self.clock.hours, order="C")

    @cached_property
    def pv_kwh(self) -> Array:
        """PV as energy. (T, N)"""
        return np.multiply(self.pv_kw, self.clock.hours, order="C")


@dataclass(frozen=True, eq=False, kw_only=True)
class Prices(Noun):
    """The terms: outside per member and at the coupling point, fees and charges, and the pool's own."""

    buy: TN
    sell: TN
    coupling_buy: PerSlot
    coupling_sell: PerSlot
    expected_buy: TN | None = None
    """What members believe that energy from outside costs them, fees included, where they decide before they know."""
    expected_sell: TN | None = None
    """What they believe that energy given away brings them."""
    inner: PerSlot | None = None
    """A community price that the tariff's author gives, where there is one. [money/kWh]"""
    one_meter: bool = False
    trading: bool = True
    """Whether the market moves any energy between members."""
    fees: tuple[Fee, ...] = ()
    charges: tuple[Charge, ...] = ()
    sharings: tuple[Sharing, ...] = ()
    """Rules by which the mechanism shares money over a period."""
    keys: Annotated[Mapping[str, Array], "T", "N"] = field(default_factory=dict)
    """Coefficients of the mechanism, by name: who gets what part of shared energy. [-]"""
    pool: Pool = OPEN_POOL
    routes: Routes | None = None
    """Which way energy takes from member to member, where the mechanism asks: then losses and fees are by trade."""

    @classmethod
    def common(cls, buy: Array | float, sell: Array | float, shape: tuple[int, int]) -> Prices:
        """One tariff for all: prices (T,) or constant, at every meter and at the coupling point."""
        buy, sell = (spread(price, shape[:1]) for price in (buy, sell))
        return cls(
            buy=spread(buy[:, None], shape), sell=spread(sell[:, None], shape), coupling_buy=buy, coupling_sell=sell
        )  # fmt: skip

    @classmethod
    def own(cls, buy: Array, sell: Array) -> Prices:
        """Prices per member (T, N); the coupling point gets their means."""
        return cls(buy=buy, sell=sell, coupling_buy=buy.mean(axis=1), coupling_sell=sell.mean(axis=1))

    def times(self, factor: float) -> Prices:
        """The same with every price per kWh multiplied. [-]"""
        if factor == 1.0:
            return self
        return replace(
            self,
            buy=times(self.buy, factor),
            sell=times(self.sell, factor),
            coupling_buy=factor * self.coupling_buy,
            coupling_sell=factor * self.coupling_sell,
            inner=None if self.inner is None else factor * self.inner,
            expected_buy=None if self.expected_buy is None else times(self.expected_buy, factor),
            expected_sell=None if self.expected_sell is None else times(self.expected_sell, factor),
        )

    @property
    def regular(self) -> Mask:
        """Where buying costs at least what selling brings, for whoever is billed (§13). (T, N)"""
        return np.broadcast_to(self.regular_once, self.buy.shape)

    @cached_property
    def regular_once(self) -> Mask:
        """The same, with what repeats once. (T or 1, N or 1)"""
        if self.one_meter:
            return (self.coupling_buy >= self.coupling_sell)[:, None]
        return np.asarray(once(self.buy, columns=True) >= once(self.sell, columns=True))


@dataclass(frozen=True, eq=False, kw_only=True)
class Outlook(Noun):
    """What a planner believes about the slots from here on; the truth reaches it only slot by slot."""

    community: Community
    prices: Prices
    watch: Watch = NOBODY
    """Who looks on while a planner works."""
    desk: Desk = field(default_factory=Desk)
    """What lies before the planner from one plan to the next."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Schedule(Noun):
    """What every member and device does, at the member's physical meter."""

    clock: Clock
    load_kwh: TN
    pv_kwh: TN
    unserved_kwh: TN
    curtailed_kwh: TN
    charge_kwh: TK
    discharge_kwh: TK
    level_kwh: TK
    shortfall_kwh: TK
    """What an obliged device lacks at its deadline."""
    flexibility: Flexibility
    plan: Planned | None = None
    """The plan made in its first slot, for all slots in its sight; none where none was made."""
    carry: Carry = field(default_factory=dict)
    """What is left of that plan for windows to come."""

    @classmethod
    def carried_out(
        cls, community: Community, state: State, charge: Array, discharge: Array, level: Array | None = None
    ) -> Schedule:
        """What these decisions (T, K) [kWh] lead to under the load and PV that really come.

        `level` (T, K) [kWh] where it is known already.
        """
        device, shape = community.flexibility, community.shape
        if level is None:
            level = device.levels(state.level_kwh, charge, discharge)
        owes = device.obliged.any()
        return cls(
            clock=community.clock,
            load_kwh=community.load_kwh,
            pv_kwh=community.pv_kwh,
            unserved_kwh=spread(0.0, shape),
            curtailed_kwh=spread(0.0, shape),
            charge_kwh=charge,
            discharge_kwh=discharge,
            level_kwh=level,
            shortfall_kwh=np.maximum(device.level_min_kwh - level, 0.0) * device.obliged
            if owes
            else spread(0.0, level.shape),
            flexibility=device,
        )

    def limited(self, community: Community, state: State, least: float = 1e-9) -> Schedule:
        """As much of it as the connection lets through; a limit exceeded by no more than `least` kWh counts as kept."""
        cut = community.connection.cut(self, state.level_kwh, self.clock.hours, least)
        if cut is None:
            return self
        moved = Schedule.carried_out(community, state, cut.charge_kwh, cut.discharge_kwh, cut.level_kwh)
        return replace(
            moved, unserved_kwh=together(self.unserved_kwh, cut.unserved_kwh),
            curtailed_kwh=together(self.curtailed_kwh, cut.curtailed_kwh), plan=self.plan, carry=self.carry,
        )  # fmt: skip

    def followed(self, planned: Schedule) -> int:
        """Slots up to the first in which a device did something else than planned, this one included."""
        if self is planned:
            return self.clock.slots
        moved = (self.charge_kwh != planned.charge_kwh) | (self.discharge_kwh != planned.discharge_kwh)
        slots = np.flatnonzero(moved.any(axis=1))
        return int(slots[0]) + 1 if slots.size else self.clock.slots

    @classmethod
    def of_load(cls, clock: Clock, load_kwh: Array) -> Schedule:
        """Load (T, N) [kWh] alone: no PV, no device."""
        nothing, none = spread(0.0, load_kwh.shape), np.empty((clock.slots, 0))
        return cls(
            clock=clock, load_kwh=load_kwh, pv_kwh=nothing, unserved_kwh=nothing, curtailed_kwh=nothing,
            charge_kwh=none, discharge_kwh=none, level_kwh=none, shortfall_kwh=none,
            flexibility=Flexibility.none(clock.slots),
        )  # fmt: skip

    @cached_property
    def served_kwh(self) -> Array:
        """Load that is served. (T, N)"""
        return self.load_kwh if still(self.unserved_kwh) else self.load_kwh - self.unserved_kwh

    @cached_property
    def used_kwh(self) -> Array:
        """PV that is not curtailed. (T, N)"""
        return self.pv_kwh if still(self.curtailed_kwh) else self.pv_kwh - self.curtailed_kwh

    @cached_property
    def _ways(self) -> tuple[Array, Array]:
        from ._meter import ways

        rests = still(self.charge_kwh) and still(self.discharge_kwh)
        if rests and still(self.used_kwh):
            return self.served_kwh, self.used_kwh
        inwards, outwards = ways(
            dense(self.served_kwh), dense(self.used_kwh), once(self.charge_kwh), once(self.discharge_kwh),
            self.flexibility.owner[: 0 if rests else None],
        )  # fmt: skip
        return inwards, outwards

    @property
    def import_kwh(self) -> Array:
        """Through the member's meter, inwards. (T, N)"""
        return self._ways[0]

    @property
    def export_kwh(self) -> Array:
        """Through the member's meter, outwards. (T, N)"""
        return self._ways[1]

    def positions(self, access: Mask, pool: Pool = OPEN_POOL, connection: Connection = OPEN) -> Positions:
        """What may be traded: outside `access` (T, N) nobody wants or has anything, nor more than the pool's most."""
        most = None if pool.most_kw is None else pool.most_kw * self.clock.hours
        want, have = (at_most(allowed(access, kwh), most) for kwh in (self.import_kwh, self.export_kwh))
        spare = self._standby(connection) if pool.standby else spread(0.0, want.shape)
        return Positions(
            clock=self.clock, access=access, want_kwh=want, have_kwh=have, standby_kwh=allowed(access, spare),
            served_kwh=self.served_kwh, used_kwh=self.used_kwh,
            charge_kwh=self.charge_kwh, discharge_kwh=self.discharge_kwh, flexibility=self.flexibility,
        )  # fmt: skip

    def activated(self, clearing: Clearing) -> Schedule:
        """The same with what the market called from storage, in proportion to what each of a member's devices could.

        Raises ContractError for more than one slot: later ones would have to know.
        """
        called = clearing.called_kwh
        if called is None or not called.any():
            return self
        if self.clock.slots > 1:
            what = f"storage was called in a window of {self.clock.slots} slots"
            raise ContractError(f"{what} (§11: what follows must see the outcome); a pool that calls has stride 1")
        ready = self._ready
        whole = self.flexibility.by_member(ready, called.shape[1])
        moved = ready * per_kwh(called, whole)[:, self.flexibility.owner]
        return replace(
            self, discharge_kwh=self.discharge_kwh + moved,
            level_kwh=self.level_kwh - moved / self.flexibility.discharge_efficiency,
        )  # fmt: skip

    @cached_property
    def _ready(self) -> Array:
        """What devices could still deliver. (T, K) [kWh]"""
        return self.flexibility.ready(self.charge_kwh, self.discharge_kwh, self.level_kwh, self.clock.hours)

    def _standby(self, connection: Connection) -> Array:
        """What members' devices could still deliver and the connection would let out. (T, N) [kWh]"""
        able, flows = (
            self.flexibility.by_member(self._ready, self.load_kwh.shape[1]),
            (self.import_kwh, self.export_kwh),
        )
        return connection.passed(able, flows, self.clock.hours)


@dataclass(frozen=True, eq=False, kw_only=True)
class Bills(Noun):
    """What each member owes per slot by item, what each account receives, and entries between them."""

    energy: TN
    pool: TN
    fees: Annotated[Mapping[str, Array], "T", "N"]
    """By reason and payee, written `reason>payee`."""
    accounts: TA
    entries: Entries
    first: int
    carry: Carry = field(default_factory=dict)
    notes: Mapping[str, float] = field(default_factory=dict)
    """What rules tell of the periods that closed, the largest of each. [money]"""

    def booked(self, entries: Entries) -> Bills:
        """The same bills with more entries."""
        if not entries.rows:
            return self
        return replace(self, entries=Entries.joined(self.entries, entries) if self.entries.rows else entries)

    @cached_property
    def total(self) -> Array:
        """What each member owes, entries included. (T, N)"""
        total = together(self.energy, self.pool, *self.fees.values())
        if not self.entries.rows:
            return total
        return total + self.entries.owed(self.first, (total.shape[0], total.shape[1]))

    @cached_property
    def balances(self) -> Array:
        """What each account receives, entries included. (T, A)"""
        return self.accounts + self.entries.received(self.first, len(self.accounts))

    def left(self, state: State) -> tuple[Array, Array]:
        """What is in members' wallets and accounts' tills after each slot. (T, N), (T, A) [money]"""
        from ._sums import running

        return running(state.wallet, dense(-self.total)), running(state.tills, dense(self.balances))


@dataclass(frozen=True, eq=False, kw_only=True)
class Ruling(Noun):
    """What the regulator decided: payments now, bans from the next window on."""

    banned_slots: Annotated[Index, "N"]
    entries: Entries
    bans: Bans = NO_BANS
    """Those that begin with the next slot."""
    carry: Carry = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class State(Noun):
    """All that one window leaves to the next."""

    level_kwh: PerDevice
    banned_slots: Annotated[Index, "N"]
    wallet: PerMember
    tills: PerAccount
    streams: Streams = SEEDED
    """Draws inside the loop, by name and slot."""
    carry: Carry = field(default_factory=dict)

    @classmethod
    def initial(cls, community: Community) -> State:
        """Before the first slot; wallets start at the trait `wallet_start`, else at 0."""
        members = community.shape[1]
        return cls(
            level_kwh=community.flexibility.level_start_kwh,
            banned_slots=np.zeros(members, np.int64),
            wallet=community.traits.get("wallet_start", np.zeros(members)),
            tills=np.zeros(len(Account)),
            streams=community.streams,
        )

    def access(self, now: Community, prices: Prices) -> Mask:
        """Who may trade, when: not in closed slots, not at odd prices (§13), not while banned. (T, N)"""
        may, regular = now.market_open[:, None], prices.regular_once
        if not regular.all():
            may = may & regular
        if self.banned_slots.any():
            may = may & (np.arange(now.shape[0])[:, None] >= self.banned_slots)
        return np.broadcast_to(may, now.shape)

    def after(
        self, schedule: Schedule, clearing: Clearing, bills: Bills, ruling: Ruling, left: tuple[Array, Array]
    ) -> State:
        """What the next window starts from; `left`: wallets and tills, slot by slot."""
        return State(
            level_kwh=schedule.level_kwh[-1],
            banned_slots=ruling.banned_slots,
            wallet=left[0][-1],
            tills=left[1][-1],
            streams=self.streams,
            carry={**self.carry, **clearing.carry, **bills.carry, **ruling.carry, **schedule.carry},
        )

    def unsettled(self, schedule: Schedule, clearing: Clearing, carry: Carry) -> State:
        """What the next window starts from where wallets, tills and bans are nobody's question."""
        kept = {**self.carry, **clearing.carry, **carry, **schedule.carry}
        return replace(self, level_kwh=schedule.level_kwh[-1], carry=kept)


@dataclass(frozen=True, eq=False, kw_only=True)
class Window(Noun):
    """Everything that happened in one stretch of slots, and the state before it and after."""

    access: OpenTN
    prices: Prices
    schedule: Schedule
    clearing: Clearing
    bills: Bills
    bans: Bans
    wallet_money: TN
    till_money: TA
    before: State
    state: State
    outlook: Outlook | None = None
    """What a planner believed that planned here; none where nothing was planned."""

    def columns(self) -> dict[str, Array]:
        """The stored form: what Parquet, audit and metrics read; names and units as in the glossary."""
        s, c, b = self.schedule, self.clearing, self.bills
        return {
            "import_kwh": s.import_kwh, "export_kwh": s.export_kwh,
            "unserved_kwh": s.unserved_kwh, "curtailed_kwh": s.curtailed_kwh,
            "charge_kwh": s.charge_kwh, "discharge_kwh": s.discharge_kwh, "level_kwh": s.level_kwh,
            "shortfall_kwh": s.shortfall_kwh,
            "bought_kwh": c.bought_kwh, "sold_kwh": c.sold_kwh,
            "buy_price": c.buy_price, "sell_price": c.sell_price,
            "energy_money": b.energy, "pool_money": b.pool,
            **{f"fee_money:{name}": money for name, money in b.fees.items()},
            "wallet_money": self.wallet_money,
            "account_money": b.accounts, "till_money": self.till_money,
            **_quoted(c.quotes), **({} if c.called_kwh is None else {"called_kwh": c.called_kwh}),
        }  # fmt: skip


def _quoted(quotes: Quotes | None) -> dict[str, Array]:
    """Columns of a book of orders, where there is one."""
    if quotes is None:
        return {}
    return {"quote_price": quotes.quote_price, "bid_kwh": quotes.bid_kwh, "ask_kwh": quotes.ask_kwh}


__all__ = [
    "Account",
    "Array",
    "Bans",
    "Bills",
    "Carry",
    "Certificate",
    "Charge",
    "Clearing",
    "Clock",
    "Community",
    "Connection",
    "Entries",
    "Fee",
    "Flexibility",
    "Index",
    "Mask",
    "Noun",
    "Outlook",
    "Planned",
    "Pool",
    "Positions",
    "Prices",
    "Quotes",
    "Routes",
    "Ruling",
    "Schedule",
    "Sessions",
    "Sharing",
    "State",
    "Streams",
    "Trades",
    "Window",
    "Zones",
]
