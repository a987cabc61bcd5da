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
