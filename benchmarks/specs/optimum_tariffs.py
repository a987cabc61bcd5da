"""A hundred tariffs on a community against one CVXPY model whose prices are parameters, compiled beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from benchmarks.specs import _cvxpy
from benchmarks.specs._plans import blocked, community, planned
from commonwatt.optimum.problem import Problem
from commonwatt.optimum.reuse import Sweep

MEMBERS, FEW = {"full": 100, "quick": 30, "tiny": 4}, 10
TARIFFS = {"full": 100, "quick": 10, "tiny": 2}


def tariffs(given: Problem, count: int) -> list[Problem]:
    """The same homes under prices of other days."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(count):
        buy = given.coupling_buy * rng.uniform(0.7, 1.5) + rng.uniform(0.0, 0.05, given.shape[0])
        found.append(replace(given, coupling_buy=buy, coupling_sell=0.4 * buy))
    return found


def theirs(problems: list[Problem]) -> Work:
    """One after the other; the model was built and solved once before."""
    model, turn = _cvxpy.Model(problems[0]), cycle(problems)
    model.solved()

    def work() -> None:
        given = next(turn)
        model.solved(given.coupling_buy, given.coupling_sell)

    return work


def cases(size: Size) -> Sequence[Case]:
    """The peer solves one of them at a time; its time counts for all. A few homes are planned by HiGHS here too."""
    count = TARIFFS[size]
    many, few = (tariffs(community(members), count) for members in (MEMBERS[size], FEW))
    peer = "CVXPY with parameters and HiGHS, one tariff counted for all"
    return [
        Case(
            "optimum_tariffs", f"{count} tariffs, {MEMBERS[size]} members, 96 slots, gap 1e-6", peer,
            lambda: blocked(1e-6, *many), lambda: theirs(many), goal=20.0, scale=count,
        ),
        Case(
            "optimum_tariffs", f"{count} tariffs, {FEW} members, 96 slots, by HiGHS", peer,
            lambda: planned(Sweep(), 1e-6, *few), lambda: theirs(few), goal=1.5, scale=count,
        ),
    ]  # fmt: skip


SPEC = Spec("optimum_tariffs", "A hundred tariffs on one community.", cases, rounds=1, missing=_cvxpy.missing)
"""The promise."""
