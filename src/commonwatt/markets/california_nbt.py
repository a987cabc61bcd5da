"""Net billing in California: energy drawn at retail, energy given at what it saves the grid."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ..flow import Account, Community, Prices
from ._billing import Billing
from ._rolling_credit import RollingCredit


class CaliforniaNbt(Billing):
    """Net billing tariff: energy drawn costs retail, energy given earns hourly credits, and nothing is netted.

    The tariff's selling price is the credit: give the avoided costs of one's utility as a `series`. A month owes its
    charges less its credits and those left from before, but for charges that nothing offsets; credits roll on, beyond
    the yearly true-up too. California Public Utilities Code 2827.1; CPUC Decision 22-12-056. The retailer bears it.
    Fixed charges are the tariff's own.
    """

    kind: Literal["california_nbt"] = "california_nbt"

    def terms(self, prices: Prices, community: Community) -> Prices:
        rule = RollingCredit(
            period="month", payee=Account.RETAILER, reason="net billing", netted=True,
            charged=prices.buy - self.value("not_offset"), credited=prices.sell, expires=False, net_surplus=0.0,
        )  # fmt: skip
        return replace(prices, charges=(*prices.charges, rule))
