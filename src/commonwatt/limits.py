"""Limits of the connection in a document: constant, lower at peak hours, noisy, or from a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, NonNegativeFloat

from .clock import Clock
from .connection import UNSERVED_VALUE, Connection
from .errors import ScenarioError
from .flow import Community, Streams
from .noun import Array, Index, spread
from .reading.capacity import CAPACITY, capacity_columns
from .registry import Reads, Settings

STREAM = "grid_capacity"
Hour = Annotated[float, Field(ge=0, le=24)]


class Group(Settings):
    """Members behind the same feeder or transformer."""

    name: str = "group"
    """For messages and tables. [name]"""
    members: tuple[str, ...] = ()
    """Names of those behind it. [names]"""
    import_cap_kw: NonNegativeFloat | None = None
    """Highest net import; none: no limit. [kW]"""
    export_cap_kw: NonNegativeFloat | None = None
    """Highest net export; none: no limit. [kW]"""


class Limits(Reads):
    """What the connection lets through. What is none here stays as the source says it."""

    hold: bool = True
    """Whether limits hold at all, those of the source included. [-]"""
    import_cap_kw: NonNegativeFloat | None = None
    """Highest net import of all members together. [kW]"""
    export_cap_kw: NonNegativeFloat | None = None
    """Highest net export of all members together. [kW]"""
    peak_reduction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share by which both are lower in peak hours. [-]"""
    peak_start: Hour = 17.0
    """Local hour in which the peak begins. [h]"""
    peak_stop: Hour = 21.0
    """Local hour in which it ends; before its start: the next morning. [h]"""
    noise: NonNegativeFloat = 0.0
    """Standard deviation of a random factor around 1, drawn for each slot. [-]"""
    file: Path | None = None
    """CSV or Parquet table of both, in place of numbers: `timestep` or `time`, `import_capacity_kw`,
    `export_capacity_kw`. [path]"""
    member_import_cap_kw: NonNegativeFloat | None = None
    """Highest import of each member that has no limit of its own. [kW]"""
    member_export_cap_kw: NonNegativeFloat | None = None
    """Highest export of each member that has no limit of its own. [kW]"""
    groups: tuple[Group, ...] = ()
    """Groups of members behind feeders or transformers, in place of the source's. [list]"""
    unserved_value: NonNegativeFloat = UNSERVED_VALUE
    """Worth of energy that is not served: weighs in plans and in a metric, never on a bill. [money/kWh]"""

    def inputs(self) -> tuple[Path, ...]:
        return (self.file,) if self.file else ()

    def applied(self, community: Community, streams: Streams) -> Community:
        """The community behind these limits; noise is drawn from the seed alone.

        Raises ScenarioError for a file beside numbers, unknown members or groups that overlap, DataError for a table
        that cannot be read.
        """
        if not self.hold:
            return replace(community, connection=Connection(unserved_value=self.unserved_value))
        had, members = community.connection, community.shape[1]
        joint = self.joint(community.clock, streams)
        kept = replace(
            had,
            import_cap_kw=joint.get("import_cap_kw", had.import_cap_kw),
            export_cap_kw=joint.get("export_cap_kw", had.export_cap_kw),
            member_import_cap_kw=_filled(had.member_import_cap_kw, self.member_import_cap_kw, members),
            member_export_cap_kw=_filled(had.member_export_cap_kw, self.member_export_cap_kw, members),
            unserved_value=self.unserved_value,
        )
        return replace(community, connection=self._grouped(kept, community) if self.groups else kept)

    def joint(self, clock: Clock, streams: Streams) -> dict[str, Array]:
        """Limits of all members together (T,), those that are given. [kW]"""
        given = {"import_cap_kw": self.import_cap_kw, "export_cap_kw": self.export_cap_kw}
        numbers = {name: cap for name, cap in given.items() if cap is not None}
        if self.file is None:
            return {name: self._generated(cap, clock, streams, name) for name, cap in numbers.items()}
        if numbers:
            what = f"limits.file beside limits.{next(iter(numbers))} (one of the two says what may flow)"
            raise ScenarioError(f"{what}; remove one")
        table = capacity_columns(self.file, clock)
        return {name: table[column] for name, column in zip(given, CAPACITY, strict=True) if column in table}

    def _generated(self, cap: float, clock: Clock, streams: Streams, name: str) -> Array:
        """A constant, lower in peak hours, times a random factor of at least 0. (T,)"""
        if not self.peak_reduction and not self.noise:
            return spread(cap, (clock.slots,))
        hour, (start, stop) = clock.hour, (self.peak_start, self.peak_stop)
        peak = (hour >= start) & (hour < stop) if start <= stop else (hour >= start) | (hour < stop)
        draw = streams.at(STREAM, tuple(CAPACITY).index(name.replace("cap", "capacity")))
        factor = np.maximum(1 + self.noise * draw.standard_normal(clock.slots), 0.0)
        return cap * np.where(peak, 1 - self.peak_reduction, 1.0) * factor

    def _grouped(self, connection: Connection, community: Community) -> Connection:
        """The connection with these groups in place of its own."""
        names, slots = tuple(group.name for group in self.groups), community.shape[0]
        group = np.full(community.shape[1], -1, np.int64)
        for k, each in enumerate(self.groups):
            if each.name in names[:k]:
                raise ScenarioError(f"limits.groups[{k}].name = {each.name!r}: stands twice (§9); rename one")
            for member in each.members:
                group[_free(community.names, member, group, f"limits.groups[{k}].members")] = k
        return replace(
            connection,
            group=group,
            group_names=names,
            group_import_cap_kw=_columns([each.import_cap_kw for each in self.groups], slots),
            group_export_cap_kw=_columns([each.export_cap_kw for each in self.groups], slots),
        )


def _columns(caps: list[float | None], slots: int) -> Array | None:
    """Constant limits of groups (T, G); None where there is none."""
    row = np.array([np.inf if cap is None else cap for cap in caps])
    return spread(row, (slots, len(caps))) if np.isfinite(row).any() else None


def _free(names: tuple[str, ...], member: str, group: Index, where: str) -> int:
    """Number of a member that is in no group yet."""
    if member not in names:
        known = f"{', '.join(names[:8])}{' ...' if len(names) > 8 else ''}"
        raise ScenarioError(f"{where}: nobody is called {member!r} (a member of the community); members are {known}")
    number = names.index(member)
    if group[number] >= 0:
        raise ScenarioError(f"{where}: {member!r} stands in two groups (a member is behind one feeder); keep one")
    return number


def _filled(own: Array | None, cap: float | None, members: int) -> Array | None:
    """Limits of members (N,), `cap` for those without one."""
    if cap is None:
        return own
    if own is None:
        return spread(cap, (members,))
    return np.where(np.isfinite(own), own, cap)
