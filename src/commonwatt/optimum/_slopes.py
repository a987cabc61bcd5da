"""Compiled dynamic programming over one store: value functions as rising lists of slopes.

A value function is convex and piecewise linear in the level: it starts at `first`, and piece j has slope s[j] over a
length w[j]. A slot's cost is such a function of the change of level too, with at most five pieces. Both sum up by
merging their lists (infimal convolution); bounds cut the ends off. So a slot costs as many steps as there are pieces.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

ROW = types.Array(types.float64, 1, "A", readonly=True)
RESULT = types.Tuple((types.float64[::1], types.float64[::1]))
PIECES = 5


@njit(error_model="numpy")
def _stage(base: Any, pv: Any, prices: Any, most: Any, rates: Any, slope: Any, length: Any) -> Any:
    """Pieces of a slot's cost by change of level, rising; -> how many. prices: buy, sell, sell of what PV leaves over.

    most: highest fall and rise of the level [kWh]; rates: energy at the meter per level, down and up; wear.
    """
    fall, rise = most
    down, up, wear = rates
    rate = down if base > 0.0 else up
    spill = (-pv - base) / (down if -pv - base < 0.0 else up)
    edge = (-fall, min(max(spill, -fall), rise), min(max(-base / rate, -fall), rise))
    count, at = 0, -fall
    for zone in range(3):
        end = edge[zone + 1] if zone < 2 else rise
        price = prices[2 - zone]
        if at < 0.0 and end > at:
            stop = min(end, 0.0)
            slope[count], length[count] = price * down - wear * down, stop - at
            count, at = count + 1, stop
        if end > at:
            slope[count], length[count] = price * up + wear * up, end - at
            count, at = count + 1, end
    return count


@njit(error_model="numpy")
def _merged(s: Any, w: Any, m: Any, cs: Any, cw: Any, c: Any, out_s: Any, out_w: Any) -> Any:
    """Rising pieces of s, w and of the mirrored cost (falling list, slopes negated) in one list; -> how many."""
    i, j, n = 0, c - 1, 0
    while i < m or j >= 0:
        mine = j < 0 or (i < m and s[i] <= -cs[j])
        slope = s[i] if mine else -cs[j]
        length = w[i] if mine else cw[j]
        if mine:
            i += 1
        else:
            j -= 1
        if n > 0 and out_s[n - 1] == slope:
            out_w[n - 1] += length
        elif length > 0.0:
            out_s[n], out_w[n] = slope, length
            n += 1
    return n


@njit(error_model="numpy")
def _cut(s: Any, w: Any, n: Any, first: Any, low: Any, high: Any) -> Any:
    """Keeps what lies between low and high; -> first level, how many pieces. In place."""
    drop, at = 0, first
    while drop < n and at + w[drop] <= low:
        at += w[drop]
        drop += 1
    if drop < n and at < low:
        w[drop] -= low - at
        at = low
    kept, start = 0, at
    for j in range(drop, n):
        if at >= high:
            break
        s[kept], w[kept] = s[j], min(w[j], high - at)
        at += w[j]
        kept += 1
    return min(max(start, low), high), kept


@njit(error_model="numpy")
def _left_right(s: Any, w: Any, first: Any, at: Any, fine: Any) -> Any:
    """Slopes before and after a level; infinite beyond the ends."""
    before, edge = -np.inf, first
    for j in range(s.size):
        if edge < at - fine:
            before = s[j]
        edge += w[j]
        if edge > at + fine:
            return before, s[j]
    return before, np.inf


@njit(error_model="numpy")
def _best(s: Any, w: Any, first: Any, cs: Any, cw: Any, fall: Any, base: Any, tie: Any) -> Any:
    """The level that costs least in this slot and later, the nearest to `base` (no action) among equals."""
    i, j, v_end, c_end = 0, 0, first, base - fall
    total, v_total, c_total = 0.0, w.sum(), cw.sum()
    at = max(first, c_end)
    stop = min(first + v_total, base - fall + c_total)
    while i < s.size and v_end + w[i] <= at:
        v_end += w[i]
        i += 1
    while j < cs.size and c_end + cw[j] <= at:
        c_end += cw[j]
        j += 1
    low = high = np.nan
    while at < stop and i < s.size and j < cs.size:
        total = s[i] + cs[j]
        if total >= -tie and np.isnan(low):
            low = at
        if total > tie:
            high = at
            break
        to_v, to_c = v_end + w[i], c_end + cw[j]
        at = min(to_v, to_c)
        if to_v <= at:
            v_end = to_v
            i += 1
        if to_c <= at:
            c_end = to_c
            j += 1
    low = max(min(at, stop), first) if np.isnan(low) else low
    high = max(min(at, stop), low) if np.isnan(high) else high
    return min(max(base, low), high)


@njit(error_model="numpy")
def _backward(rows: Any, store: Any, starts: Any, firsts: Any) -> Any:
    """Value functions of all slots in one list each of slopes and lengths; slot t's from starts[t] to starts[t + 1]."""
    base, pv, buy, sell, spare, charge, discharge, low, high, drain = rows
    gain, loss, keep, wear, value = store
    slots, room = base.size, 16 * base.size + 64
    slopes, lengths = np.empty(room), np.empty(room)
    widest = 2 * PIECES * slots + 8
    s, w, m_s, m_w = np.empty(widest), np.empty(widest), np.empty(widest), np.empty(widest)
    cs, cw = np.empty(PIECES + 1), np.empty(PIECES + 1)
    first, n, end = low[slots - 1], 1, room
    s[0], w[0] = -value, high[slots - 1] - low[slots - 1]
    for t in range(slots - 1, -1, -1):
        if n > end:
            grown_s, grown_w = np.empty(2 * slopes.size), np.empty(2 * slopes.size)
            grown_s[slopes.size + end :], grown_w[slopes.size + end :] = slopes[end:], lengths[end:]
            for later in range(t + 1, slots + 1):
                starts[later] += slopes.size
            end += slopes.size
            slopes, lengths = grown_s, grown_w
        if t == slots - 1:
            starts[slots] = slopes.size
        end -= n
        slopes[end : end + n], lengths[end : end + n] = s[:n], w[:n]
        starts[t], firsts[t] = end, first
        if t > 0:
            most = discharge[t] * loss, charge[t] * gain
            c = _stage(base[t], pv[t], (buy[t], sell[t], spare[t]), most, (1.0 / loss, 1.0 / gain, wear), cs, cw)
            m = _merged(s, w, n, cs, cw, c, m_s, m_w)
            m_s[:m] *= keep
            m_w[:m] /= keep
            first, n = _cut(m_s, m_w, m, (first - most[1] + drain[t]) / keep, low[t - 1], high[t - 1])
            s[:n], w[:n] = m_s[:n], m_w[:n]
    return slopes, lengths


@njit([RESULT(*[ROW] * 10, *[types.float64] * 7)], error_model="numpy", cache=True)
def best_levels(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    base: Any, pv: Any, buy: Any, sell: Any, spare: Any, charge: Any, discharge: Any, low: Any, high: Any, drain: Any,
    gain: Any, loss: Any, keep: Any, start: Any, wear: Any, value: Any, tie: Any,
) -> Any:  # fmt: skip
    """Levels at the end of each slot (T,) [kWh] and their duals (T,) [money/kWh]; rows (T,), energy in kWh per slot.

    `base` is load less PV, `pv` what may be thrown away at no cost, `spare` the price of selling more than that leaves.
    Bounds must be such that from every level between them all later ones can be kept.
    """
    slots = base.size
    rows = (base, pv, buy, sell, spare, charge, discharge, low, high, drain)
    starts, firsts = np.empty(slots + 1, np.int64), np.empty(slots)
    slopes, lengths = _backward(rows, (gain, loss, keep, wear, value), starts, firsts)
    level, dual = np.empty(slots), np.empty(slots)
    cs, cw = np.empty(PIECES + 1), np.empty(PIECES + 1)
    before, price = start, np.nan
    for t in range(slots):
        s, w = slopes[starts[t] : starts[t + 1]], lengths[starts[t] : starts[t + 1]]
        most = discharge[t] * loss, charge[t] * gain
        c = _stage(base[t], pv[t], (buy[t], sell[t], spare[t]), most, (1.0 / loss, 1.0 / gain, wear), cs, cw)
        rest = keep * before - drain[t]
        at = _best(s, w, firsts[t], cs[:c], cw[:c], most[0], rest, tie)
        fine = 1e-11 * max(abs(high[t]), most[0], most[1])
        v_low, v_high = _left_right(s, w, firsts[t], at, fine)
        c_low, c_high = _left_right(cs[:c], cw[:c], -most[0], at - rest, fine)
        least, top = max(v_low, -c_high), min(v_high, -c_low)
        wish = price / keep
        if np.isnan(wish):
            wish = min(max(0.0, least), top) if least <= top else 0.5 * (least + top)
        price = min(max(wish, min(least, top)), max(least, top))
        level[t], dual[t], before = at, price, at
    return level, dual
