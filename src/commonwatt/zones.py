"""Zones in a document: which members are neighbours, and what energy loses and costs that stays among them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field, NonNegativeFloat

from .errors import DataError, ScenarioError
from .flow import Community, Zones
from .noun import Index
from .registry import Settings


class Zone(Settings):
    """Members that are neighbours, or zones of them; markets look at it where their `zones` says so."""

    name: str = "zone"
    """For messages and for `parent` of others. [name]"""
    parent: str = ""
    """The zone that it lies in; none: the community itself. [name]"""
    members: tuple[str, ...] = ()
    """Names of those in it and in no smaller zone. [names]"""
    efficiency: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Energy delivered per energy sent, on what is matched in it and in no smaller zone. [-]"""
    fee_per_kwh: NonNegativeFloat = 0.0
    """Fee on that energy, half from each side, for the pool's `fee_payee`. [money/kWh]"""


def zoned(community: Community, zones: tuple[Zone, ...]) -> Community:
    """The community with these zones in place of its source's; as it is where there are none.

    Raises ScenarioError for unknown members or parents, members in two zones, and zones that lie in each other.
    """
    if not zones:
        return community
    names = tuple(zone.name for zone in zones)
    for k, each in enumerate(zones):
        if each.name in names[:k] or not each.name:
            raise ScenarioError(f"zones[{k}].name = {each.name!r}: stands twice, or is empty (§9); rename one")
        if each.parent and each.parent not in names:
            raise ScenarioError(f"zones[{k}].parent = {each.parent!r}: no such zone; zones are {', '.join(names)}")
    try:
        found = Zones(
            zone_names=names,
            parent=np.array([names.index(zone.parent) if zone.parent else -1 for zone in zones], np.int64),
            zone_efficiency=np.array([zone.efficiency for zone in zones]),
            zone_fee=np.array([zone.fee_per_kwh for zone in zones]),
            zone=_placed(community.names, zones),
        )
    except DataError as error:
        raise ScenarioError(str(error)) from error
    return replace(community, zones=found)


def _placed(names: tuple[str, ...], zones: tuple[Zone, ...]) -> Index:
    """The zone of each member; -1 for none. (N,)"""
    place = np.full(len(names), -1, np.int64)
    for k, each in enumerate(zones):
        for member in each.members:
            where = f"zones[{k}].members"
            if member not in names:
                known = f"{', '.join(names[:8])}{' ...' if len(names) > 8 else ''}"
                raise ScenarioError(
                    f"{where}: nobody is called {member!r} (a member of the community); take of {known}"
                )
            number = names.index(member)
            if place[number] >= 0:
                raise ScenarioError(f"{where}: {member!r} stands in two zones (the smallest one holds it); keep one")
            place[number] = k
    return place
