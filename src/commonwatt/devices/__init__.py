"""Devices: Community -> Community with that device. One file per device."""

from abc import abstractmethod

from ..flow import Community, Streams
from ..registry import Plugin, discover


class Device(Plugin):
    """Says who owns one, and what it could do."""

    @abstractmethod
    def added(self, community: Community, streams: Streams) -> Community:
        """The community with the envelopes of this device's owners, its flexible part taken out of the load."""


DEVICES = discover(__name__, Device)  # type: ignore[type-abstract]
