"""Sources: streams -> Community. One file per source."""

from abc import abstractmethod

from ..flow import Community, Streams
from ..registry import Plugin, discover


class Source(Plugin):
    """Says who lives there and what they need and make; a folder may bring devices too."""

    @abstractmethod
    def community(self, streams: Streams) -> Community:
        """Profiles, events, signals and traits."""


SOURCES = discover(__name__, Source)  # type: ignore[type-abstract]
