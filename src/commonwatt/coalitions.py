"""Whether a group of members would be better off on its own: sinks that keep what groups would pay, or gain."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .accounts import Account
from .flow import Array, Index, Mask, Prices
from .noun import dense, over_members, running_sum, spread
from .record import Record
from .streams import Streams

MOST, WORK = 16, 2**26
"""Members up to which every group is looked at, and most groups x slots for that; beyond, groups are sampled."""
LEAST_PAIRS, MOST_PAIRS = 2, 50
TOLERANCE = 1e-9


@dataclass
class Coalitions:
    """What the pool's members owe for its energy, and what groups of them would pay behind one meter of their own.

    Every group, by bit pattern, where there are few; else the first members of sampled orders and of their reverses,
    which finds a group that would leave, but not always the one with most reason to. Money before fees; where the pool
    loses energy, groups count what is paid for, as in its bills.
    """

    prices: Prices
    """For the whole horizon; behind one meter."""
    owed: Array = field(init=False)
    """(N,) [money]"""
    costs: Array = field(init=False)
    """(2^N,), or by order (K, N) [money]"""
    orders: Index = field(init=False)
    """Sampled orders (K, N); none where every group is looked at."""

    def __post_init__(self) -> None:
        slots, members = self.prices.buy.shape
        exact = members <= MOST and slots << members <= WORK
        pairs = 0 if exact else int(np.clip(WORK // (16 * slots * members), LEAST_PAIRS, MOST_PAIRS))
        self.owed, self.orders = np.zeros(members), _orders(pairs, members)
        self.costs = np.zeros(1 << members) if exact else np.zeros((2 * pairs, members))

    def take(self, record: Record) -> None:
        """Adds one window."""
        from ._games import costs_along_orders, costs_of_groups

        first, slots = record.clock.first, record.clock.slots
        terms = self.prices.window(first, first + slots)
        net, rates = _net(record, terms.pool.efficiency), (dense(terms.coupling_buy), dense(terms.coupling_sell))
        if self.orders.size:
            self.costs = costs_along_orders(self.costs, net, *rates, self.orders)
        else:
            self.costs = costs_of_groups(self.costs, net, *rates)
        self.owed = running_sum(self.owed, record.columns["pool_money"] + shares(record, terms))

    def excess(self) -> Array:
        """What each group looked at owes beyond what it would pay alone; all members together left out. [money]"""
        from ._games import sums_of_groups

        if not self.orders.size:
            every: Array = (sums_of_groups(self.owed) - self.costs)[1:-1]
            return every
        along: Array = np.cumsum(self.owed[self.orders], axis=1) - self.costs
        return along[:, :-1].ravel()

    @property
    def tolerance(self) -> float:
        """Below which an excess is rounding. [money]"""
        return TOLERANCE * (1 + float(np.abs(self.owed).sum()))


@dataclass
class Traders:
    """What members with meters of their own gain by trading, and what groups of them would among themselves.

    Every group, by bit pattern, where there are few; else sampled ones. Money before fees, by everybody's own prices;
    a seller gives up what the grid pays for all that must be sent.
    """

    prices: Prices
    """For the whole horizon; own meters."""
    gained: Array = field(init=False)
    """(N,) [money]"""
    possible: Array = field(init=False)
    """By group. (G,) [money]"""
    groups: Mask = field(init=False)
    """Who is in. (G, N)"""

    def __post_init__(self) -> None:
        slots, members = self.prices.buy.shape
        exact = members <= MOST and (slots * members) << members <= WORK
        count = int(np.clip(WORK // (slots * members), 2 * LEAST_PAIRS, 2 * MOST_PAIRS))
        self.groups = every_group(members) if exact else _sampled_groups(count, members)
        self.gained, self.possible = np.zeros(members), np.zeros(len(self.groups))

    def take(self, record: Record) -> None:
        """Adds one window."""
        from ._games import gains_of_groups

        first, slots = record.clock.first, record.clock.slots
        terms = self.prices.window(first, first + slots)
        bid, ask = worth(terms)
        want, have = offered(record, terms)
        self.possible = gains_of_groups(self.possible, bid, ask, want, have, self.groups)
        bought, sold = record.columns["bought_kwh"], record.columns["sold_kwh"]
        outside = bought * terms.buy - sold * terms.sell
        self.gained = running_sum(self.gained, outside - record.columns["pool_money"] - shares(record, terms))

    def excess(self) -> Array:
        """What each group looked at would gain beyond what its members do; everybody together left out. [money]"""
        from ._games import sums_of_groups

        members = self.gained.size
        if len(self.groups) == 1 << members:
            every: Array = (self.possible - sums_of_groups(self.gained))[1:-1]
            return every
        sampled: Array = self.possible - (self.groups * self.gained).sum(axis=1)
        return sampled


def every_group(members: int) -> Mask:
    """Who is in each group, by bit pattern; member 0 is the lowest bit. (2^N, N)"""
    found: Mask = (np.arange(1 << members)[:, None] >> np.arange(members)) & 1 == 1
    return found


def _sampled_groups(count: int, members: int) -> Mask:
    """Groups drawn by lot, of every size below all alike. (count, N)"""
    draws = Streams(0).at("groups")
    size = draws.integers(1, max(members, 2), count)
    rank = draws.permuted(np.tile(np.arange(members), (count, 1)), axis=1)
    found: Mask = rank < size[:, None]
    return found


def worth(terms: Prices) -> tuple[Array, Array]:
    """What a delivered kWh saves a buyer and costs a seller, before fees, at the prices they have outside. (T, N) each

    Behind one meter those of the coupling point. [money/kWh]
    """
    shape = terms.buy.shape
    if terms.one_meter:
        outside = (spread(price[:, None], shape) for price in (terms.coupling_buy, terms.coupling_sell))
    else:
        outside = (price for price in (terms.buy, terms.sell))
    buy, sell = outside
    return dense(buy), dense(sell / terms.pool.efficiency)


def offered(record: Record, terms: Prices) -> tuple[Array, Array]:
    """What members could trade: wanted, and had as delivered. (T, N) each [kWh]"""
    c, may = record.columns, record.access
    return dense(c["import_kwh"] * may), dense(c["export_kwh"] * may * terms.pool.efficiency)


def shares(record: Record, terms: Prices, payee: Account | None = None) -> Array:
    """What members owe by the mechanism's rules over a period, in its last slot; to `payee` only. (T, N) [money]"""
    rules = [rule.reason for rule in terms.sharings if payee in (None, rule.payee)]
    own = np.isin(record.entries.reason, rules)
    owed: Array = record.entries.kept(own).owed(record.clock.first, record.access.shape)
    return owed


def _orders(pairs: int, members: int) -> Index:
    draws = Streams(0).at("coalitions")
    orders = [draws.permutation(members) for _ in range(pairs)]
    return np.array([row for order in orders for row in (order, order[::-1])], np.int64).reshape(-1, members)


def _net(record: Record, efficiency: float) -> Array:
    """What each member draws through the pool, less what it is paid for. (T, N) [kWh]"""
    bought, sold = record.columns["bought_kwh"], record.columns["sold_kwh"]
    if efficiency == 1.0:
        return dense(bought - sold)
    taken, sent = over_members(bought), over_members(sold)
    paid = np.minimum(taken, efficiency * sent) + np.maximum(sent - taken / efficiency, 0.0)
    return dense(bought - sold * np.divide(paid, sent, out=np.ones_like(sent), where=sent > 0)[:, None])
