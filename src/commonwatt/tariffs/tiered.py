"""A price that rises with the month's energy."""

from typing import Annotated, Literal

from pydantic import Field

from ..charges import CHARGES, ChargeRule
from ..charges.tiers import Tiers
from ..flow import Community, Prices
from ..registry import one_of
from . import Tariff


class Tiered(Tariff):
    """One price at any hour, dearer from block to block of the month's energy; any other tariff may have tiers too."""

    kind: Literal["tiered"] = "tiered"
    buy: float = 0.10
    """Price of imported energy below the first threshold. [money/kWh]"""
    export_ratio: Annotated[float, Field(ge=0, le=1)] = 0.4
    """Export price as a share of that price. [-]"""
    charges: tuple[Annotated[ChargeRule, one_of(CHARGES)], ...] = (Tiers(),)
    """What is owed per period beyond prices per kWh; by default, for energy above 200 and 400 kWh a month."""

    def prices(self, community: Community) -> Prices:
        return Prices.common(self.buy, self.export_ratio * self.buy, community.shape)
