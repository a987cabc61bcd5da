"""Integers for energy and money: a millionth of a kWh (1 mWh) and a millionth of the currency (conventions §4)."""

from __future__ import annotations

import numpy as np

from ..noun import Array, Index

MICRO = 1_000_000
"""Units of a kWh, and of a unit of money."""


def micro(amount: float) -> int:
    """The nearest whole number of units."""
    return round(amount * MICRO)


def shared_out(amounts: Array) -> Index:
    """Amounts (P,) in units as whole numbers whose sum is the rounded sum: the largest remainders are rounded up."""
    low = np.floor(amounts)
    left = int(np.rint(amounts.sum()) - low.sum())
    up = np.argsort(low - amounts, kind="stable")[:left]
    whole: Index = low.astype(np.int64)
    whole[up] += 1
    return whole
