"""Structured interior point: members are eliminated one by one, what is left are prices where they meet.

An iteration costs a member O(T) for its own rows and O(T^2) for what it answers to prices of other slots; prices of all
slots are then one dense system, however many members there are. It ends by nothing but the certificate.

Mehrotra (1992), On the implementation of a primal-dual interior point method; Gondzio (1996), Multiple centrality
corrections in a primal-dual method for linear programming.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from ..watch import Cancel, OnProgress
from ._block_meeting import understood
from ._block_told import in_full, one_way, paying, told
from ._crew import crew
from .certificate import certify
from .engine import Plan
from .problem import Problem

LOOSE = "relaxation not tight"
"""What the method says where products vanish and the gap stays open."""
MOST = 150
"""Iterations at most."""
FEWEST, SMALLEST, LONGEST, MEETINGS = 30, 5000, 700, 2400
"""Members and slots x members at least, slots and rows where members meet at most, where it is chosen by itself."""


def suited(problem: Problem) -> bool:
    """Whether this engine can tell the whole problem, and its relaxation is likely to be exact.

    Members that meet in a pool; no ban on resale. Limits and charges at the coupling point, of feeders that have no
    member in common, of members; peaks of members' own meters; shared batteries. No price for which running a meter or
    a store both ways at once pays, and a pool that is always worth its losses and its fee.
    """
    if problem.shape[1] < 2 or not (problem.pooled and problem.resale and problem.scale > 0):
        return False
    odd = problem.wasteful.any() or (problem.sell < 0.0)[problem.own].any()
    return not odd and (paying(problem) or not problem.one_meter) and understood(told(problem))


def pays(problem: Problem) -> bool:
    """Whether it is faster than HiGHS by more than it takes to get ready: many members, not too many slots."""
    slots, members = problem.shape
    rows = slots * (2 + 3 * len(problem.joints))
    return members >= FEWEST and slots * members >= SMALLEST and slots <= LONGEST and rows <= MEETINGS


def solve(
    problem: Problem,
    gap: float,
    seconds: float | None = None,
    start: Plan | None = None,
    on_progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> Plan:
    """The plan of a `suited` problem amid all that are best, to `gap` [-]; a start is not used.

    Stopped early, it is the best that was certified; of a problem that does not suit it is none.
    """
    if not suited(problem):
        return Plan.rest(problem, "block", "not suited")
    until = None if seconds is None else time.process_time() + seconds
    simple = told(problem)
    with np.errstate(all="ignore"):
        plan = _iterated(simple, gap, until, on_progress, cancel)
        if plan.status == LOOSE and problem.joints:
            again = _iterated(one_way(simple, plan), gap, until, on_progress, cancel)
            again = replace(again, duals=plan.duals, status=LOOSE, iterations=plan.iterations + again.iterations)
            plan = min((plan, again), key=lambda found: certify(simple, found, gap)[1].cost)
    return replace(plan, duals=in_full(problem, plan.duals))


def _iterated(
    problem: Problem, gap: float, until: float | None, on_progress: OnProgress | None, cancel: Cancel | None
) -> Plan:
    """The method, until it is done or told to stop."""
    from ._block_method import Method

    with crew(problem.load_kwh.size) as threads:
        run = Method(problem, gap, threads)
        for iteration in range(MOST):
            said = run.look(iteration)
            if on_progress:
                on_progress(iteration, run.near)
            if not said and cancel and cancel():
                said = "cancelled"
            if not said and until is not None and time.process_time() > until:
                said = "time limit"
            if said:
                return run.ended(said, iteration)
            run.advance()
        return run.ended("too many iterations", MOST)
