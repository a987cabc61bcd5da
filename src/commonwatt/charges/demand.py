"""A charge on the highest power of a period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, NonNegativeFloat

from ..flow import Array, Charge, Community
from ..noun import PerSlot, over_time, times
from ..rules import Meter, PeakTerm
from . import ChargeRule

Hour = Annotated[float, Field(ge=0, le=24)]
Share = Annotated[float, Field(ge=0, le=1)]


class Demand(ChargeRule):
    """So much per kW of the highest mean power that a meter imported in any slot of the period.

    With a ratchet, a part of the highest peak of all earlier periods is owed at least. Behind one meter it reads the
    coupling point, and members bear it in proportion to what their own meters alone would have owed (§6).
    """

    kind: Literal["demand"] = "demand"
    rate: NonNegativeFloat = 8.0
    """Price of the period's highest power. [money/kW]"""
    hours: tuple[Hour, Hour] = (0.0, 24.0)
    """From and to which local hour power counts; from a later to an earlier hour: over midnight. [h]"""
    weekdays_only: bool = False
    """Whether power on Saturdays and Sundays is free."""
    ratchet: Share = 0.0
    """Part of the highest peak of earlier periods that is owed at least. [-]"""
    netted: bool = False
    """Whether energy traded inside is taken off the member's meter first (own meters only)."""

    def charge(self, community: Community) -> DemandCharge:
        clock = community.clock
        start, stop = self.hours
        after, before = clock.hour >= start, clock.hour < stop
        counts = (after & before) if start <= stop else (after | before)
        if self.weekdays_only:
            counts = counts & (clock.weekday < 5)
        return DemandCharge(
            period=self.period, payee=self.account, reason="demand charge", netted=self.netted,
            counts=counts.astype(np.float64), rate=self.rate, ratchet=self.ratchet,
        )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class DemandCharge(Charge):
    """Carries, meter by meter, the peak of the period and the highest of all earlier ones [kW]."""

    counts: PerSlot
    """1 where power counts, else 0."""
    rate: float
    ratchet: float

    def start(self, columns: int) -> Array:
        return np.zeros((2, columns))

    def add(self, carry: Array, reads: Meter) -> Array:
        power = times(reads.import_kwh, 1.0 / reads.hours) * self.counts[:, None]
        return np.stack([np.maximum(carry[0], over_time(power)), carry[1]])

    def amounts(self, carry: Array) -> Array:
        owed: Array = self.rate * self._billed(carry)
        return owed

    def next(self, carry: Array, columns: int) -> Array:
        return np.stack([np.zeros(columns), np.maximum(carry[0], carry[1])])

    def terms(self, carry: Array, hours: float) -> tuple[PeakTerm]:
        return (PeakTerm(weight=self.counts / hours, rate=self.rate, locked_kw=self._billed(carry)),)

    def _billed(self, carry: Array) -> Array:
        billed: Array = np.maximum(carry[0], self.ratchet * carry[1])
        return billed
