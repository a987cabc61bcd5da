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
ROW, TABLES = types.float64[::1], types.float64[:, :, :, ::1]
RANGE = types.int64, types.int64, INTEGERS, INTEGERS
"""Groups start..stop of tiles, and the rows of each tile."""


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


@njit([types.void(*RANGE, TABLE, ROW)], error_model="numpy", cache=True, nogil=True)
def wish(start: Any, stop: Any, groups: Any, spans: Any, variables: Any, aim: Any) -> None:
    """Right-hand sides of a corrector with an aim (see `_pull`), else of the predictor."""
    for r in range(spans[groups[start, 0], 0], spans[groups[stop - 1, 1] - 1, 1]):
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


@njit(error_model="numpy")
def _by_lane(ratio: Any, found: Any) -> None:
    """Found (L,) = the highest of all slots. (M,)"""
    lanes = found.size
    found[:] = 0.0
    table = ratio.reshape(ratio.size // lanes, lanes)
    for t in range(len(table)):
        for j in range(lanes):
            found[j] = table[t, j] if table[t, j] > found[j] else found[j]


@njit([types.void(*RANGE, TABLE, TABLE, GRID)], error_model="numpy", cache=True, nogil=True)
def predicted(start: Any, stop: Any, groups: Any, spans: Any, variables: Any, longest: Any, found: Any) -> None:
    """Duals of bounds in the predictor; longest (C, 2, L): inverse steps of the variables and duals of each member.

    found (G, 3): what steps of variables, of duals and of both add to products.
    """
    for g in range(start, stop):
        sums = np.zeros((3, variables.shape[2]))
        for c in range(groups[g, 0], groups[g, 1]):
            ratio = np.zeros((2, variables.shape[2]))
            for r in range(spans[c, 0], spans[c, 1]):
                v = variables[r]
                _fall(v[BY_BELOW], v[MOVE], 1.0, -1.0, v[MOVE_LOWER])
                _fall(v[BY_ABOVE], v[MOVE], -1.0, -1.0, v[MOVE_UPPER])
                _inverse_steps(v, 0.0, ratio)
                _add_products(v[BELOW], v[LOWER], v[MOVE], v[MOVE_LOWER], 1.0, sums)
                _add_products(v[ABOVE], v[UPPER], v[MOVE], v[MOVE_UPPER], -1.0, sums)
            for k in range(2):
                _by_lane(ratio[k], longest[c, k])
        for k in range(3):
            found[g, k] = sums[k].sum()


@njit([types.void(*RANGE, TABLE, ROW, TABLES)], error_model="numpy", cache=True, nogil=True)
def corrected(start: Any, stop: Any, groups: Any, spans: Any, variables: Any, weights: Any, longest: Any) -> None:
    """Duals of bounds in a corrector; longest (W, C, 2, L): inverse steps along direction + weight correction."""
    for c in range(groups[start, 0], groups[stop - 1, 1]):
        ratio = np.zeros((weights.size, 2, variables.shape[2]))
        for r in range(spans[c, 0], spans[c, 1]):
            v = variables[r]
            for side, by, sign in ((MORE_LOWER, BY_BELOW, -1.0), (MORE_UPPER, BY_ABOVE, 1.0)):
                share, more, inverse = v[side], v[MORE], v[by]
                for m in range(share.size):
                    share[m] += sign * more[m] * inverse[m]
            for k in range(weights.size):
                _inverse_steps(v, weights[k], ratio[k])
        for k in range(weights.size):
            _by_lane(ratio[k, 0], longest[k, c, 0])
            _by_lane(ratio[k, 1], longest[k, c, 1])


@njit([types.void(*RANGE, TABLE, types.float64)], error_model="numpy", cache=True, nogil=True)
def blend(start: Any, stop: Any, groups: Any, spans: Any, variables: Any, weight: Any) -> None:
    """Direction + weight correction."""
    for r in range(spans[groups[start, 0], 0], spans[groups[stop - 1, 1] - 1, 1]):
        v = variables[r]
        _add(v[MOVE], weight, v[MORE])
        _add(v[MOVE_LOWER], weight, v[MORE_LOWER])
        _add(v[MOVE_UPPER], weight, v[MORE_UPPER])


@njit(error_model="numpy")
def _advance(v: Any, steps: Any) -> None:
    """Moves a variable, each lane's as far as its step (L,) says."""
    lanes = steps.size
    below, above, move = v[BELOW], v[ABOVE], v[MOVE]
    for first in range(0, move.size, lanes):
        for j in range(lanes):
            below[first + j] += steps[j] * move[first + j]
            above[first + j] -= steps[j] * move[first + j]


@njit(error_model="numpy")
def _rise(distance: Any, dual: Any, step: Any, share: Any, products: Any) -> None:
    """Moves a bound's dual; adds its product to products (M,)."""
    for m in range(dual.size):
        dual[m] *= 1.0 + step * share[m]
    for m in range(dual.size):
        products[m] += distance[m] * dual[m]


@njit([types.void(*RANGE, TABLE, GRID, types.float64, ROW)], error_model="numpy", cache=True, nogil=True)
def step(
    start: Any, stop: Any, groups: Any, spans: Any, variables: Any, primal: Any, dual: Any, found: Any
) -> None:  # fmt: skip
    """Takes steps, primal (C, L) each member its own, dual one for all; found (G,): the sum of products after it."""
    for g in range(start, stop):
        products = np.zeros(variables.shape[2])
        for c in range(groups[g, 0], groups[g, 1]):
            for r in range(spans[c, 0], spans[c, 1]):
                v = variables[r]
                _advance(v, primal[c])
                _rise(v[BELOW], v[LOWER], dual, v[MOVE_LOWER], products)
                _rise(v[ABOVE], v[UPPER], dual, v[MOVE_UPPER], products)
        found[g] = products.sum()
