"""Source, devices, limits and events -> Community."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ._events import Events
from .devices import Device
from .flow import Community, Streams
from .limits import Limits
from .sources import Source
from .zones import Zone, zoned


def build(
    source: Source, devices: Sequence[Device], events: Events, limits: Limits, zones: tuple[Zone, ...], streams: Streams
) -> Community:
    """Who lives there and next to whom, with all devices, behind which limits, and what goes wrong when.

    Profiles, devices and limits are drawn from the seed alone; tariffs and events also from the scenario's number in
    a study.
    """
    community = source.community(Streams(streams.seed))
    for device in devices:
        community = device.added(community, Streams(streams.seed))
    community = zoned(limits.applied(community, Streams(streams.seed)), zones)
    return events.applied(replace(community, streams=streams), streams)
