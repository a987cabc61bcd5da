"""Whether bans last as long as they were decided to, followed from slot to slot."""

from __future__ import annotations

import numpy as np

from ..flow import Array
from ._facts import Facts
from ._invariants import invariant


@invariant("T8")
def _bans(f: Facts) -> Array | None:
    """A ban begins with the slot after its decision and runs down slot by slot."""
    left, bans = f.record.banned_slots, f.record.bans
    if not bans.rows and not left.any() and not f.left.banned.any():
        return None
    due = np.vstack([f.left.banned[None, :], np.maximum(left[:-1] - 1, 0)])
    row = bans.slot - f.record.clock.first + 1
    sound = (row > 0) & (row <= len(left)) & (bans.slots > 0) & (bans.member >= 0) & (bans.member < f.members)
    if not sound.all():
        return np.full(left.shape, np.inf)
    inside = row < len(left)
    due[row[inside], bans.member[inside]] = bans.slots[inside]
    return np.asarray(left - due, np.float64)
