"""Every member for itself, as well as can be."""

from typing import Literal

from ._planned import Planner


class MemberOptimal(Planner):
    """The cheapest plan of every member against its own tariff, with no thought of the pool; proven."""

    kind: Literal["member_optimal"] = "member_optimal"
