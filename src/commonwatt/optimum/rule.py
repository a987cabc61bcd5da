"""The rule of thumb as an engine: own PV into own stores, own deficit out of them. No proof, but quick and never silly.

For comparison, as a first plan, and where nothing better was found in time.
"""

from __future__ import annotations

from dataclasses import replace

from ..noun import dense
from ..watch import Cancel, OnProgress
from .engine import Plan
from .problem import Problem
from .stores import able, reach


def solve(
    problem: Problem,
    gap: float,
    seconds: float | None = None,
    start: Plan | None = None,
    on_progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> Plan:
    """Self-consumption within what every store must keep; limits are kept by leaving load unserved or PV unused."""
    plan, stores = Plan.rest(problem, "rule", "by rule"), problem.stores
    if not stores.level_min_kwh.size:
        return plan
    from ._tube import greedy

    level = greedy(dense(stores.start_kwh), *able(stores), reach(stores), stores.owner, problem.base_kwh)
    return replace(plan, level_kwh=level)
