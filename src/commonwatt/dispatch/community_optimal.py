"""All members together, as well as can be."""

from typing import Literal

from . import Dispatch
from ._planned import Planner
from .member_optimal import MemberOptimal


class CommunityOptimal(Planner):
    """The plan that costs all members together least at the terms of the run; proven.

    Behind one meter that is what the coupling point costs; among own meters, what all retailers get if the pool
    serves those who gain most by it.
    """

    kind: Literal["community_optimal"] = "community_optimal"
    p2p: bool = True
    """Whether to plan with energy shared inside, where the market shares any."""

    def alone(self) -> Dispatch:
        return MemberOptimal(**{name: getattr(self, name) for name in Planner.model_fields if name != "kind"})

    @property
    def together(self) -> bool:
        return self.p2p

    @property
    def heeds_shared(self) -> bool:
        return True
