"""Tariffs: Community -> Prices, fees and charges included. One file per tariff."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

from pydantic import NonNegativeFloat

from ..charges import CHARGES, ChargeRule
from ..flow import Charge, Community, Prices
from ..registry import Plugin, discover, one_of
from ._standing import DayCharge


class Tariff(Plugin):
    """Says what the grid charges and pays each member and the coupling point."""

    level: NonNegativeFloat = 1.0
    """What all prices per kWh are multiplied by. [-]"""
    fixed_per_day: NonNegativeFloat = 0.0
    """Fixed charge of every meter, for each local day that has a slot. [money/day]"""
    charges: tuple[Annotated[ChargeRule, one_of(CHARGES)], ...] = ()
    """What is owed per period beyond prices per kWh: on peaks, on a month's energy."""

    @abstractmethod
    def prices(self, community: Community) -> Prices:
        """Terms for the whole horizon, before what any tariff may have: a level, charges."""

    def alone(self) -> Tariff:
        """What a member would pay on its own: its contract (§6, §14). The same, unless a pool gives it another."""
        return self

    def owed_per_period(self, community: Community) -> tuple[Charge, ...]:
        """The fixed charge and all others, as rules."""
        fixed = (DayCharge.of(self.fixed_per_day),) if self.fixed_per_day > 0 else ()
        return (*fixed, *(rule.charge(community) for rule in self.charges))


TARIFFS = discover(__name__, Tariff)  # type: ignore[type-abstract]
