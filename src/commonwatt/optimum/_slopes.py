"""Compiled dynamic programming over stores, one after another: value functions as rising lists of slopes.

What later slots cost is convex and piecewise linear in the level: piece i has slope s[i] over a length w[i]. A slot's
cost is such a function of the change of level, with at most four pieces. Both in one (infimal convolution) have the
pieces of both, in rising order; bounds cut the ends off. Between which levels each piece of a slot's cost is the one to
use is all that is kept of later slots: it tells what to do at any level, and so what stored energy is worth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

GRID = types.Array(types.float64, 2, "C", readonly=True)
ROW = types.Array(types.float64, 1, "A", readonly=True)
OWNER = types.Array(types.int64, 1, "A", readonly=True)
TABLE = types.float64[:, ::1]
PIECES = 4
SLOPE, END, LEAST, MOST = range(4)
"""Of a piece of a slot's cost: its slope, the change of level it ends at, the levels it is used up to and beyond."""


@njit(error_model="numpy")
def _piece(pieces: Any, count: Any, begin: Any, end: Any, slope: Any, tie: Any) -> Any:
    """One piece more, unless it has no length or continues the last one; -> how many."""
    if end <= begin:
        return count
    if count > 0 and slope <= pieces[count - 1, SLOPE] + tie:
        pieces[count - 1, END] = end
        return count
    pieces[count, SLOPE], pieces[count, END] = slope, end
    return count + 1


@njit(error_model="numpy")
def _zone(pieces: Any, count: Any, begin: Any, end: Any, price: Any, rates: Any, tie: Any) -> Any:
    """Changes of level between two, all at one price at the meter: those of discharging, then those of charging."""
    gain, loss, wear = rates
    count = _piece(pieces, count, begin, min(end, 0.0), (price - wear) / loss, tie)
    return _piece(pieces, count, max(begin, 0.0), end, (price + wear) / gain, tie)


@njit(error_model="numpy")
def _stage(base: Any, pv: Any, prices: Any, most: Any, rates: Any, tie: Any, pieces: Any) -> Any:
    """Pieces of a slot's cost by change of level, rising; -> how many. prices: buy, sell, sell of what PV leaves over.

    most: highest fall and rise of the level [kWh]; rates: level per energy at the meter, up and down; wear.
    """
    fall, rise = most
    gain, loss, _ = rates
    over = base + pv
    spill = min(max(-over * (loss if over > 0.0 else gain), -fall), rise)
    even = min(max(-base * (loss if base > 0.0 else gain), -fall), rise)
    count = _zone(pieces, 0, -fall, spill, prices[2], rates, tie)
    count = _zone(pieces, count, spill, even, prices[1], rates, tie)
    return _zone(pieces, count, even, rise, prices[0], rates, tie)


@njit(error_model="numpy")
def _joined(s: Any, w: Any, ends: Any, last: Any, pieces: Any, fall: Any, tie: Any) -> Any:
    """Puts the mirrored pieces of a slot's cost into the list, from the highest slope down; -> where the list ends.

    Notes between which levels each is best: below LEAST of those that charge more, beyond MOST of those that do less.
    """
    head, tail = ends
    i, edge, begin = tail, last, -fall
    for j in range(len(pieces)):
        slope, length = -pieces[j, SLOPE], pieces[j, END] - begin
        begin = pieces[j, END]
        while i > head and s[i - 1] > slope + tie:
            i -= 1
            edge -= w[i]
        pieces[j, MOST] = edge
        if i > head and s[i - 1] >= slope - tie:
            i -= 1
            edge -= w[i]
            w[i] += length
        else:
            for later in range(tail, i, -1):
                s[later], w[later] = s[later - 1], w[later - 1]
            s[i], w[i] = slope, length
            tail += 1
        pieces[j, LEAST] = edge
    return tail


@njit(error_model="numpy")
def _cut(w: Any, ends: Any, first: Any, last: Any, low: Any, high: Any) -> Any:
    """Where the list begins and ends if only what lies between low and high is kept."""
    head, tail = ends
    while head < tail and first + w[head] <= low:
        first += w[head]
        head += 1
    if head < tail and first < low:
        w[head] -= low - first
    while head < tail and last - w[tail - 1] >= high:
        tail -= 1
        last -= w[tail]
    if head < tail and last > high:
        w[tail - 1] -= last - high
    return head, tail


@njit(error_model="numpy")
def _backward(rows: Any, store: Any, tie: Any, lists: Any, pieces: Any, counts: Any) -> None:
    """Pieces of all slots' costs and the levels they are for, from the last slot to the first."""
    base, pv, buy, sell, spare, charge, discharge, low, high, drain, gain = rows
    loss, keep, wear, value = store
    s, w = lists
    head, tail = 0, 1
    s[0], w[0] = -value, high[-1] - low[-1]
    for t in range(base.size - 1, -1, -1):
        most, prices, rates = (
            (discharge[t] * loss, charge[t] * gain[t]),
            (buy[t], sell[t], spare[t]),
            (gain[t], loss, wear),
        )
        counts[t] = _stage(base[t], pv[t], prices, most, rates, tie, pieces[t])
        tail = _joined(s, w, (head, tail), high[t], pieces[t, : counts[t]], most[0], tie)
        if t == 0:
            return
        if keep != 1.0:
            s[head:tail] *= keep
            w[head:tail] /= keep
        first, last = (low[t] - most[1] + drain[t]) / keep, (high[t] + most[0] + drain[t]) / keep
        head, tail = _cut(w, (head, tail), first, last, low[t - 1], high[t - 1])


@njit(error_model="numpy")
def _level(pieces: Any, rest: Any, most: Any, high: Any) -> Any:
    """The level that costs least in this slot and later, the nearest to `rest` (no action) among equals."""
    fall, rise = most
    least, highest, begin = np.inf, np.inf, rest - fall
    for j in range(len(pieces)):
        least = min(least, max(begin, pieces[j, LEAST]))
        highest = min(highest, max(begin, pieces[j, MOST]))
        begin = rest + pieces[j, END]
    stop = min(rest + rise, high)
    return min(max(rest, min(least, stop)), min(highest, stop))


@njit(error_model="numpy")
def _asked(pieces: Any, change: Any, fall: Any, fine: Any) -> Any:
    """Between which prices of stored energy a change of level is best in its slot; infinite beyond the ends."""
    before, after, begin = -np.inf, np.inf, -fall
    for j in range(len(pieces)):
        if begin < change - fine:
            before = pieces[j, SLOPE]
        begin = pieces[j, END]
    for j in range(len(pieces) - 1, -1, -1):
        if pieces[j, END] > change + fine:
            after = pieces[j, SLOPE]
    return -after, -before


@njit(error_model="numpy")
def _forward(rows: Any, store: Any, start: Any, pieces: Any, counts: Any, level: Any, asked: Any) -> None:
    """Levels, and the prices of stored energy that each slot's change of level and its level allow."""
    _, _, _, _, _, charge, discharge, low, high, drain, gain = rows
    loss, keep, _, _ = store
    before = start
    for t in range(level.size):
        mine, fall, rise = pieces[t, : counts[t]], discharge[t] * loss, charge[t] * gain[t]
        rest = keep * before - drain[t]
        level[t] = before = _level(mine, rest, (fall, rise), high[t])
        fine = 1e-11 * max(abs(high[t]), fall, rise)
        asked[t, 0], asked[t, 1] = _asked(mine, before - rest, fall, fine)
        asked[t, 2] = -1.0 if before <= low[t] + fine else 0.0
        asked[t, 3] = 1.0 if before >= high[t] - fine else 0.0


@njit(error_model="numpy")
def _priced(asked: Any, store: Any, dual: Any) -> None:
    """Prices of stored energy that all slots allow, one for as long as the level meets no bound."""
    _, keep, _, value = store
    least, most = -value, -value
    for t in range(dual.size - 1, -1, -1):
        least = max(-np.inf if asked[t, 2] else least, asked[t, 0])
        most = min(np.inf if asked[t, 3] else most, asked[t, 1])
        asked[t, 0], asked[t, 1] = min(least, most), max(least, most)
        least, most = keep * asked[t, 0], keep * asked[t, 1]
    price = 0.0
    for t in range(dual.size):
        dual[t] = price = min(max(price, asked[t, 0]), asked[t, 1])
        price /= keep


@njit([types.UniTuple(TABLE, 2)(OWNER, *[GRID] * 11, *[ROW] * 6)], error_model="numpy", cache=True)
def best_levels(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    owner: Any, base: Any, pv: Any, buy: Any, sell: Any, spare: Any, charge: Any, discharge: Any, low: Any, high: Any,
    drain: Any, gain: Any, loss: Any, keep: Any, start: Any, wear: Any, value: Any, tie: Any,
) -> Any:  # fmt: skip
    """Levels at the end of each slot [kWh] and their duals [money/kWh], (T, K) each.

    Tables of members (T, N) to `spare`, of stores (T, K) to `gain`, then rows (K,); energy in kWh per slot. `base` is
    load less PV, `pv` what may be thrown away at no cost, `spare` the price of selling more than that leaves. Bounds
    must be such that from every level between them all later ones can be kept. Prices no further apart than `tie` count
    as equal.
    """
    slots, devices = charge.shape
    level, dual = np.empty((slots, devices)), np.empty((slots, devices))
    lists = np.empty(PIECES * slots + 1), np.empty(PIECES * slots + 1)
    pieces, counts = np.empty((slots, PIECES, 4)), np.empty(slots, np.int64)
    asked = np.empty((slots, 4))
    for k in range(devices):
        n = owner[k]
        rows = (
            base[:, n], pv[:, n], buy[:, n], sell[:, n], spare[:, n], charge[:, k], discharge[:, k], low[:, k],
            high[:, k], drain[:, k], gain[:, k],
        )  # fmt: skip
        store = loss[k], keep[k], wear[k], value[k]
        _backward(rows, store, tie[k], lists, pieces, counts)
        _forward(rows, store, start[k], pieces, counts, level[:, k], asked)
        _priced(asked, store, dual[:, k])
    return level, dual
