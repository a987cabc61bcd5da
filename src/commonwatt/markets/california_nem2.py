"""Net energy metering in California: energy given counts at retail, within a year."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from ..flow import Account, Community, Prices
from ._billing import Billing
from ._rolling_credit import RollingCredit


class CaliforniaNem2(Billing):
    """NEM 2.0: energy given is credited at the retail price of its time, less charges that nothing offsets.

    A month owes its charges less its credits and those left from earlier months. After twelve months the year is
    settled as a whole: what was paid beyond its net charge comes back, credit that is left expires, and energy given
    beyond what was drawn is paid for at a market price. California Public Utilities Code 2827 and 2827.1; CPUC Decision
    16-01-044. The retailer bears it. Fixed charges are the tariff's own.
    """

    kind: Literal["california_nem2"] = "california_nem2"

    def terms(self, prices: Prices, community: Community) -> Prices:
        retail = prices.buy - self.value("not_offset")
        rule = RollingCredit(
            period="month", payee=Account.RETAILER, reason="net energy metering", netted=True, charged=retail,
            credited=retail, expires=True, net_surplus=self.value("net_surplus"),
        )  # fmt: skip
        coupling = np.asarray(prices.coupling_buy - self.value("not_offset"))
        return replace(prices, sell=retail, coupling_sell=coupling, charges=(*prices.charges, rule))
