"""Whether groups of members would be better off on their own. NaN where members keep their own meters."""

import math

from ..totals import Facts


def coalition_excess(facts: Facts) -> float:
    """Most that a group pays beyond what it would on a meter of its own, before fees; sampled for many. [money]"""
    excess = facts.groups.excess() if facts.groups else None
    return float(excess.max()) if excess is not None and excess.size else math.nan


def leaving_coalitions(facts: Facts) -> float:
    """Part of the groups that would pay less on a meter of their own, before fees; sampled for many. [-]"""
    if facts.groups is None:
        return math.nan
    excess = facts.groups.excess()
    return float((excess > facts.groups.tolerance).mean()) if excess.size else math.nan
