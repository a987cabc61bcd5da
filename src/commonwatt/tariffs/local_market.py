"""A spot price both ways, and a fee that the local market takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat

from ..flow import Account, Array, Community, Fee, Prices
from ..noun import PerSlot, spread
from ..rules import Meter
from . import Tariff


class LocalMarket(Tariff):
    """What neighbours do not take meets the grid at one spot price, and the market takes a fee from both sides.

    The price is the community's signal `market_price`; members decide by its signal `price_forecast` and the fee, as
    S3 does. Its fee rises with the square of the energy, so that it depends on the length of a slot and may cost a
    seller more than the energy brings; `power` gives the same fee in any slot length, `flat` is a fee per kWh.
    """

    kind: Literal["local_market"] = "local_market"
    price: float = 0.15
    """Spot price for a community without the signal `market_price`. [money/kWh]"""
    fee: NonNegativeFloat = 0.03
    """The fee: flat, per kWh; else per kWh and each kWh of it. [money/kWh, or money/kWh2]"""
    mode: Literal["quantity", "flat", "power"] = "quantity"
    """Whether the fee per kWh grows with a slot's energy, is the same for all, or grows with power."""
    floor: float | None = None
    """Least that a seller is left with per kWh after the fee; none: it may even pay. [money/kWh]"""

    def prices(self, community: Community) -> Prices:
        slots = community.shape[:1]
        spot = community.signals.get("market_price", spread(self.price, slots))
        forecast = community.signals.get("price_forecast", spot)
        fee = MarketFee(
            payee=Account.OPERATOR, reason="market fee", rate=self.fee, mode=self.mode, spot=np.array(spot),
            least=None if self.floor is None else np.full(slots, self.floor),
        )  # fmt: skip
        wide = [spread((forecast + sign * self.fee)[:, None], community.shape) for sign in (1.0, -1.0)]
        terms = Prices.common(np.array(spot), np.array(spot), community.shape)
        return replace(terms, fees=(fee,), expected_buy=wide[0], expected_sell=wide[1])


@dataclass(frozen=True, eq=False, kw_only=True)
class MarketFee(Fee):
    """A fee on what meets the grid, per kWh, per kWh squared, or per kWh and kW."""

    rate: float
    mode: str
    spot: PerSlot
    least: PerSlot | None
    """What a seller is left with at least; none: it may even pay. [money/kWh]"""

    def amounts(self, meter: Meter) -> Array:
        per_kwh = {"flat": 1.0, "quantity": 1.0, "power": 1.0 / meter.hours}[self.mode] * self.rate
        taken, given = (kwh if self.mode == "flat" else kwh * kwh for kwh in (meter.import_kwh, meter.export_kwh))
        paid = per_kwh * given
        if self.least is not None:
            paid = np.minimum(paid, np.maximum(self.spot - self.least, 0.0)[:, None] * meter.export_kwh)
        owed: Array = per_kwh * taken + paid
        return owed
