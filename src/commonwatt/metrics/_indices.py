"""Indices of how evenly something is spread."""

from __future__ import annotations

import math

import numpy as np

from ..noun import Array


def cov(x: Array) -> float:
    """Coefficient of variation, population standard deviation over |mean|; NaN at mean 0 or with mixed signs."""
    if x.size == 0 or (x.min() < 0 < x.max()) or abs(x.mean()) < 1e-12:
        return math.nan
    return float(x.std() / abs(x.mean()))


def gini(x: Array) -> float:
    """Gini index in [0, 1); NaN where a value is negative or all are 0: it has no meaning there."""
    if x.size == 0 or x.min() < 0 or x.sum() <= 0:
        return math.nan
    rank = 2 * np.arange(1, x.size + 1) - x.size - 1
    return float((rank * np.sort(x)).sum() / (x.size * x.sum()))


def jain(x: Array) -> float:
    """Jain's index, 1/N for one winner to 1 for all alike; 1 where all are 0, NaN where a value is negative."""
    if x.size == 0 or x.min() < 0:
        return math.nan
    square = float((x * x).sum())
    return float(x.sum() ** 2 / (x.size * square)) if square > 0 else 1.0
