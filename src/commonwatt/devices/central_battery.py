"""A battery of the community."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from ..commons import CENTRAL, nobodys
from ..errors import ScenarioError
from ..flow import Array, Community, Connection, Flexibility, Streams
from ._storage import Storage


class CentralBattery(Storage):
    """A battery at a meter of its own, where nobody lives: a participant that buys, stores and sells for all.

    Rules of thumb run it on what members leave over together, while the pool is open. What it earns or costs is the
    community's: it counts in total cost and saving, and in no index of fairness. Members standing alone have none.
    """

    kind: Literal["central_battery"] = "central_battery"
    name: str = "central_battery"
    """What its meter is called among the members. [name]"""
    capacity_kwh: PositiveFloat = 50.0
    """Its size. [kWh]"""

    def added(self, community: Community, streams: Streams) -> Community:
        if not self.name or self.name in community.names:
            raise ScenarioError(f"devices.central_battery.name: {self.name!r} is a member's, or none (§9); rename it")
        larger, number = _with_meter(community, self.name), np.array([community.shape[1]])
        battery = self.batteries(community.shape[0], number, np.full(1, self.capacity_kwh))
        return replace(larger, flexibility=Flexibility.joined(community.flexibility, battery))


def _with_meter(community: Community, name: str) -> Community:
    """The community with one more meter, where nothing is drawn or made.

    Prices by member are there what they are on average, all other quantities 0. It is in no zone, and close to all.
    """
    none = np.zeros((community.shape[0], 1))
    marks = nobodys(community.traits, community.shape[1]).astype(np.float64)
    return replace(
        community,
        names=(*community.names, name),
        load_kw=np.hstack([community.load_kw, none]),
        pv_kw=np.hstack([community.pv_kw, none]),
        series={key: _beside(key, values) for key, values in community.series.items()},
        traits={key: _beside(key, values) for key, values in community.traits.items()}
        | {CENTRAL: np.append(marks, 1.0)},
        connection=_widened(community.connection),
        zones=None if community.zones is None else replace(community.zones, zone=np.append(community.zones.zone, -1)),
        distance_km=None if community.distance_km is None else np.pad(community.distance_km, ((0, 1), (0, 1))),
    )


def _beside(key: str, values: Array) -> Array:
    """A series (T, N) or trait (N,) with a last column: the mean of prices, else 0."""
    mean = values.mean(axis=-1, keepdims=True)
    priced = key.endswith("_price") or key.startswith("contract_")
    return np.concatenate([values, mean if priced else np.zeros(mean.shape)], axis=-1)


def _widened(connection: Connection) -> Connection:
    """Limits with one more member, which has none of its own and is in no group."""
    inwards, outwards, group = connection.member_import_cap_kw, connection.member_export_cap_kw, connection.group
    return replace(
        connection,
        member_import_cap_kw=None if inwards is None else np.append(inwards, np.inf),
        member_export_cap_kw=None if outwards is None else np.append(outwards, np.inf),
        group=None if group is None else np.append(group, -1),
    )
