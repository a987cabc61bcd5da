"""What belongs to the community rather than to a member: batteries that several share, and a battery of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .flow import Array, Community, Mask

CENTRAL = "central"
"""Trait: 1 for the meter of a central battery, where nobody lives; 0 for members."""


def nobodys(traits: Mapping[str, Array], members: int) -> Mask:
    """Meters of central batteries. (N,)"""
    marks = traits.get(CENTRAL)
    return np.zeros(members, np.bool_) if marks is None else np.asarray(marks > 0)


def central(community: Community) -> Mask:
    """Devices that stand at a meter of the community's own. (K,)"""
    return np.asarray(nobodys(community.traits, community.shape[1])[community.flexibility.owner])


def common(community: Community) -> Mask:
    """Devices that no member has for itself: accounts in shared batteries, and central batteries. (K,)"""
    return np.asarray(community.flexibility.accounts | central(community))


def apart(community: Community) -> Community:
    """What members have who stand alone (§14): their own devices and limits, nothing shared."""
    shared = common(community)
    kept = community.flexibility.kept(~shared) if shared.any() else community.flexibility
    return replace(community, connection=community.connection.alone(), flexibility=kept)
