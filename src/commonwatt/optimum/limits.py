"""What binds members together besides the pool: limits, charges on peaks and blocks, shared batteries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np

from ..connection import COUPLING_POINT, at_connection, at_feeder
from ..flow import Array, Community, Index, Mask, Noun
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

    @classmethod
    def of_connection(cls, community: Community, order: Index, *, shared: bool) -> Places:
        """A connection's limits for members in this order; without `shared` only each member's own."""
        connection, hours, (slots, members) = community.connection, community.clock.hours, community.shape
        names, inside = [at_connection(community.names[n]) for n in order], [np.eye(members, dtype=np.bool_)]
        own = connection.member_import_cap_kw, connection.member_export_cap_kw
        of_groups = connection.group_import_cap_kw, connection.group_export_cap_kw
        joint = connection.import_cap_kw, connection.export_cap_kw
        caps = [[_table(cap, slots, members, order)] for cap in own]
        if shared:
            groups = connection.group_names
            group = np.full(members, -1) if connection.group is None else connection.group[order]
            names += [at_feeder(name) for name in groups] + [COUPLING_POINT]
            inside += [group == np.arange(len(groups))[:, None], np.ones((1, members), np.bool_)]
            for found, by_group, by_all in zip(caps, of_groups, joint, strict=True):
                found += [_table(by_group, slots, len(groups)), _table(by_all, slots, 1)]
        tables = [np.hstack(found) * hours for found in caps]
        kept = np.flatnonzero(np.isfinite(tables[0]).any(axis=0) | np.isfinite(tables[1]).any(axis=0))
        return cls(
            names=tuple(names[g] for g in kept), inside=np.vstack(inside)[kept],
            import_max_kwh=np.ascontiguousarray(tables[0][:, kept]),
            export_max_kwh=np.ascontiguousarray(tables[1][:, kept]),
        )  # fmt: skip

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


def _table(cap: Array | None, slots: int, columns: int, order: Index | None = None) -> Array:
    """Limits per column, per slot for a single one, or both, as a table (T, columns); infinite where there is none."""
    if cap is None:
        return np.full((slots, columns), np.inf)
    cap = cap[:, None] if columns == 1 and cap.shape == (slots,) else cap
    cap = cap if order is None else cap[..., order]
    return np.broadcast_to(cap, (slots, columns))


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
