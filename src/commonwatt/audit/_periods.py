"""Promises that hold over a period: sums that invariants keep until it closes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..accounts import Account, Entries
from ..flow import Array
from ._facts import Facts


def shares(f: Facts) -> Entries:
    """What members owe the operator by the mechanism's rules."""
    own = [rule.reason for rule in f.terms.sharings if rule.payee == Account.OPERATOR]
    return f.entries.kept(np.isin(f.entries.reason, own))


def closed(f: Facts, key: str, values: Array) -> Iterator[tuple[int, Array]]:
    """The slots in which a period of the promise closes, with the sums of `values` (T, ...) since it opened."""
    for start, stop, closes in f.record.clock.stretches(f.declared.scope):  # type: ignore[arg-type]
        total = f.sums.get(key, 0.0) + values[start:stop].sum(axis=0)
        if closes:
            yield stop - 1, total
        f.sums[key] = np.zeros(values.shape[1:]) if closes else total


def paid_above_alone(f: Facts, alone: Array) -> Array:
    """By how much members have paid more over a period than `alone` (T, N), in its last slot. (T, N)"""
    above = f["pool_money"] + shares(f).owed(f.record.clock.first, f.now.shape) - alone
    out = np.zeros(f.now.shape)
    for at, total in closed(f, "above_alone", above):
        out[at] = np.maximum(total, 0.0)
    return out
