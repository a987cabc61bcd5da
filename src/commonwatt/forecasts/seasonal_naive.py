"""As the same time of earlier days or weeks."""

from typing import Literal

import numpy as np
from pydantic import PositiveInt

from ..flow import Array, Community, Outlook, Prices
from . import Forecast
from ._past import Season, ahead, believed, mean_before, seasons, slots_in


class SeasonalNaive(Forecast):
    """Expects the mean of the same slot in the last days or weeks.

    What no season shows yet is expected to be as all slots so far were on average; before the first slot, nothing. The
    seasonal naive method, averaged over `history` seasons (Hyndman and Athanasopoulos, Forecasting, 3rd ed., 5.2).
    """

    kind: Literal["seasonal_naive"] = "seasonal_naive"
    season: Season = "day"
    """After what time things repeat."""
    history: PositiveInt = 7
    """How many of the last seasons count. [seasons]"""

    def outlook(self, community: Community, prices: Prices, start: int, stop: int) -> Outlook:
        slot, season = ahead(community, start, stop), slots_in(self.season, community.clock)

        def usual(series: Array) -> Array:
            total, count = np.zeros((slot.size, series.shape[1])), np.zeros((slot.size, 1))
            for values, known in seasons(series, slot, start, season, self.history):
                total += values
                count += known
            if not count.all():
                return np.where(count > 0, total / np.maximum(count, 1.0), mean_before(series, start))
            return total / count

        return believed(community, prices, slot, usual(community.load_kw), usual(community.pv_kw))
