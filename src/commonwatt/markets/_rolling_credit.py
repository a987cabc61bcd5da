"""Bills in which energy given earns credit against energy drawn, from month to month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..flow import Array, Charge
from ..noun import TM, running_sum
from ..rules import Meter

YEAR = 12
"""Months to a true-up."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RollingCredit(Charge):
    """What a month's bill differs from energy drawn and given at their prices, slot by slot.

    What is drawn is charged, what is given is credited. A month owes its charges less its credits and those left from
    before; credit that is left waits. After twelve months comes the true-up. Carries by meter: the month's net charge
    and net energy; the credit waiting; what has been paid and charged this year, the year's net energy, and its months.
    """

    charged: TM
    """Part of the price of energy drawn that credits can pay. [money/kWh]"""
    credited: TM
    """For energy given. [money/kWh]"""
    expires: bool
    """Whether a true-up pays back what credits of later months cover, and ends those that are left."""
    net_surplus: float
    """For energy given beyond what was drawn, at the true-up. [money/kWh]"""

    def start(self, columns: int) -> Array:
        return np.zeros((7, columns))

    def add(self, carry: Array, reads: Meter) -> Array:
        money = reads.import_kwh * self.charged - reads.export_kwh * self.credited
        month = running_sum(carry[:2].ravel(), np.hstack([money, reads.import_kwh - reads.export_kwh]))
        return np.vstack([month.reshape(2, -1), carry[2:]])

    def amounts(self, carry: Array) -> Array:
        charge = carry[0]
        paid, _, back, surplus = self._closed(carry)
        owed: Array = paid - charge - back - surplus
        return owed

    def next(self, carry: Array, columns: int) -> Array:
        paid, left, _, _ = self._closed(carry)
        opened = np.zeros_like(carry)
        months = carry[6] + 1
        if months[0] >= YEAR:
            opened[2] = 0.0 if self.expires else left
            return opened
        opened[2:] = left, carry[3] + paid, carry[4] + carry[0], carry[5] + carry[1], months
        return opened

    def notes(self, carry: Array) -> dict[str, float]:
        left = self._closed(carry)[1]
        return {f"{self.reason}, credit that a member carries into the next month": float(left.max(initial=0.0))}

    def _closed(self, carry: Array) -> tuple[Array, Array, Array, Array]:
        """When the month closes: paid for it, credit left, paid back and for net surplus at a true-up. (M,) each"""
        charge, energy, waiting, before, charges, drawn, months = carry
        paid, left = np.maximum(charge - waiting, 0.0), np.maximum(waiting - charge, 0.0)
        nothing = np.zeros_like(paid)
        if months[0] + 1 < YEAR or not self.expires:
            return paid, left, nothing, nothing
        back = before + paid - np.maximum(charges + charge, 0.0)
        return paid, left, back, self.net_surplus * np.maximum(-(drawn + energy), 0.0)
