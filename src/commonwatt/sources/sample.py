"""A small community to try things on."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveInt

from ..flow import Community, Streams
from . import Source
from ._sample import sample


class Sample(Source):
    """Homes of 8-20 kWh a day over a summer day; most have PV, many a battery, and part of the load can shift."""

    kind: Literal["sample"] = "sample"
    members: PositiveInt = 10
    """How many homes. [members]"""
    slots: PositiveInt = 96
    """How many quarter-hours, from 2 June 2025. [slots]"""

    def community(self, streams: Streams) -> Community:
        """Load, PV, batteries, and bounds of the load as series."""
        return sample(streams, self.members, self.slots)
