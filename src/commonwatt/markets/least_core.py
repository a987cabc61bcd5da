"""The least core: no group has more reason to leave than need be, and within that the even shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..flow import Array, Community, Sharing
from ._complaints import least_core
from ._cost_sharing import GroupCosts, StableSharing
from ._values import saving_game


class LeastCore(StableSharing):
    """Of all ways to share the saving that give groups least reason to leave, the most even one, smallest share first.

    Maschler, Peleg and Shapley 1979, doi:10.1287/moor.4.4.303; no group would pay less on its own. For at most 20
    members.
    """

    kind: Literal["least_core"] = "least_core"

    def rule(self, community: Community) -> Sharing:
        return LeastCoreShare(period=self.period, reason="least core")


@dataclass(frozen=True, eq=False, kw_only=True)
class LeastCoreShare(GroupCosts):
    """Shares the saving by the even point of the least core."""

    def amounts(self, carry: Array) -> Array:
        alone, saved = saving_game(carry)
        return alone - least_core(saved)
