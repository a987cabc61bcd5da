"""A price ladder over the local day."""

from typing import Literal

from ..flow import Community, Prices
from ._ladder import Ladder


class TimeOfUse(Ladder):
    """Three prices by wall clock: night, day and evening; weekends and holidays cost the night price on request."""

    kind: Literal["time_of_use"] = "time_of_use"

    def prices(self, community: Community) -> Prices:
        ladder = self.ladder(community.clock)
        return Prices.common(ladder, self.export_ratio * ladder, community.shape)
