"""Simplified compensation in Spain: a month's surplus lowers the month's bill, at most to nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat

from ..flow import Account, Array, Community, Prices, Sharing
from ..noun import TN, over_members, running_sum
from ..rules import Pooled
from . import Promise
from ._allocating import PART, PLANT, Allocating
from ._keys import Key
from ._scheme import Scheme


class SpainCompensation(Scheme, Allocating):
    """Autoconsumo con excedentes: the energy of named plants is allotted by coefficients, hour by hour.

    What a member cannot use of its part, and what its own roof gives, is surplus; at the end of the month its worth at
    the member's selling price lowers the cost of what it drew, at most to 0. More is lost. Real Decreto 244/2019, art.
    14 and annex I. The retailer compensates. Plants belong to those that they are allotted to: they earn nothing.
    """

    kind: Literal["spain_compensation"] = "spain_compensation"
    key: Literal["static", "hourly_ex_ante"] = "static"
    """Coefficients that stay (`allocation_key` in members.csv), or one for every hour, fixed before."""
    price: NonNegativeFloat | None = 0.0
    """What members pay plants for energy that they use; 0: the plants are theirs. [money/kWh]"""

    @property
    def by(self) -> Key:
        return self.key

    @property
    def books(self) -> Promise:
        return replace(self.shared_promise, trades=bool(self.plant), efficient=False)

    def terms(self, prices: Prices, community: Community) -> Prices:
        inner = super().terms(prices, community)
        plant = inner.keys[PLANT] if self.plant else np.zeros_like(inner.keys[PLANT])
        rule = Compensation(
            period="month", payee=Account.RETAILER, reason="compensation of surplus", buy=prices.buy, sell=prices.sell,
            plant=plant, part=inner.keys[PART],
        )  # fmt: skip
        return replace(inner, keys={**inner.keys, PLANT: plant}, sharings=(*inner.sharings, rule))


@dataclass(frozen=True, eq=False, kw_only=True)
class Compensation(Sharing):
    """Carries each member's cost of energy drawn, worth of its surplus, and what its meter was paid already. (3 N,)"""

    buy: TN
    sell: TN
    plant: TN
    """1 for plants that are allotted."""
    part: TN
    """Of the plants' energy. [-]"""

    def start(self, columns: int) -> Array:
        return np.zeros(3 * columns)

    def add(self, carry: Array, reads: Pooled) -> Array:
        own, made = reads.export_kwh * (1 - self.plant), reads.export_kwh * self.plant
        allotted = self.part * over_members(made)[:, None]
        unused = np.maximum(allotted - reads.bought_kwh, 0.0)
        given_out = np.minimum(over_members(self.part), 1.0)[:, None]
        paid = own + np.maximum(made * given_out - reads.sold_kwh, 0.0)
        cost = (reads.import_kwh - reads.bought_kwh) * self.buy
        return running_sum(carry, np.hstack([cost, (own + unused) * self.sell, paid * self.sell]))

    def amounts(self, carry: Array) -> Array:
        cost, worth, paid = np.split(carry, 3)
        owed: Array = paid - np.minimum(worth, np.maximum(cost, 0.0))
        return owed
