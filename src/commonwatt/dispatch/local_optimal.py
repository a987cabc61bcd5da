"""Every member for itself, as well as can be where neighbours trade."""

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..exchange import LEAST_KWH
from ..flow import Array, Community, Mask, Outlook, Prices
from ..noun import over_members
from . import Dispatch
from ._planned import Planner
from .member_optimal import MemberOptimal


class LocalOptimal(Planner):
    """The cheapest plan of every member at the prices that it expects among neighbours; proven at those prices.

    It stores where the forecast has energy left over among the members, at what the grid would pay for it, and sells
    where the forecast has them short, at what the grid would charge: the prices of a market of many. Elsewhere it goes
    by its own tariff. What is not bought or sold inside in the end meets the grid.
    """

    kind: Literal["local_optimal"] = "local_optimal"
    alike: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Part of all devices' power that is expected to do the same: only what is left over, or short, beyond that counts
    on neighbours. [-]"""

    def alone(self) -> Dispatch:
        return MemberOptimal(**{name: getattr(self, name) for name in Planner.model_fields if name != "kind"})

    def expected(self, outlook: Outlook) -> Prices:
        prices, efficiency = outlook.prices, outlook.prices.pool.efficiency
        if not prices.trading:
            return prices
        spare, short = self._counted(outlook.community, efficiency)
        fee = prices.pool.fee_per_kwh
        low, high = prices.coupling_sell[:, None] / efficiency + fee, efficiency * (prices.coupling_buy[:, None] - fee)
        buy = np.where(spare[:, None] & prices.regular, np.clip(low, prices.sell, prices.buy), prices.buy)
        sell = np.where(short[:, None] & prices.regular, np.clip(high, prices.sell, prices.buy), prices.sell)
        return replace(prices, buy=buy, sell=sell)

    def _counted(self, community: Community, efficiency: float) -> tuple[Mask, Mask]:
        """Slots in which neighbours have energy left over, or are short, whatever the devices do. (T,) each"""
        device, hours = community.flexibility, community.clock.hours
        net = community.load_kwh - community.pv_kwh
        left: Array = efficiency * over_members(np.maximum(-net, 0.0)) - over_members(np.maximum(net, 0.0))
        charge, discharge = (
            np.maximum(self.alike * hours * over_members(power), LEAST_KWH)
            for power in (device.charge_kw, device.discharge_kw)
        )
        return community.market_open & (left >= charge), community.market_open & (-left >= discharge)
