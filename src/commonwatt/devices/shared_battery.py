"""A battery that several members own together."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Self

import numpy as np
from pydantic import PositiveFloat, model_validator

from ..errors import ScenarioError
from ..flow import Array, Community, Flexibility, Streams
from ._owners import candidates, drawn
from ._storage import Share, Storage


class SharedBattery(Storage):
    """One battery in which some of the members have accounts: each takes out only what it has put in.

    Room and power are common. What flows between a member and its account crosses its meter at no price, as if the
    battery stood behind it; members standing alone have none.
    """

    kind: Literal["shared_battery"] = "shared_battery"
    name: str = "shared battery"
    """What it is called; every shared battery has its own name. [name]"""
    share: Share = 1.0
    """Probability that a member has an account. [-]"""
    members: tuple[str, ...] = ()
    """Names of those who may; empty: all."""
    parts: tuple[PositiveFloat, ...] = ()
    """Parts of the members named, in their order, in any unit; empty: equal parts. [-]"""
    capacity_kwh: PositiveFloat = 30.0
    """Size of the whole battery. [kWh]"""

    @model_validator(mode="after")
    def _parts_of_members(self) -> Self:
        if self.parts and (len(self.parts) != len(self.members) or self.share < 1):
            what = f"{len(self.parts)} parts for {len(self.members)} members named at share {self.share:g}"
            raise ValueError(f"{what} (one part for each, all of them taking part); complete one of the two")
        if not self.name:
            raise ValueError("name: empty (§9: a shared battery has a name); give it one")
        return self

    def added(self, community: Community, streams: Streams) -> Community:
        device = community.flexibility
        if self.name in device.batteries_shared:
            raise ScenarioError(f"devices.shared_battery.name: {self.name!r} stands twice (§9); rename one")
        part = self._parts(community, streams)
        owner = np.flatnonzero(part)
        if not owner.size:
            return community
        whole = self.batteries(community.shape[0], np.zeros(1, np.int64), np.full(1, self.capacity_kwh))
        accounts = whole.divided(self.name, owner, part[owner] / part.sum())
        return replace(community, flexibility=Flexibility.joined(device, accounts))

    def _parts(self, community: Community, streams: Streams) -> Array:
        """What of it belongs to each member, in any unit; 0 for those without an account. (N,)"""
        among = candidates(community, self.members, "devices.shared_battery")
        part = np.zeros(community.shape[1])
        if self.parts:
            part[[community.names.index(name) for name in self.members]] = self.parts
        else:
            part[drawn(streams, f"shared_battery {self.name}", self.share, among)] = 1.0
        return part
