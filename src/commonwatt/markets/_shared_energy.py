"""Schemes that share energy by a key among own meters, and what is due on shared energy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from pydantic import NonNegativeFloat

from ..flow import Account, Array, Community, Prices, Sharing
from ..noun import running_sum
from ..rules import Pooled
from . import Promise
from ._allocating import Allocating
from ._scheme import Scheme


class SharedEnergy(Scheme, Allocating):
    """Energy of a shared plant by a key; grid fee and levies on it are owed every month."""

    grid_fee: NonNegativeFloat | None = None
    """Grid fee per kWh before any reduction by law; none: the file's. [money/kWh]"""

    @property
    def books(self) -> Promise:
        return self.shared_promise

    @property
    def reduction(self) -> float:
        """Part of the grid fee that is not due on shared energy. [-]"""
        return 0.0

    @property
    def fee(self) -> float:
        """Grid fee on shared energy. [money/kWh]"""
        full = self.value("grid_fee") if self.grid_fee is None else self.grid_fee
        return full * (1 - self.reduction)

    @property
    def levy(self) -> float:
        """Taxes and levies on shared energy. [money/kWh]"""
        return self.value("levy")

    def terms(self, prices: Prices, community: Community) -> Prices:
        due = {Account.NETWORK: ("grid fee", self.fee), Account.STATE: ("levies", self.levy)}
        rules = tuple(
            SharedFee(period="month", payee=payee, reason=f"{what} on shared energy", rate=rate)
            for payee, (what, rate) in due.items()
            if rate > 0
        )
        inner = super().terms(prices, community)
        return replace(inner, sharings=(*inner.sharings, *rules))


@dataclass(frozen=True, eq=False, kw_only=True)
class SharedFee(Sharing):
    """An amount per kWh that a member gets from others. Carries that energy, (N,)."""

    rate: float
    """[money/kWh]"""

    def start(self, columns: int) -> Array:
        return np.zeros(columns)

    def add(self, carry: Array, reads: Pooled) -> Array:
        return running_sum(carry, reads.bought_kwh)

    def amounts(self, carry: Array) -> Array:
        return self.rate * carry
