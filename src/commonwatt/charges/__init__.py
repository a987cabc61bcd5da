"""Charges: what a tariff adds to its prices per kWh, period by period. One file per charge."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from ..clock import Period
from ..flow import Account, Charge, Community
from ..registry import Plugin, discover


class ChargeRule(Plugin):
    """Says what every meter owes when a period closes, beyond prices per kWh."""

    period: Period = "month"
    """The stretch after which it is owed, by the local calendar; a stretch that the run cuts off counts as a whole."""
    payee: Literal["network", "retailer", "state", "operator"] = "network"
    """Who receives it."""

    @property
    def account(self) -> Account:
        """Who receives it, as an account."""
        return Account[self.payee.upper()]

    @abstractmethod
    def charge(self, community: Community) -> Charge:
        """The rule for the whole horizon."""


CHARGES = discover(__name__, ChargeRule)  # type: ignore[type-abstract]
