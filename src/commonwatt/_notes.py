"""Lines that a run says about itself, gathered window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .flow import Array, Community
from .record import Record

MOST = 6
"""Named at most; the others are counted."""
LEAST = 1e-6
"""Lack that is worth a word. [kWh]"""


def named(what: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(what) - MOST} more" if len(what) > MOST else ""
    return ", ".join(what[:MOST]) + more


@dataclass
class Banned:
    """Who was kept from trading by the regulator."""

    names: tuple[str, ...]
    slots: dict[int, int] = field(default_factory=dict)
    """How many, by member."""

    def take(self, record: Record) -> None:
        """Adds a window's slots."""
        for n, count in enumerate((record.banned_slots > 0).sum(axis=0).tolist()):
            if count:
                self.slots[n] = self.slots.get(n, 0) + count

    @property
    def notes(self) -> tuple[str, ...]:
        """A line, if there is anybody."""
        if not self.slots:
            return ()
        shown = named([f"{self.names[n]} for {count}" for n, count in sorted(self.slots.items())])
        return (f"kept from trading by the regulator, in slots: {shown}; reasons are in bans.parquet",)


@dataclass
class Short:
    """Devices that lacked energy when it was due."""

    community: Community
    worst: Array | None = None
    """The most that each lacked. (K,) [kWh]"""

    def take(self, record: Record) -> None:
        """Takes a window in."""
        lacking = record.columns["shortfall_kwh"].max(axis=0, initial=0.0)
        self.worst = lacking if self.worst is None else np.maximum(self.worst, lacking)

    @property
    def notes(self) -> tuple[str, ...]:
        """A line, if there is any."""
        if self.worst is None or not (self.worst > LEAST).any():
            return ()
        device, names = self.community.flexibility, self.community.names
        order = [int(k) for k in np.argsort(-self.worst, kind="stable") if self.worst[k] > LEAST]
        shown = named([f"{device.kind[k]} of {names[device.owner[k]]} by {self.worst[k]:.3g} kWh" for k in order])
        limited = "" if self.community.connection.is_open else "; limits hold back charging before load, planned or not"
        return (f"short of what was due: {shown}{limited}",)
