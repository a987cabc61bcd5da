"""What members bring to the pool, and what comes of it: the nouns between dispatch and settlement."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Annotated

import numpy as np

from .clock import Clock
from .envelope import Flexibility
from .noun import (
    TK,
    TN,
    Array,
    Carry,
    Mask,
    Noun,
    OpenTN,
    Row,
    RowIndex,
    Table,
    Words,
    dense,
    once,
    over_members,
    spread,
)

LEAST_KWH = 1e-9
"""Less does not change hands (§7). [kWh]"""
DIGITS = 9
"""Of kWh, to which energies that are ranked are compared: what differs by less is a tie."""


def allowed(access: Mask, kwh: Array) -> Array:
    """Energy of those who may trade, 0 for the others; the same array where all may. (T, N), (T, N) -> (T, N)"""
    may = once(access, columns=True)
    if may.all():
        return kwh
    if may.shape[1] > 1 or len(may) < len(kwh):
        return np.where(may, kwh, 0.0)
    out = kwh.copy()
    out[~may[:, 0]] = 0.0
    return out


def at_most(kwh: Array, most: float | None) -> Array:
    """Energy (T, N) up to a limit [kWh]; the same array where there is none."""
    return kwh if most is None else np.minimum(kwh, most)


@dataclass(frozen=True, eq=False, kw_only=True)
class Positions(Noun):
    """What a market sees: who wants, who has, what storage could still deliver, and the flows behind the meter."""

    clock: Clock
    access: OpenTN
    want_kwh: TN
    have_kwh: TN
    standby_kwh: TN
    """What members' storage could deliver on top, where the pool calls upon it; else 0."""
    served_kwh: TN
    used_kwh: TN
    charge_kwh: TK
    discharge_kwh: TK
    flexibility: Flexibility

    @property
    def shape(self) -> tuple[int, int]:
        """Slots and members."""
        return self.want_kwh.shape[0], self.want_kwh.shape[1]

    @cached_property
    def demand(self) -> Array:
        """What all members together want. (T,) [kWh]"""
        return over_members(self.want_kwh)

    @cached_property
    def supply(self) -> Array:
        """What all members together have, as sent. (T,) [kWh]"""
        return over_members(self.have_kwh)

    @cached_property
    def draw_kwh(self) -> Array:
        """Behind the meter, drawn: served load and charging. (T, N)"""
        return allowed(self.access, self.flexibility.beside(self.served_kwh, self.charge_kwh))

    @cached_property
    def make_kwh(self) -> Array:
        """Behind the meter, made: used PV and discharging. (T, N)"""
        return allowed(self.access, self.flexibility.beside(self.used_kwh, self.discharge_kwh))

    @cached_property
    def drawn(self) -> Array:
        """What all members together draw behind their meters. (T,) [kWh]"""
        return over_members(self.draw_kwh)

    @cached_property
    def made(self) -> Array:
        """What all members together make behind their meters. (T,) [kWh]"""
        return over_members(self.make_kwh)


@dataclass(frozen=True, eq=False, kw_only=True)
class Quotes(Noun):
    """What members ask for and offer: each on one side of a slot, at one price per kWh delivered."""

    quote_price: TN
    """The most a buyer pays, the least a seller takes; without meaning where nothing is quoted."""
    bid_kwh: TN
    """Wanted, as delivered."""
    ask_kwh: TN
    """Offered, as sent."""

    @classmethod
    def all_of(cls, positions: Positions, price: Array) -> Quotes:
        """Everybody quotes all it wants or has at its `price` (T, N) [money/kWh]."""
        return cls(quote_price=price, bid_kwh=positions.want_kwh, ask_kwh=positions.have_kwh)

    def mistake(self, positions: Positions) -> tuple[int, int, str] | None:
        """Row, member and what is wrong with its quote, for the first that cannot be taken; none where all are sound.

        A price is a finite number, energy neither negative nor more than the position, nobody on both sides.
        """
        quoted = (self.bid_kwh, positions.want_kwh), (self.ask_kwh, positions.have_kwh)
        checks = [
            (~np.isfinite(self.quote_price), "a price that is no finite number"),
            *((~(kwh >= 0), "energy that is negative or no number") for kwh, _ in quoted),
            *((kwh > most + LEAST_KWH, "more energy than it has a position for") for kwh, most in quoted),
            ((self.bid_kwh > LEAST_KWH) & (self.ask_kwh > LEAST_KWH), "a bid and an ask at once"),
        ]
        for wrong, what in checks:
            if wrong.any():
                row, member = np.argwhere(wrong)[0].tolist()
                return row, member, what
        return None


@dataclass(frozen=True, eq=False, kw_only=True)
class Trades(Table):
    """Bilateral trades, one row each, in delivered energy."""

    slot: RowIndex
    buyer: RowIndex
    seller: RowIndex
    kwh: Row
    sent_kwh: Row
    price: Row

    @classmethod
    def north_west(cls, first: int, bought: Array, sent: Array, efficiency: float, price: Array) -> Trades:
        """Rows that fill buyers in their order from sellers in theirs: at most buyers + sellers - 1 per slot.

        `bought` (delivered), `sent` and the buyers' `price` (T, N) from slot `first`; each slot's totals agree up to
        the efficiency. The order carries no meaning: a pool has no pairs, and these rows only say the same in the form
        that ledgers and pictures need.
        """
        from ._pairs import north_west

        (slot, buyer, seller), kwh = north_west(dense(bought), dense(sent * efficiency))
        return cls(
            slot=first + slot, buyer=buyer, seller=seller, kwh=kwh, sent_kwh=kwh / efficiency,
            price=price[slot, buyer],
        )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class Bans(Table):
    """Who is kept from trading, one row per decision, taken at the end of a slot."""

    slot: RowIndex
    member: RowIndex
    slots: RowIndex
    """How many, from the next one on."""
    reason: Annotated[Words, "R"]

    @classmethod
    def none(cls) -> Bans:
        """Nobody."""
        empty = np.empty(0, np.int64)
        return cls(slot=empty, member=empty, slots=empty, reason=np.empty(0, "U1"))

    @property
    def rows(self) -> int:
        """How many."""
        return int(self.slot.size)


@dataclass(frozen=True, eq=False, kw_only=True)
class Clearing(Noun):
    """Energy that goes through the pool, and at what price; the rest meets the grid.

    Bought energy is what is delivered, sold energy what is sent, prices are per kWh delivered. Behind one meter the
    pool also buys and sells for its members at the coupling point: bought and sold then need not match.
    """

    bought_kwh: TN
    sold_kwh: TN
    buy_price: TN
    sell_price: TN
    one_meter: bool = False
    paid_kwh: TN | None = None
    """What sellers are paid for, where what arrives of what they send depends on the buyer."""
    trades: Trades | None = None
    quotes: Quotes | None = None
    """What members bid and asked, where the mechanism takes orders."""
    called_kwh: TN | None = None
    """What members' storage delivers for it, where the pool calls upon storage; part of what is sold."""
    carry: Carry = field(default_factory=dict)

    @classmethod
    @lru_cache(maxsize=16)
    def none(cls, shape: tuple[int, int]) -> Clearing:
        """Nobody trades."""
        nothing = spread(0.0, shape)
        return cls(bought_kwh=nothing, sold_kwh=nothing, buy_price=nothing, sell_price=nothing)

    @cached_property
    def bought(self) -> Array:
        """All that is delivered to members. (T,) [kWh]"""
        return over_members(self.bought_kwh)

    @cached_property
    def sold(self) -> Array:
        """All that members send. (T,) [kWh]"""
        return over_members(self.sold_kwh)

    def delivered_kwh(self, efficiency: float) -> Array:
        """What arrives of what each member sends to others, among own meters. (T, N)"""
        return self.sold_kwh * efficiency if self.paid_kwh is None else self.paid_kwh

    def matched(self, efficiency: float) -> Array:
        """What members deliver to each other. (T,) [kWh]"""
        if self.paid_kwh is not None:
            return self.bought
        return np.minimum(self.bought, efficiency * self.sold)

    def coupling(self, efficiency: float) -> tuple[Array, Array]:
        """What the pool takes from and gives to the grid; losses fall on matched energy only. (T,) each [kWh]"""
        if not self.one_meter:
            return spread(0.0, self.bought.shape), spread(0.0, self.bought.shape)
        return (
            np.maximum(self.bought - efficiency * self.sold, 0.0),
            np.maximum(self.sold - self.bought / efficiency, 0.0),
        )

    def paid_share(self, efficiency: float) -> Array:
        """Part of what a seller sends that is paid for: matched energy as delivered, the grid's in full. (T,) [-]"""
        if efficiency == 1.0:
            return np.ones(self.sold.shape)
        if not self.one_meter:
            return np.full(self.sold.shape, efficiency)
        paid = self.matched(efficiency) + self.coupling(efficiency)[1]
        return np.divide(paid, self.sold, out=np.ones_like(paid), where=self.sold > 0)
