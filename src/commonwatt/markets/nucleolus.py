"""The nucleolus: the saving shared so that the group with most reason to leave has least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..flow import Array, Community, Sharing
from ._complaints import nucleolus
from ._cost_sharing import GroupCosts, StableSharing
from ._values import saving_game


class Nucleolus(StableSharing):
    """What sharing saves goes to members so that the highest complaint of any group is lowest, then the next highest.

    Schmeidler 1969, doi:10.1137/0117107; no group would pay less on its own. For at most 20 members.
    """

    kind: Literal["nucleolus"] = "nucleolus"

    def rule(self, community: Community) -> Sharing:
        return NucleolusShare(period=self.period, reason="nucleolus")


@dataclass(frozen=True, eq=False, kw_only=True)
class NucleolusShare(GroupCosts):
    """Shares the saving by the nucleolus."""

    def amounts(self, carry: Array) -> Array:
        alone, saved = saving_game(carry)
        return alone - nucleolus(saved)
