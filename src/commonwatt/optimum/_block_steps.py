"""Compiled: directions of bounds' duals, step lengths and steps of the variables of all tiles, element by element.

A bound at distance w with dual z has the product w z. Directions of duals are kept as shares r of the dual: Newton's
equation for a product that is to change by t is r = t / (w z) - dw / w.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from ._block_tables import (
    ABOVE,
    BELOW,
    BY_ABOVE,
    BY_BELOW,
    LOWER,
    MORE,
    MORE_LOWER,
    MORE_UPPER,
    MOVE,
    MOVE_LOWER,
    MOVE_UPPER,
    REST,
    UPPER,
    WISH,
)  # fmt: skip

INTEGERS, GRID, TABLE = types.int64[:, ::1], types.float64[:, ::1], types.float64[:, :, ::1]
ROW = types.float64[::1]


@njit(error_model="numpy")
def _add(out: Any, factor: Any, x: Any) -> None:
    """Out + factor x."""
    for m in range(out.size):
        out[m] += factor * x[m]


@njit(error_model="numpy")
def _pull(by: Any, dual: Any, step: Any, share: Any, sign: Any, aim: Any, out: Any) -> None:
    """Out = how much a bound's product is to change, as a share of it: to where it is brought into limits after a step.

    aim: trial steps (primal, dual), least and most product, most that one may fall. 0 for what is fixed.
    """
    primal, along, least, most, fall = sign * aim[0], aim[1], aim[2], aim[3], aim[4]
    for m in range(out.size):
        by_product = by[m] / (dual[m] if dual[m] > 0.0 else 1.0)
        after = (1.0 + primal * step[m] * by[m]) * (1.0 + along * share[m])
        wish = max(min(max(after, least * by_product), most * by_product) - after, -fall * by_product)
        out[m] = wish if dual[m] > 0.0 else 0.0


@njit(error_model="numpy")
def _fall(by: Any, step: Any, sign: Any, start: Any, out: Any) -> None:
    """Out = start - sign step / distance: how a dual answers, as a share of it."""
    for m in range(out.size):
        out[m] = start - sign * step[m] * by[m]


@njit(error_model="numpy")
def _furthest(sign: Any, step: Any, more: Any, weight: Any, by: Any, ratio: Any) -> None:
    """Ratio = the higher of what it is and of sign (step + weight more) by."""
    for m in range(ratio.size):
        x = sign * (step[m] + weight * more[m]) * by[m]
        ratio[m] = x if x > ratio[m] else ratio[m]


@njit(error_model="numpy")
def _furthest_share(share: Any, more: Any, weight: Any, ratio: Any) -> None:
    """Ratio = the higher of what it is and of - (share + weight more)."""
    for m in range(ratio.size):
        x = -(share[m] + weight * more[m])
        ratio[m] = x if x > ratio[m] else ratio[m]


@njit(error_model="numpy")
def _inverse_steps(v: Any, weight: Any, ratio: Any) -> None:
    """Into ratio (2, M): inverses of the longest steps of a variable and its duals, direction + weight correction."""
    _furthest(-1.0, v[MOVE], v[MORE], weight, v[BY_BELOW], ratio[0])
    _furthest(1.0, v[MOVE], v[MORE], weight, v[BY_ABOVE], ratio[0])
    _furthest_share(v[MOVE_LOWER], v[MORE_LOWER], weight, ratio[1])
    _furthest_share(v[MOVE_UPPER], v[MORE_UPPER], weight, ratio[1])


@njit(error_model="numpy")
def _add_products(distance: Any, dual: Any, step: Any, share: Any, sign: Any, sums: Any) -> None:
    """Adds to sums (3, M) what changes of the distance, of the dual and of both do to a bound's product."""
    a, b, c = sums[0], sums[1], sums[2]
    for m in range(a.size):
        a[m] += sign * step[m] * dual[m]
    for m in range(a.size):
        b[m] += distance[m] * dual[m] * share[m]
    for m in range(a.size):
        c[m] += sign * step[m] * dual[m] * share[m]


@njit([types.void(types.int64, types.int64, INTEGERS, TABLE, ROW)], error_model="numpy", cache=True, nogil=True)
def wish(start: Any, stop: Any, spans: Any, variables: Any, aim: Any) -> None:
    """Right-hand sides of rows spans[start..stop]: of a corrector with an aim (see `_pull`), else the predictor."""
    for r in range(spans[start, 0], spans[stop - 1, 1]):
        v = variables[r]
        out, lower, upper, by_lower, by_upper = v[WISH], v[LOWER], v[UPPER], v[MORE_LOWER], v[MORE_UPPER]
        if aim.size:
            _pull(v[BY_BELOW], lower, v[MOVE], v[MOVE_LOWER], 1.0, aim, by_lower)
            _pull(v[BY_ABOVE], upper, v[MOVE], v[MOVE_UPPER], -1.0, aim, by_upper)
            for m in range(out.size):
                out[m] = by_upper[m] * upper[m] - by_lower[m] * lower[m]
        else:
            rest = v[REST]
            for m in range(out.size):
                out[m] = rest[m] + lower[m] - upper[m]


@njit([types.void(types.int64, types.int64, INTEGERS, TABLE, GRID)], error_model="numpy", cache=True, nogil=True)
def predicted(start: Any, stop: Any, spans: Any, variables: Any, found: Any) -> None:
    """Duals of bounds in the predictor; found (G, 5): inverse steps, and what a step of variables, duals, both adds."""
    for g in range(start, stop):
        ratio, sums = np.zeros((2, variables.shape[2])), np.zeros((3, variables.shape[2]))
        for r in range(spans[g, 0], spans[g, 1]):
            v = variables[r]
            _fall(v[BY_BELOW], v[MOVE], 1.0, -1.0, v[MOVE_LOWER])
            _fall(v[BY_ABOVE], v[MOVE], -1.0, -1.0, v[MOVE_UPPER])
            _inverse_steps(v, 0.0, ratio)
            _add_products(v[BELOW], v[LOWER], v[MOVE], v[MOVE_LOWER], 1.0, sums)
            _add_products(v[ABOVE], v[UPPER], v[MOVE], v[MOVE_UPPER], -1.0, sums)
        for k in range(2):
            found[g, k] = ratio[k].max()
        for k in range(3):
            found[g, 2 + k] = sums[k].sum()


@njit([types.void(types.int64, types.int64, INTEGERS, TABLE, ROW, TABLE)], error_model="numpy", cache=True, nogil=True)
def corrected(start: Any, stop: Any, spans: Any, variables: Any, weights: Any, found: Any) -> None:
    """Duals of bounds in a corrector; found (G, W, 2): inverse steps along direction + weight correction."""
    for g in range(start, stop):
        ratio = np.zeros((weights.size, 2, variables.shape[2]))
        for r in range(spans[g, 0], spans[g, 1]):
            v = variables[r]
            for side, by, sign in ((MORE_LOWER, BY_BELOW, -1.0), (MORE_UPPER, BY_ABOVE, 1.0)):
                share, more, inverse = v[side], v[MORE], v[by]
                for m in range(share.size):
                    share[m] += sign * more[m] * inverse[m]
            for k in range(weights.size):
                _inverse_steps(v, weights[k], ratio[k])
        for k in range(weights.size):
            found[g, k, 0], found[g, k, 1] = ratio[k, 0].max(), ratio[k, 1].max()


@njit(
    [types.void(types.int64, types.int64, INTEGERS, TABLE, types.float64)], error_model="numpy", cache=True, nogil=True
)
def blend(start: Any, stop: Any, spans: Any, variables: Any, weight: Any) -> None:
    """Direction + weight correction."""
    for r in range(spans[start, 0], spans[stop - 1, 1]):
        v = variables[r]
        _add(v[MOVE], weight, v[MORE])
        _add(v[MOVE_LOWER], weight, v[MORE_LOWER])
        _add(v[MOVE_UPPER], weight, v[MORE_UPPER])


@njit(
    [types.void(types.int64, types.int64, INTEGERS, TABLE, types.float64, types.float64, ROW)],
    error_model="numpy",
    cache=True,
    nogil=True,
)
def step(start: Any, stop: Any, spans: Any, variables: Any, primal: Any, dual: Any, found: Any) -> None:
    """Takes a step; found (G,): the sum of all products after it."""
    for g in range(start, stop):
        products = np.zeros(variables.shape[2])
        for r in range(spans[g, 0], spans[g, 1]):
            v = variables[r]
            _add(v[BELOW], primal, v[MOVE])
            _add(v[ABOVE], -primal, v[MOVE])
            for distance, bound, share in ((BELOW, LOWER, MOVE_LOWER), (ABOVE, UPPER, MOVE_UPPER)):
                w, z, r_ = v[distance], v[bound], v[share]
                for m in range(z.size):
                    z[m] *= 1.0 + dual * r_[m]
                for m in range(z.size):
                    products[m] += w[m] * z[m]
        found[g] = products.sum()
