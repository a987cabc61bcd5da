"""Whether a group of members would pay less on a meter of its own: a sink that keeps what groups would pay."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .flow import Array, Index, Prices
from .noun import dense, over_members, running_sum
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
        shared = np.isin(record.entries.reason, [rule.reason for rule in terms.sharings])
        owed = record.columns["pool_money"] + record.entries.kept(shared).owed(first, net.shape)
        self.owed = running_sum(self.owed, owed)

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
