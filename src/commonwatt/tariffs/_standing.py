"""What a meter costs whether or not energy flows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..flow import Account, Array, Charge
from ..rules import Meter


@dataclass(frozen=True, eq=False, kw_only=True)
class DayCharge(Charge):
    """A fixed amount per meter and day."""

    rate: float

    @classmethod
    def of(cls, rate: float) -> DayCharge:
        """At `rate` [money/day], for the network."""
        return cls(period="day", payee=Account.NETWORK, reason="fixed charge", rate=rate)

    def start(self, columns: int) -> Array:
        return np.zeros(columns)

    def add(self, carry: Array, reads: Meter) -> Array:
        return carry

    def amounts(self, carry: Array) -> Array:
        return np.full(carry.shape, self.rate)

    def terms(self, carry: Array, hours: float) -> tuple[()]:
        return ()
