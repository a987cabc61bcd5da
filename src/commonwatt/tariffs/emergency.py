"""Time of use with emergency demand-response events at a very high price."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PositiveFloat

from ..flow import Community, Mask, Prices
from ._ladder import Ladder


class Emergency(Ladder):
    """Time of use with emergency events at a very high price.

    Events come in blocks: a two-state Markov chain with a given share of slots and mean length.
    """

    kind: Literal["emergency"] = "emergency"
    emergency: float = 0.80
    """Price during an event. [money/kWh]"""
    event_share: Annotated[float, Field(ge=0, le=0.5)] = 0.075
    """Part of all slots that are events, in the mean. [-]"""
    event_hours: PositiveFloat = 1.0
    """Mean length of an event; 4 slots of a quarter of an hour. [h]"""

    def prices(self, community: Community) -> Prices:
        price = np.where(self._events(community), self.emergency, self.ladder(community.clock))
        return Prices.common(price, self.export_ratio * price, community.shape)

    def _events(self, community: Community) -> Mask:
        slots, hours = community.clock.slots, community.clock.hours
        ends = min(1.0, hours / self.event_hours)
        starts = min(1.0, ends * self.event_share / (1 - self.event_share))
        on, events = False, np.zeros(slots, np.bool_)
        for t, draw in enumerate(community.streams.at("emergency").random(slots).tolist()):
            on = draw >= ends if on else draw < (self.event_share if t == 0 else starts)
            events[t] = on
        return events
