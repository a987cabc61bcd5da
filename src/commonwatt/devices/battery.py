"""Home batteries."""

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PositiveFloat

from ..flow import Community, Flexibility, Streams
from ._owners import candidates, without
from ._storage import Share, Storage


class Battery(Storage):
    """A battery for some of the members, of a size drawn per member from a stream of its own."""

    kind: Literal["battery"] = "battery"
    share: Share = 1.0
    """Probability that a member owns one. [-]"""
    members: tuple[str, ...] = ()
    """Names of those who may; empty: all."""
    capacity_kwh: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = (10.0,)
    """Sizes to choose from. [kWh]"""
    beside: bool = True
    """Whether members get one, too, that have a battery already or an account in a shared one. [yes or no]"""

    def added(self, community: Community, streams: Streams) -> Community:
        slots, members = community.shape
        size, among = np.zeros(members), candidates(community, self.members, "devices.battery")
        if not self.beside:
            among = without(community, "shared_battery", without(community, "battery", among))
        for n in among:
            rng = streams.at("battery", n)
            size[n] = rng.choice(self.capacity_kwh) if rng.random() < self.share else 0.0
        owner = np.flatnonzero(size)
        envelope = self.batteries(slots, owner, size[owner])
        return replace(community, flexibility=Flexibility.joined(community.flexibility, envelope))
