"""Stored entries, hashed again: many at a time, and one by one only to say which is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..accounts import Account
from ..noun import Index, Mask
from ._blocks import NUMBERS, SIZE, leaves, packed
from ._read import whole

Row = tuple[Any, ...]
"""number, trade, slot, payer, payee, micro_kwh, micro_money, reason, hash."""
MISSING = "it is missing"
CHANGED = "it has changed since it was hashed"
ODD = "its slot, parties or energy cannot be"
TWICE = "a trade before it is missing, or stands twice"


@dataclass(frozen=True)
class Due:
    """What the next entries have to be."""

    entry: int
    """Number of the first one."""
    trade: int
    """Number of the first trade among them."""
    slots: int
    """Of the run."""
    members: int

    def fault(self, numbers: Sequence[Index], changed: Mask) -> tuple[int, str] | None:
        """The first entry that is not as it has to be, and why; `numbers` as stored (7 x R), `changed` (R,)."""
        number, trade, slot, payer, payee, kwh, _ = numbers
        trades = np.flatnonzero(trade >= 0)
        twice = np.zeros(number.size, np.bool_)
        twice[trades] = trade[trades] != self.trade + np.arange(trades.size)
        odd = (slot < 0) | (slot >= self.slots) | (kwh < 0) | (trade < -1)
        for who in (payer, payee):
            odd |= (who < -len(Account)) | (who >= self.members)
        masks = {MISSING: number != self.entry + np.arange(number.size), CHANGED: changed, ODD: odd, TWICE: twice}
        wrong = np.logical_or.reduce(list(masks.values()))
        if not wrong.any():
            return None
        k = int(wrong.argmax())
        return k, next(what for what, mask in masks.items() if mask[k])


@dataclass(frozen=True)
class Found:
    """Stored entries, with the bytes that are hashed and the hashes that these have."""

    rows: Sequence[Row]
    content: bytes
    hashes: list[bytes]
    fault: tuple[int, str] | None
    """The first that is not as it has to be, and why."""

    @classmethod
    def of(cls, rows: Sequence[Row], due: Due) -> Found:
        """Of stored rows, whatever they hold."""
        try:
            return cls._of(rows, due)
        except (TypeError, OverflowError, AttributeError, ValueError):
            k = next(k for k in range(len(rows)) if not _is_entry(rows[k]))
            sound = cls._of(rows[:k], due)
            return cls(rows, sound.content, sound.hashes, sound.fault or (k, CHANGED))

    @classmethod
    def _of(cls, rows: Sequence[Row], due: Due) -> Found:
        """Of rows that are entries. Raises TypeError and its like for others."""
        columns = list(zip(*rows, strict=True)) or [()] * (NUMBERS + 3)
        numbers = [whole(column) for column in columns[: NUMBERS + 1]]
        places = {reason: k for k, reason in enumerate(sorted(set(columns[-2])))}
        content = packed(numbers[1:], list(places), np.array([places[reason] for reason in columns[-2]], np.int64))
        hashes = leaves(content)
        same = list(columns[-1]) == hashes
        changed = [] if same else [a != b for a, b in zip(columns[-1], hashes, strict=True)]
        return cls(rows, content, hashes, due.fault(numbers, np.array(changed or [False] * len(rows), np.bool_)))

    def of_entry(self, k: int) -> bytes:
        """The bytes of an entry."""
        return self.content[k * SIZE : (k + 1) * SIZE]


def _is_entry(row: Row) -> bool:
    """Whether a row holds numbers and a reason."""
    in_range = all(type(value) is int and -(2**63) <= value < 2**63 for value in row[: NUMBERS + 1])
    return in_range and isinstance(row[-2], str)
