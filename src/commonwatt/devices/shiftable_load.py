"""Load that may run at another hour of its day."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..clock import Clock
from ..errors import ScenarioError
from ..flow import Array, Community, Flexibility, Index, Streams
from . import Device
from ._owners import candidates

TOLERANCE = 1e-9


class ShiftableLoad(Device):
    """Part of the load may move within its local day; the energy of each day stays what it was.

    The load that stays is the least of each slot. What is above it becomes a store of energy delivered so far, which
    must be complete when the day ends; a day that the run cuts counts with what the run has of it. Nobody planning, it
    runs at its usual hour.
    """

    kind: Literal["shiftable_load"] = "shiftable_load"
    share: Annotated[float, Field(gt=0, le=1)] | None = 0.2
    """A slot's load may fall and rise by this share; none: bounds from the community's `load_flexibility.json`. [-]"""
    members: tuple[str, ...] = ()
    """Names of those whose load may move; empty: all."""

    def added(self, community: Community, streams: Streams) -> Community:
        low, high = self._bounds(community)
        load = community.load_kwh
        mine = np.zeros(community.shape[1], np.bool_)
        mine[candidates(community, self.members, "devices.shiftable_load")] = True
        mine &= (high - low > TOLERANCE).any(axis=0) & (load - low > TOLERANCE).any(axis=0)
        owner = np.flatnonzero(mine)
        hours = community.clock.hours
        least = np.minimum(low, load)[:, owner] / hours
        usual = community.load_kw[:, owner] - least
        stays = np.array(community.load_kw)
        stays[:, owner] = least
        flexible = appliances(community.clock, owner, usual, np.maximum(high[:, owner] / hours - least, usual))
        return replace(community, load_kw=stays, flexibility=Flexibility.joined(community.flexibility, flexible))

    def _bounds(self, community: Community) -> tuple[Array, Array]:
        """Least and most load of each slot. (T, N), (T, N) [kWh]"""
        load = community.load_kwh
        if self.share is not None:
            return load * (1 - self.share), load * (1 + self.share)
        names = ("flex_min_kwh", "flex_max_kwh")
        if not set(names) <= set(community.series):
            raise ScenarioError(
                "devices.shiftable_load.share: none, and the community has no bounds of its load (§16: "
                "load_flexibility.json); add the file, or set a share"
            )
        low, high = (community.series[name] for name in names)
        outside = (low > load + TOLERANCE) | (high < load - TOLERANCE)
        if outside.any():
            t, n = np.argwhere(outside)[0].tolist()
            what = f"{load[t, n]:g} kWh in slot {t} is not from {low[t, n]:g} to {high[t, n]:g}"
            raise ScenarioError(
                f"devices.shiftable_load: load of {community.names[n]}: {what} (§3: min_kwh <= load <= max_kwh); "
                "correct load_flexibility.json"
            )
        return low, high


def appliances(clock: Clock, owner: Index, usual_kw: Array, most_kw: Array) -> Flexibility:
    """Stores of energy delivered since local midnight: `usual_kw` (T, K) is when it usually is, `most_kw` the most."""
    usual = usual_kw * clock.hours
    low, high, drain = (np.zeros(usual.shape) for _ in range(3))
    for start, stop, _ in clock.stretches("day"):
        due = np.cumsum(usual[start:stop], axis=0)[-1]
        high[start:stop], low[stop - 1] = due, due
        if stop < len(usual):
            drain[stop] = due
    return Flexibility.demands(
        clock, owner, "appliance", usual_kw, charge_kw=most_kw,
        level_min_kwh=low, level_max_kwh=high, drain_kwh=drain,
    )  # fmt: skip
