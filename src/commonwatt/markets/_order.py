"""The stable order of a book's orders, compiled: in linear time where there are many, by merging where few.

Keys that spread evenly are counted into as many boxes as there are orders, and what then stands out of place moves a
few places. Where they crowd, they are sorted byte by byte: floating-point keys sort like whole numbers once the sign is
folded in (IEEE 754), and a pass over one byte keeps the order of the passes before. Ties stay as they came.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ..exchange import LEAST_KWH

MANY = 64
UP, DOWN = 1.0, -1.0
CROWD = 32
"""More orders than this in one box are not worth moving one by one."""
SIGN = np.uint64(1 << 63)
BYTE = np.uint64(255)


@njit
def in_order(key: Any, kwh: Any, way: Any) -> Any:
    """Members with an order, from the lowest key `UP` or the highest `DOWN`, ties by number. (N,), (N,) -> (n,)"""
    who, keys, found = np.empty(kwh.size, np.int64), np.empty(kwh.size), 0
    for n in range(kwh.size):
        who[found], keys[found] = n, way * key[n]
        found += (kwh[n] > LEAST_KWH) & (kwh[n] < np.inf) & (abs(key[n]) < np.inf)
    who, keys = who[:found], keys[:found]
    if found > MANY:
        return _by_boxes(who, keys)
    return who[np.argsort(keys, kind="mergesort")]


@njit(error_model="numpy")
def _by_boxes(who: Any, key: Any) -> Any:
    """`who` from the lowest key up, by boxes of equal width where keys spread evenly."""
    lowest, highest = _range(key)
    per_key = (key.size - 1) / (highest - lowest)
    if not 0.0 < per_key < np.inf:
        return _by_bytes(who, key)
    box, first = np.empty(key.size, np.int64), np.zeros(key.size + 1, np.int64)
    for n in range(key.size):
        box[n] = int((key[n] - lowest) * per_key)
        first[box[n] + 1] += 1
    most = 0
    for b in range(1, key.size + 1):
        most = max(most, first[b])
        first[b] += first[b - 1]
    if most > CROWD:
        return _by_bytes(who, key)
    ordered, keys = np.empty(key.size, np.int64), np.empty(key.size)
    for n in range(key.size):
        at = first[box[n]]
        ordered[at], keys[at] = who[n], key[n]
        first[box[n]] += 1
    return _put_right(ordered, keys)


@njit
def _range(key: Any) -> Any:
    """Lowest and highest key: two at a time from either half, since one must not wait for the other."""
    half = key.size // 2
    low_a, high_a, low_b, high_b = key[0], key[0], key[-1], key[-1]
    for n in range(half):
        a, b = key[n], key[half + n]
        low_a, high_a = (a if a < low_a else low_a), (a if a > high_a else high_a)
        low_b, high_b = (b if b < low_b else low_b), (b if b > high_b else high_b)
    return min(low_a, low_b), max(high_a, high_b)


@njit
def _put_right(who: Any, key: Any) -> Any:
    """`who` from the lowest key up, where every one stands close to its place already."""
    for n in range(1, key.size):
        later, at = key[n], n
        moved = who[n]
        while at > 0 and key[at - 1] > later:
            key[at], who[at] = key[at - 1], who[at - 1]
            at -= 1
        key[at], who[at] = later, moved
    return who


@njit
def _by_bytes(who: Any, key: Any) -> Any:
    """`who` from the lowest key up, whatever the keys."""
    key = key + 0.0  # no negative zero
    bits, rank = key.view(np.uint64), np.empty(key.size, np.uint64)
    for n in range(key.size):
        rank[n] = ~bits[n] if bits[n] & SIGN else bits[n] | SIGN
    other, moved = np.empty(key.size, np.int64), np.empty(key.size, np.uint64)
    for shift in range(0, 64, 8):
        first = _places(rank, np.uint64(shift))
        if first[-1] < 0:
            continue
        for n in range(key.size):
            digit = (rank[n] >> np.uint64(shift)) & BYTE
            other[first[digit]], moved[first[digit]] = who[n], rank[n]
            first[digit] += 1
        who, other, rank, moved = other, who, moved, rank
    return who


@njit
def _places(rank: Any, shift: Any) -> Any:
    """Where each value of a byte begins in the order; the last entry is below 0 where all have the same. (257,)"""
    first = np.zeros(257, np.int64)
    for n in range(rank.size):
        first[((rank[n] >> shift) & BYTE) + np.uint64(1)] += 1
    if first.max() == rank.size:
        first[-1] = -1
        return first
    for digit in range(256):
        first[digit + 1] += first[digit]
    return first
