"""What a member gains by a misreport: a price that is not its own, or energy kept out of the pool."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from ..exchange import LEAST_KWH
from ..flow import Array, Clearing, Community, Prices, Quotes, Schedule, State
from ..markets import Market
from ..markets._auction import Auction
from ..noun import spread
from ..record import Record
from ..settlement import owed
from ..streams import Streams

FINE = 1e-9
"""A gain that is no larger, by unit of what is at stake, is rounding. [-]"""


class Misreports(Protocol):
    """Sees the records of a run, and tells what misreports would have gained."""

    what: str
    """What is misreported."""

    def take(self, record: Record, terms: Prices) -> None:
        """One window."""

    def gains(self) -> tuple[float, float]:
        """The largest gain [money], and the part of the misreports tried that pay [-]."""


@dataclass
class Shifted:
    """One member of a slot at a time quotes another price, and the slot is cleared again with everybody else's quote.

    Its own quote counts as what the energy is worth to it. The member and the shift are drawn; a shift is at most as
    wide as the slot's quotes lie apart. Lots of the mechanism stay as they were.
    """

    market: Auction
    lots: Streams
    """Of the run."""
    tried: int
    """Misreports in each slot."""
    draws: Streams
    what: str = "price"
    largest: float = 0.0
    paying: int = 0
    count: int = 0

    def take(self, record: Record, terms: Prices) -> None:
        """Adds one window."""
        quotes = quotes_of(record)
        honest = self.market.outcome(quotes, record.clock, terms, self.lots)
        quoting = (quotes.bid_kwh > LEAST_KWH) | (quotes.ask_kwh > LEAST_KWH)
        slots, efficiency = np.flatnonzero(quoting.any(axis=1)), terms.pool.efficiency
        price = np.where(quoting, quotes.quote_price, np.nan)[slots]
        width = np.nanmax(price, axis=1) - np.nanmin(price, axis=1)
        for k in range(self.tried):
            drawn = self.draws.rows(f"misreport {k}", record.clock.first, (len(quoting), quoting.shape[1] + 1))
            who = np.where(quoting, drawn[:, :-1], -1.0).argmax(axis=1)[slots]
            lied = np.array(quotes.quote_price)
            lied[slots, who] += (2.0 * drawn[slots, -1] - 1.0) * width
            other = self.market.outcome(replace(quotes, quote_price=lied), record.clock, terms, self.lots)
            won = [_won(quotes, cleared, efficiency)[slots, who] for cleared in (honest, other)]
            self._count(won[1] - won[0], _stake(quotes)[slots, who])

    def _count(self, gain: Array, stake: Array) -> None:
        pays = gain > FINE * (1.0 + stake)
        self.largest = max(self.largest, float(gain[pays].max(initial=0.0)))
        self.paying += int(pays.sum())
        self.count += gain.size

    def gains(self) -> tuple[float, float]:
        """The largest gain [money], and the part of the misreports tried that pay [-]."""
        return self.largest, self.paying / self.count if self.count else 0.0


def quotes_of(record: Record) -> Quotes:
    """The book of a window, as stored."""
    c = record.columns
    return Quotes(quote_price=c["quote_price"], bid_kwh=c["bid_kwh"], ask_kwh=c["ask_kwh"])


def _won(quotes: Quotes, cleared: Clearing, efficiency: float) -> Array:
    """What each member wins by trading, if its quote says what the energy is worth to it. (T, N) [money]"""
    bought = cleared.bought_kwh * (quotes.quote_price - cleared.buy_price)
    return bought + cleared.delivered_kwh(efficiency) * (cleared.sell_price - quotes.quote_price)


def _stake(quotes: Quotes) -> Array:
    """What each quote is about. (T, N) [money]"""
    return (quotes.bid_kwh + quotes.ask_kwh) * abs(quotes.quote_price)


@dataclass
class Replay:
    """The pool's part of a run done again on the flows that it had; a member keeps some of its energy out of it."""

    market: Market
    state: State
    sums: Array
    """What everybody owes so far. (N,) [money]"""
    member: int = 0
    kept_out: float = 0.0
    """Part of its energy, both ways. [-]"""

    def take(self, record: Record, terms: Prices, schedule: Schedule) -> None:
        """Adds one window."""
        positions = schedule.positions(record.access)
        if self.kept_out:
            brought = np.ones(positions.shape[1])
            brought[self.member] -= self.kept_out
            want, have = (kwh * brought for kwh in (positions.want_kwh, positions.have_kwh))
            positions = replace(positions, want_kwh=want, have_kwh=have)
        cleared = self.market.clear(positions, terms, self.state)
        self.sums, carry = owed(schedule, terms, cleared, self.state, self.sums)
        self.state = self.state.unsettled(schedule, cleared, carry)


@dataclass
class KeptOut:
    """One member at a time brings only a part of its energy to the pool, all the time; the rest meets its own meter.

    The member and the part are drawn. Devices do as they did.
    """

    community: Community
    market: Market
    tried: int
    """Misreports in all."""
    draws: Streams
    what: str = "energy"
    replays: list[Replay] = field(init=False)
    """The run as it was, then every misreport."""

    def __post_init__(self) -> None:
        members, start = self.community.shape[1], State.initial(self.community)
        drawn = self.draws.rows("misreport", 0, (self.tried, 2))
        lies = [(0, 0.0), *((int(who * members), 1.0 - part) for who, part in drawn)]
        self.replays = [Replay(self.market, start, np.zeros(members), *lie) for lie in lies]

    def take(self, record: Record, terms: Prices) -> None:
        """Adds one window."""
        first = record.clock.first
        schedule = scheduled(record, self.community.window(first, first + record.clock.slots))
        for replay in self.replays:
            replay.take(record, terms, schedule)

    def gains(self) -> tuple[float, float]:
        """The largest gain [money], and the part of the misreports tried that pay [-]."""
        honest, lies = self.replays[0], self.replays[1:]
        gain = np.array([honest.sums[lie.member] - lie.sums[lie.member] for lie in lies])
        pays = gain > FINE * (1.0 + abs(honest.sums).sum())
        return float(gain[pays].max(initial=0.0)), float(pays.mean()) if lies else 0.0


def scheduled(record: Record, now: Community) -> Schedule:
    """What every member and device did in a stored window."""
    c, none = record.columns, spread(0.0, (len(record.access), 0))
    charge, discharge, level, shortfall = (
        c[name] if c[name].shape[1] else none for name in ("charge_kwh", "discharge_kwh", "level_kwh", "shortfall_kwh")
    )
    return Schedule(
        clock=now.clock, load_kwh=now.load_kwh, pv_kwh=now.pv_kwh, unserved_kwh=c["unserved_kwh"],
        curtailed_kwh=c["curtailed_kwh"], charge_kwh=charge, discharge_kwh=discharge, level_kwh=level,
        shortfall_kwh=shortfall, flexibility=now.flexibility,
    )  # fmt: skip
