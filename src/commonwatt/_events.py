"""Events (placeholder until the real one lands)."""

from .flow import Community, Streams
from .registry import Settings


class Events(Settings):
    """What goes wrong on which days."""

    def applied(self, community: Community, streams: Streams) -> Community:
        """The community with its events."""
        return community
