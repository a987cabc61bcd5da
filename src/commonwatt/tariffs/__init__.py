"""Tariffs: Community -> Prices, fees and charges included. One file per tariff."""

from __future__ import annotations

from abc import abstractmethod

from pydantic import NonNegativeFloat

from ..flow import Charge, Community, Prices
from ..registry import Plugin, discover
from ._standing import DayCharge


class Tariff(Plugin):
    """Says what the grid charges and pays each member and the coupling point."""

    fixed_per_day: NonNegativeFloat = 0.0
    """Fixed charge of every meter, for each local day that has a slot. [money/day]"""

    @abstractmethod
    def prices(self, community: Community) -> Prices:
        """Terms for the whole horizon, without the fixed charge."""

    def alone(self) -> Tariff:
        """What a member would pay on its own: its contract (§6, §14). The same, unless a pool gives it another."""
        return self

    def standing(self) -> tuple[Charge, ...]:
        """The fixed charge, as a rule."""
        return (DayCharge.of(self.fixed_per_day),) if self.fixed_per_day > 0 else ()


TARIFFS = discover(__name__, Tariff)  # type: ignore[type-abstract]
