"""The pool's own terms, given alike to dispatch, market and settlement."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat

from .registry import Settings


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

    @property
    def paired(self) -> bool:
        """Whether it matters who trades with whom."""
        return self.fee_per_trade > 0 or self.min_trade_kwh > 0 or self.refuse_losses

    @property
    def has_fees(self) -> bool:
        """Whether anything is owed for trading."""
        return self.fee_per_kwh > 0 or self.fee_per_trade > 0
