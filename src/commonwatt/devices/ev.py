"""Electric vehicles that charge at home."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, model_validator

from ..envelope import V2G_EFFICIENCY
from ..errors import DataError, Problems, ScenarioError
from ..flow import Community, Flexibility, Sessions, Streams
from . import Device
from ._owners import candidates, drawn, without


class Ev(Device):
    """A vehicle with the sessions of a file, or for some of the members one whose sessions are drawn by habit.

    It must hold the energy of its session by departure. Uncontrolled it charges on arrival at full power. Members that
    have a vehicle already get no other one.
    """

    kind: Literal["ev"] = "ev"
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Probability that a member owns one. [-]"""
    members: tuple[str, ...] = ()
    """Names of those who may; empty: all."""
    file: Path | None = None
    """Sessions as in a folder's `evs.csv`, which then says who has a vehicle; none: drawn. [path]"""
    v2g_kw: NonNegativeFloat = 0.0
    """What a vehicle drawn may give back, at most its charger's power. [kW]"""
    v2g_efficiency: Annotated[float, Field(gt=0, le=1)] = V2G_EFFICIENCY
    """Given back per charged for it. [-]"""
    wear: NonNegativeFloat = 0.0
    """What a kWh charged or given back costs the vehicle. [money/kWh]"""

    @model_validator(mode="after")
    def _one_says_who(self) -> Self:
        if self.file and (self.members or self.share < 1 or self.v2g_kw):
            raise ValueError("a `file` says who has which vehicle; leave out `share`, `members` and `v2g_kw`")
        return self

    def inputs(self) -> tuple[Path, ...]:
        return (self.file,) if self.file else ()

    def added(self, community: Community, streams: Streams) -> Community:
        sessions, notes = self._read(community) if self.file else (self._drawn(community, streams), ())
        fleet = Flexibility.vehicles(community.clock, sessions, v2g_efficiency=self.v2g_efficiency, wear=self.wear)
        return replace(
            community,
            flexibility=Flexibility.joined(community.flexibility, fleet),
            sessions=Sessions.joined(community.sessions, sessions),
            notes=(*community.notes, *notes),
        )

    def _drawn(self, community: Community, streams: Streams) -> Sessions:
        from ..habits.driving import sessions

        among = without(community, "vehicle", candidates(community, self.members, "devices.ev"))
        return sessions(streams, drawn(streams, "ev_owner", self.share, among), community.clock, self.v2g_kw)

    def _read(self, community: Community) -> tuple[Sessions, tuple[str, ...]]:
        from ..reading.sessions import read_sessions

        problems = Problems(DataError)
        found, notes = read_sessions(Path(str(self.file)), community.clock, community.names, problems)
        problems.check()
        twice = set(found.member.tolist()) - set(without(community, "vehicle", found.member.tolist()))
        if twice:
            who = ", ".join(community.names[n] for n in sorted(twice))
            raise ScenarioError(f"devices.ev.file: {who} has a vehicle already (one for each member); take it out")
        return found, notes
