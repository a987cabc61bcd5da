"""Bill sharing: the coupling point's bill in proportion to energy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..clock import Period
from ..flow import Account, Array, Clearing, Community, Positions, Prices, Sharing, State
from ..noun import over_members, per_kwh, running_sum
from ..rules import Pooled
from . import Market, Promise
from ._prices import joint


class BillSharing(Market):
    """The pool's cost in proportion to what is bought, its income to what is sold; per slot or per period.

    Long et al. 2017, doi:10.1109/PESGM.2017.8274546. It can leave members worse off than alone.
    """

    kind: Literal["bill_sharing"] = "bill_sharing"
    scope: Literal["slot", "period"] = "slot"
    """Whether each slot's bill is shared, or that of a period."""
    period: Period = "month"
    """The stretch over which a bill is shared where the scope is a period."""

    @property
    def promise(self) -> Promise:
        scope = "slot" if self.scope == "slot" else self.period
        return Promise(world="one_meter", scope=scope, rational=False, in_band=False)

    def terms(self, prices: Prices, community: Community) -> Prices:
        if self.scope == "slot":
            return prices
        rule = SharedBill(period=self.period, payee=Account.OPERATOR, reason="bill sharing")
        return replace(prices, sharings=(*prices.sharings, rule))

    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        nothing = np.zeros(positions.shape[0])
        if self.scope == "period":
            return joint(positions, nothing, nothing)
        efficiency = prices.pool.efficiency
        short = np.maximum(positions.demand - efficiency * positions.supply, 0.0)
        spare = np.maximum(positions.supply - positions.demand / efficiency, 0.0)
        paid = np.minimum(positions.demand, efficiency * positions.supply) + spare
        return joint(
            positions,
            per_kwh(short * prices.coupling_buy, positions.demand),
            per_kwh(spare * prices.coupling_sell, paid),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class SharedBill(Sharing):
    """Carries what each member bought and was paid for, and the grid's cost and income."""

    def start(self, columns: int) -> Array:
        return np.zeros(2 * columns + 2)

    def add(self, carry: Array, reads: Pooled) -> Array:
        bought, sold = over_members(reads.bought_kwh), over_members(reads.sold_kwh)
        cost = np.maximum(bought - reads.efficiency * sold, 0.0) * reads.buy
        income = np.maximum(sold - bought / reads.efficiency, 0.0) * reads.sell
        rows = np.hstack([reads.bought_kwh, cost[:, None], reads.paid_kwh, income[:, None]])
        return running_sum(carry, rows)

    def amounts(self, carry: Array) -> Array:
        bought, sold = np.split(carry, 2)
        rates = [per_kwh(side[-1:], side[:-1].sum(keepdims=True)) for side in (bought, sold)]
        owed: Array = bought[:-1] * rates[0] - sold[:-1] * rates[1]
        return owed
