"""What binds members together besides the pool: limits, charges on peaks and blocks, shared batteries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np

from ..flow import Array, Index, Mask, Noun
from ..noun import TG, OpenT, PerSlot, spread

Reads = Literal["wires", "residual", "pool"]
"""What a charge reads: `wires`, the physical net of its members, whoever trades with whom; `residual`, what one member
deals with its own retailer after sharing; `pool`, what the pool deals with the grid behind one meter."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Places(Noun):
    """Where the net flow of several members is limited: the coupling point, a feeder group, one member's connection.

    Limits hold for the physical net, the sum of what those inside take less what they give; infinite where there is
    none. The pool's losses do not count.
    """

    names: tuple[str, ...]
    inside: Annotated[Mask, "G", "N"]
    """Who is behind each place."""
    import_max_kwh: TG
    export_max_kwh: TG

    @classmethod
    def none(cls, slots: int, members: int) -> Places:
        """No limit anywhere."""
        open_ended = spread(np.inf, (slots, 0))
        nobody = np.zeros((0, members), np.bool_)
        return cls(names=(), inside=nobody, import_max_kwh=open_ended, export_max_kwh=open_ended)

    @cached_property
    def import_limited(self) -> Mask:
        """Members behind a finite import limit. (T, N)"""
        return _behind(np.isfinite(self.import_max_kwh), self.inside)

    @cached_property
    def export_limited(self) -> Mask:
        """Members behind a finite export limit. (T, N)"""
        return _behind(np.isfinite(self.export_max_kwh), self.inside)

    @cached_property
    def shared(self) -> Mask:
        """Places with a limit somewhere and more than one member. (G,)"""
        finite = np.isfinite(self.import_max_kwh) | np.isfinite(self.export_max_kwh)
        joint: Mask = finite.any(axis=0) & (self.inside.sum(axis=1) > 1)
        return joint

    def of(self, members: Index) -> Places:
        """As seen by some members, who share none with others."""
        some = np.flatnonzero(self.inside[:, members].any(axis=1))
        return Places(
            names=tuple(self.names[g] for g in some),
            inside=self.inside[some][:, members],
            import_max_kwh=np.ascontiguousarray(self.import_max_kwh[:, some]),
            export_max_kwh=np.ascontiguousarray(self.export_max_kwh[:, some]),
        )


def _behind(limited: Mask, inside: Mask) -> Mask:
    found = np.zeros((limited.shape[0], inside.shape[1]), np.bool_)
    for g, members in enumerate(inside):
        found |= limited[:, g, None] & members
    return found


@dataclass(frozen=True, eq=False, kw_only=True)
class Metered(Noun):
    """What a charge on some members together reads."""

    members: Annotated[Mask, "N"]
    reads: Reads = "wires"

    @property
    def single(self) -> bool:
        """Whether the meter shows what is taken only: one member's, or the pool's, never gives at the same time."""
        return self.reads != "wires" or int(self.members.sum()) == 1

    def of(self, members: Index) -> Self:
        """As seen by some members, who share it with no others."""
        return replace(self, members=self.members[members])


@dataclass(frozen=True, eq=False, kw_only=True)
class Peak(Metered):
    """A charge on the highest mean power that some members together import in a period."""

    weight: PerSlot
    """How imported energy counts as power, one over the slot's hours; 0 where the slot does not count. [1/h]"""
    rate: float
    """[money/kW]"""
    locked_kw: float = 0.0
    """Peak that the period has already seen."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Tier(Metered):
    """A charge on the energy that some members together import over a period, block by block."""

    slots: OpenT
    """Slots of the period."""
    width_kwh: Annotated[Array, "B"]
    """What is left of each block; the last one may be infinite."""
    rate: Annotated[Array, "B"]
    """On top of the price of energy. [money/kWh]"""


@dataclass(frozen=True, eq=False, kw_only=True)
class Joint(Noun):
    """A battery shared by accounts: stores that together keep its bounds and run one way at a time."""

    rows: Annotated[Index, "R"]
    """Numbers of the stores, one per member's account."""
    level_min_kwh: PerSlot
    level_max_kwh: PerSlot
    charge_max_kwh: PerSlot
    discharge_max_kwh: PerSlot
