"""The stable order of a book's orders, compiled: by counting bytes where there are many, by merging where few.

Floating-point keys sort like whole numbers once the sign is folded in (IEEE 754); a pass over one byte of them keeps
the order of the passes before, so eight passes sort any number of orders in linear time, and ties stay as they came.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ..exchange import LEAST_KWH

MANY = 64
SIGN = np.uint64(1 << 63)
BYTE = np.uint64(255)


@njit
def in_order(key: Any, kwh: Any) -> Any:
    """Members with an order, from the lowest key up, ties by number. (N,), (N,) -> (n,)"""
    who, found = np.empty(kwh.size, np.int64), 0
    for n in range(kwh.size):
        who[found] = n
        found += (kwh[n] > LEAST_KWH) & (kwh[n] < np.inf) & (abs(key[n]) < np.inf)
    who = who[:found]
    if found > MANY:
        return _by_bytes(who, key[who] + 0.0)  # no negative zero
    return who[np.argsort(key[who], kind="mergesort")]


@njit
def _by_bytes(who: Any, key: Any) -> Any:
    """`who` from the lowest key up."""
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
