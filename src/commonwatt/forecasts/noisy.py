"""Another forecast with errors drawn on top."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat

from ..flow import Array, Community, Outlook, Prices
from . import Forecast
from .perfect import Perfect
from .persistence import Persistence


class Noisy(Forecast):
    """A forecast that errs by chance, the more the further it looks ahead.

    Every member's load and PV are multiplied by 1 plus a random walk, drawn anew for each forecast from the scenario's
    seed; nothing falls below 0. Around the truth it is an oracle with noise: its error is known, but it has peeked.
    """

    kind: Literal["noisy"] = "noisy"
    around: Literal["persistence", "truth"] = "persistence"
    """What the errors are drawn around: what `persistence` expects, or what really comes."""
    error: NonNegativeFloat = 0.1
    """Standard deviation of the relative error an hour ahead; it grows with the root of the lead. [-]"""

    @property
    def oracle(self) -> bool:
        return self.around == "truth"

    def outlook(self, community: Community, prices: Prices, start: int, stop: int) -> Outlook:
        base = Perfect() if self.oracle else Persistence()
        plain = base.outlook(community, prices, start, stop)
        load, pv = (self._factors(plain.community, name) for name in ("load", "pv"))
        expected = plain.community
        noised = replace(expected, load_kw=expected.load_kw * load, pv_kw=expected.pv_kw * pv)
        return replace(plain, community=noised)

    def _factors(self, expected: Community, name: str) -> Array:
        """What a forecast that starts here is multiplied by. (L, N)"""
        (slots, members), step = expected.shape, self.error * np.sqrt(expected.clock.hours)
        steps = np.empty((slots, members))
        for n in range(members):
            drawn = expected.streams.at(f"forecast.{name}", n, expected.clock.first)
            steps[:, n] = step * drawn.standard_normal(slots)
        factors: Array = np.maximum(1.0 + np.cumsum(steps, axis=0), 0.0)
        return factors
