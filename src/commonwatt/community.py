"""Source, devices, limits and events -> Community."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ._events import Events
from .devices import Device
from .flow import Community, Streams
from .limits import Limits
from .sources import Source


def build(source: Source, devices: Sequence[Device], events: Events, limits: Limits, streams: Streams) -> Community:
    """Who lives there, with every device's envelope side by side, behind which limits, and what goes wrong when.

    Profiles, devices and limits are drawn from the seed alone; tariffs and events also from the scenario's number in
    a study.
    """
    community = source.community(Streams(streams.seed))
    for device in devices:
        community = device.added(community, Streams(streams.seed))
    community = limits.applied(community, Streams(streams.seed))
    return events.applied(replace(community, streams=streams), streams)
