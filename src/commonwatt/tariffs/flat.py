"""One price at any time."""

from typing import Annotated, Literal

from pydantic import Field

from ..flow import Community, Prices
from . import Tariff


class Flat(Tariff):
    """The same price at any hour; by default the mean of the time-of-use ladder over a day."""

    kind: Literal["flat"] = "flat"
    buy: float = 0.12
    """Price of imported energy. [money/kWh]"""
    export_ratio: Annotated[float, Field(ge=0, le=1)] = 0.4
    """Export price as a share of the import price. [-]"""

    def prices(self, community: Community) -> Prices:
        return Prices.common(self.buy, self.export_ratio * self.buy, community.shape)
