"""Compiled: Cholesky factors of a symmetric matrix and solutions by them, always in the same order of operations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

GRID, ROW = types.float64[:, ::1], types.float64[::1]
PANEL = 4
"""Rows worked out together before all below take them in."""


@njit(error_model="numpy")
def _panel(a: Any, first: Any, last: Any) -> None:
    """Rows first..last of the factor; one that depends on others is left out, as if its pivot were without end."""
    for p in range(first, last):
        row = a[p, p:]
        for q in range(first, p):
            factor, other = a[q, p], a[q, p:]
            for c in range(row.size):
                row[c] -= factor * other[c]
        root = 1.0 / np.sqrt(row[0] if row[0] > 0.0 else 1e128)
        for c in range(row.size):
            row[c] *= root
        a[p, p] = a[p, p] if a[p, p] > 0.0 else 1e64


@njit([types.void(GRID)], error_model="numpy", cache=True, nogil=True)
def factorise(a: Any) -> None:
    """Turns the upper triangle of a (n, n) into U with U'U = a."""
    n = a.shape[0]
    for first in range(0, n, PANEL):
        last = min(first + PANEL, n)
        _panel(a, first, last)
        if last - first < PANEL:
            break
        for r in range(last, n):
            row, u, v, w, x = a[r, r:], a[first, r:], a[first + 1, r:], a[first + 2, r:], a[first + 3, r:]
            f, g, h, i = u[0], v[0], w[0], x[0]
            for c in range(row.size):
                row[c] -= (f * u[c] + g * v[c]) + (h * w[c] + i * x[c])


@njit([types.void(GRID, ROW)], error_model="numpy", cache=True, nogil=True)
def solve(u: Any, x: Any) -> None:
    """Solves U'U x = right-hand side, in place. (n, n), (n,)"""
    n = x.size
    for p in range(n):
        x[p] /= u[p, p]
        rest, row, factor = x[p + 1 :], u[p, p + 1 :], x[p]
        for c in range(rest.size):
            rest[c] -= factor * row[c]
    for p in range(n - 1, -1, -1):
        total = x[p]
        for c in range(p + 1, n):
            total -= u[p, c] * x[c]
        x[p] = total / u[p, p]
