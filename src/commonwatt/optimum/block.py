"""Structured interior point: members are eliminated one by one, what is left are prices where they meet.

An iteration costs a member O(T) for its own rows and O(T^2) for what it answers to prices of other slots; prices of all
slots are then one dense system, however many members there are. It ends by nothing but the certificate.

Mehrotra (1992), On the implementation of a primal-dual interior point method; Gondzio (1996), Multiple centrality
corrections in a primal-dual method for linear programming.
"""

from __future__ import annotations

import time

import numpy as np

from ..watch import Cancel, OnProgress
from ._block_meeting import understood
from .engine import Plan
from .problem import Problem

MOST = 150
"""Iterations at most."""
FEWEST, SMALLEST, LONGEST = 30, 5000, 700
"""Members and slots x members at least, slots at most, from which it is chosen by itself."""


def suited(problem: Problem) -> bool:
    """Whether this engine can tell the whole problem, and its relaxation is likely to be exact.

    Members that meet in a pool; no shared battery, no ban on resale. Limits and charges at the coupling point, of
    feeders that have no member in common, of members. No price for which running a meter or a store both ways at once
    pays, and a pool that is always worth its losses and its fee.
    """
    told = problem.pooled and problem.resale and not problem.joints and understood(problem)
    if problem.shape[1] < 2 or not told or not problem.scale > 0:
        return False
    pool = problem.pool
    paying = problem.coupling_sell <= pool.efficiency * (problem.coupling_buy - pool.fee_per_kwh)
    odd = problem.wasteful.any() or (problem.sell < 0.0)[problem.own].any()
    return not odd and (bool(paying.all()) or not problem.one_meter)


def pays(problem: Problem) -> bool:
    """Whether it is faster than HiGHS by more than it takes to get ready: many members, not too many slots."""
    slots, members = problem.shape
    return members >= FEWEST and slots * members >= SMALLEST and slots <= LONGEST


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
    from ._block_method import Method

    if not suited(problem):
        return Plan.rest(problem, "block", "not suited")
    until = None if seconds is None else time.process_time() + seconds
    with np.errstate(all="ignore"):
        run = Method(problem, gap)
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
