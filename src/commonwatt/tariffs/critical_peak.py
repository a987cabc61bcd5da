"""Time of use with a few announced days on which the evening is dear."""

from datetime import date
from typing import Literal

import numpy as np

from ..flow import Community, Mask, Prices
from ._ladder import Ladder, Share


class CriticalPeak(Ladder):
    """Time of use, and on a few event days the evening costs the critical price.

    They are announced a day ahead, so prices are known. Event days are listed, or drawn day by day: each day has its
    own draw, so a longer horizon changes no earlier day.
    """

    kind: Literal["critical_peak"] = "critical_peak"
    critical_peak: float = 0.40
    """Evening price on event days. [money/kWh]"""
    event_probability: Share = 0.1
    """Probability that a day is an event day, where none are listed. [-]"""
    event_days: tuple[date, ...] = ()
    """Local dates of the event days; empty: drawn."""

    def prices(self, community: Community) -> Prices:
        clock = community.clock
        price = np.where(self._events(community) & self.peak(clock), self.critical_peak, self.ladder(clock))
        return Prices.common(price, self.export_ratio * price, community.shape)

    def _events(self, community: Community) -> Mask:
        today = community.clock.date
        if self.event_days:
            return np.isin(today, np.array(self.event_days, dtype="M8[D]"))
        days = np.unique(today)
        draws = [community.streams.at("critical_peak", slot=int(d)).random() for d in days.astype(np.int64)]
        return np.isin(today, days[np.array(draws) < self.event_probability])
