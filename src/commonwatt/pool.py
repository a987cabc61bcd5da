"""The pool's own terms, given alike to dispatch, market and settlement."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from .registry import Settings


class Standby(Settings):
    """Storage that members offer to their neighbours where buyers want more than sellers have.

    Asked are members that neither buy nor sell, who could deliver most first, until buyers' want is met. What the
    market takes is discharged in that very slot; the rest stays where it is. Only markets that take orders call it.
    """

    threshold_kw: NonNegativeFloat = 0.05
    """How much more buyers must want than sellers have. [kW]"""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Most that is offered of what storage could still deliver. [-]"""


class Pool(Settings):
    """What holds inside the community, whoever clears it."""

    efficiency: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Energy delivered per energy sent, on what is matched inside; both sides are paid on delivered energy. [-]"""
    fee_per_kwh: NonNegativeFloat = 0.0
    """Fee on what is matched inside, half from each side. [money/kWh]"""
    fee_payee: Literal["operator", "network", "state", "fund"] = "operator"
    """Who receives the fee."""
    fee_per_trade: NonNegativeFloat = 0.0
    """Fixed fee on every trade between two members in a slot, half from each. [money]"""
    min_trade_kwh: NonNegativeFloat = 0.0
    """Least that two members trade in a slot; less is settled with the grid, unless a limit leaves no room. [kWh]"""
    refuse_losses: bool = False
    """Whether members settle with the grid what would cost either of them more in fees than it brings. [yes or no]"""
    most_kw: PositiveFloat | None = None
    """Most that a member buys or sells inside, as power; the rest meets the grid. None: no limit. [kW]"""
    standby: Standby | None = None
    """Whether and how storage is called upon where buyers want more than sellers have. None: it is not."""

    @property
    def paired(self) -> bool:
        """Whether it matters who trades with whom."""
        return self.fee_per_trade > 0 or self.min_trade_kwh > 0 or self.refuse_losses

    @property
    def has_fees(self) -> bool:
        """Whether anything is owed for trading."""
        return self.fee_per_kwh > 0 or self.fee_per_trade > 0

    @property
    def stride(self) -> int | None:
        """Slots after which what the market does to devices must be known; None: it does nothing. [slots]"""
        return 1 if self.standby else None

    @property
    def needs_orders(self) -> bool:
        """Whether its terms are about single offers, so that a market must take some."""
        return self.standby is not None or self.most_kw is not None
