"""As the day before."""

from typing import Literal

from ..flow import Array, Community, Outlook, Prices
from . import Forecast
from ._past import ahead, believed, seasons, slots_in


class Persistence(Forecast):
    """Expects the last known day again; before there is one, no load and no PV."""

    kind: Literal["persistence"] = "persistence"

    def outlook(self, community: Community, prices: Prices, start: int, stop: int) -> Outlook:
        slot, day = ahead(community, start, stop), slots_in("day", community.clock)

        def again(series: Array) -> Array:
            return next(seasons(series, slot, start, day, 1))[0]

        return believed(community, prices, slot, again(community.load_kw), again(community.pv_kw))
