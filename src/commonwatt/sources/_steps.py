"""The fine steps inside the slots of a run, and how the local clock maps to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..clock import Clock
from ..habits.weeks import DAYS, calendar, weeks
from ..noun import Array

QUARTER = timedelta(minutes=15)
Instants = NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Steps:
    """Steps of a quarter-hour, or of what divides it and the slot; F of them in T slots."""

    number: range
    """Calendar weeks from the one before the run to the one after it: appliances reach over midnight."""
    hours: float
    """Length of a step. [h]"""
    per_slot: int
    utc: Instants
    """Middle of every step. (F,)"""
    nominal: NDArray[np.int64]
    """Steps since the second week's start, on a local clock whose days all have 24 h. (F,)"""

    @classmethod
    def of(cls, clock: Clock) -> Self:
        """The steps of a run that starts on a whole quarter-hour."""
        minutes = math.gcd(clock.slot // timedelta(minutes=1), QUARTER // timedelta(minutes=1))
        step = timedelta(minutes=minutes)
        per_slot = clock.slot // step
        fine = Clock(clock.start, step, clock.slots * per_slot, clock.zone)
        middle = np.timedelta64(step // timedelta(seconds=2), "s")
        local = fine.stamps[:-1]
        number = weeks(local[0], local[-1], before=1, after=1)
        since = local - calendar(number)[DAYS]
        return cls(
            number=number,
            hours=step / timedelta(hours=1),
            per_slot=per_slot,
            utc=fine.utc[:-1] + middle,
            nominal=since.astype("m8[s]").astype(np.int64) // (60 * minutes),
        )

    def slot_means(self, values: Array) -> Array:
        """Means over the steps of every slot. (F,) -> (T,)"""
        return np.asarray(values.reshape(-1, self.per_slot).mean(axis=1))
