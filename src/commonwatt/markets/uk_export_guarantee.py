"""The export guarantee of Great Britain: suppliers must buy what small plants give."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat

from ..flow import Community, Prices
from ..noun import spread
from ._billing import Billing


class UkExportGuarantee(Billing):
    """Smart Export Guarantee: a supplier pays for every exported kWh, at a price of its own making above zero.

    The Smart Export Guarantee Order 2019; electricity supply licence, standard conditions 57 and 58. The retailer pays.
    Plants up to 5 MW, metered by the half-hour.
    """

    kind: Literal["uk_export_guarantee"] = "uk_export_guarantee"
    export: Literal["flat", "tariff"] = "flat"
    """One price for all exports, or the tariff's own selling price, which may change by the half-hour."""
    price: NonNegativeFloat | None = None
    """The flat price; none: the file's. [money/kWh]"""

    def terms(self, prices: Prices, community: Community) -> Prices:
        if self.export == "tariff":
            return replace(
                prices, sell=np.maximum(prices.sell, 0.0), coupling_sell=np.maximum(prices.coupling_sell, 0.0)
            )  # fmt: skip
        flat = self.value("export_price") if self.price is None else self.price
        return replace(
            prices, sell=spread(flat, prices.sell.shape), coupling_sell=spread(flat, prices.coupling_sell.shape)
        )  # fmt: skip
