"""What a scorecard sums while records pass by: what is left over, what is gained, how far prices lie apart."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..accounts import Account
from ..coalitions import offered, shares, worth
from ..exchange import LEAST_KWH
from ..flow import Array, Mask, Prices, Routes
from ..noun import over_members
from ..record import Record


class Score(Protocol):
    """Sums something over the records of a run."""

    def take(self, record: Record, terms: Prices) -> None:
        """One window."""


@dataclass
class Residual:
    """What is left with the operator, its fees aside."""

    left: float = 0.0
    """[money]"""

    def take(self, record: Record, terms: Prices) -> None:
        """Adds one window."""
        account = record.columns["account_money"][:, Account.OPERATOR.column]
        fees = sum(float(money.sum()) for _, payee, money in record.fees() if payee == "operator")
        self.left += float(account.sum()) - fees + float(shares(record, terms, Account.OPERATOR).sum())


@dataclass
class Gain:
    """What trading gains for all together, the operator included, beside the most that it could."""

    reached: float = 0.0
    """[money]"""
    possible: Array = field(default_factory=lambda: np.zeros(1))
    """(1,) [money]"""

    def take(self, record: Record, terms: Prices) -> None:
        """Adds one window."""
        from .._games import gains_of_groups

        bid, ask = worth(terms)
        everybody = np.ones((1, bid.shape[1]), np.bool_)
        if terms.routes is None:
            self.possible = gains_of_groups(self.possible, bid, ask, *offered(record, terms), everybody)
        else:
            self.possible = self.possible + _best_ways(record, terms, terms.routes)
        bought, sold = record.columns["bought_kwh"], record.columns["sold_kwh"]
        if record.one_meter:
            inside = np.minimum(over_members(bought), over_members(sold) * terms.pool.efficiency)
            self.reached += float((inside * (bid[:, 0] - ask[:, 0])).sum())
        else:
            self.reached += float(over_members(bought * terms.buy - sold * terms.sell).sum())

    @property
    def part(self) -> float:
        """NaN where there is nothing to gain. [-]"""
        most = float(self.possible[0])
        return self.reached / most if most > LEAST_KWH else math.nan


def _best_ways(record: Record, terms: Prices, routes: Routes) -> float:
    """The most that trade could gain on the ways there are, with their losses. [money]"""
    from ..markets._transport import best_pairs

    c, best = record.columns, 0.0
    want, have = c["import_kwh"] * record.access, c["export_kwh"] * record.access
    for t in range(len(want)):
        buyers, sellers = (np.flatnonzero(kwh[t] > LEAST_KWH) for kwh in (want, have))
        pairs = np.repeat(buyers, sellers.size), np.tile(sellers, buyers.size)
        arrives = routes.efficiency(*pairs).reshape(buyers.size, sellers.size)
        gain = terms.buy[t, buyers][:, None] - terms.sell[t, sellers] / arrives
        buyer, seller, kwh = best_pairs(gain, want[t, buyers], have[t, sellers], arrives)
        best += float((gain[buyer, seller] * kwh).sum())
    return best


@dataclass
class Spread:
    """How far the prices of a slot lie apart, among those who buy or among those who sell."""

    total: float = 0.0
    """Sum over slots. [money/kWh]"""
    slots: int = 0
    """With any trade."""

    def take(self, record: Record, terms: Prices) -> None:
        """Adds one window."""
        c = record.columns
        sides = [(c["buy_price"], c["bought_kwh"] > LEAST_KWH), (c["sell_price"], c["sold_kwh"] > LEAST_KWH)]
        self.total += float(np.maximum(*(_range(price, who) for price, who in sides)).sum())
        self.slots += int((sides[0][1] | sides[1][1]).any(axis=1).sum())

    @property
    def mean(self) -> float:
        """NaN where nobody trades. [money/kWh]"""
        return self.total / self.slots if self.slots else math.nan


def _range(price: Array, who: Mask) -> Array:
    """Highest less lowest price of a slot; 0 where nobody is. (T,)"""
    highest = np.where(who, price, -np.inf).max(axis=1, initial=-np.inf)
    lowest = np.where(who, price, np.inf).min(axis=1, initial=np.inf)
    apart: Array = np.where(highest > lowest, highest - lowest, 0.0)
    return apart
