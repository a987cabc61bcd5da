"""As the day before."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import numpy as np

from ..flow import Array, Community, Outlook, Prices
from . import Forecast


class Persistence(Forecast):
    """Expects the last known day again; before there is one, no load and no PV."""

    kind: Literal["persistence"] = "persistence"

    def outlook(self, community: Community, prices: Prices, start: int, stop: int) -> Outlook:
        stop, day = min(stop, community.shape[0]), max(1, timedelta(days=1) // community.clock.slot)
        slot = np.arange(start, stop)
        known = slot - day * ((slot - start) // day + 1)

        def again(series: Array) -> Array:
            return np.where(known[:, None] >= 0, series[np.maximum(known, 0)], 0.0)

        ahead = community.window(start, stop)
        believed = replace(ahead, load_kw=again(community.load_kw), pv_kw=again(community.pv_kw), series={}, signals={})
        return Outlook(community=believed, prices=prices.window(start, stop))
