"""Windows that roll on over a hundred homes: what we do again in every window, against a new model for HiGHS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from benchmarks.specs._plans import blocked, community
from benchmarks.specs._raw import run
from commonwatt.optimum._matrix import matrix
from commonwatt.optimum.problem import Problem

MEMBERS = {"full": 100, "quick": 30, "tiny": 4}
STEPS = {"full": 4, "quick": 3, "tiny": 2}


def windows(given: Problem, count: int) -> list[Problem]:
    """The same day from a quarter-hour later each, with other weather; batteries only, so that each can be kept."""
    stores = given.stores
    mine = np.flatnonzero([kind == "battery" for kind in stores.kind])
    given, rng = replace(given, stores=stores.kept(mine, stores.owner[mine])), np.random.default_rng(11)
    found = []
    for step in range(count):
        tables = {name: np.roll(getattr(given, name), -step, axis=0) for name in ("load_kwh", "pv_kwh")}
        tables["pv_kwh"] = tables["pv_kwh"] * rng.uniform(0.9, 1.1)
        prices = {name: np.roll(getattr(given, name), -step) for name in ("coupling_buy", "coupling_sell")}
        found.append(replace(given, **tables, **prices))
    return found


def theirs(problems: list[Problem]) -> Work:
    """Every window as a new matrix, solved by the interior point method without crossover."""

    def work() -> None:
        for problem in problems:
            run(matrix(problem), "ipm")

    return work


def cases(size: Size) -> Sequence[Case]:
    """Some steps."""
    problems = windows(community(MEMBERS[size]), STEPS[size])
    return [Case(
        "optimum_rolling", f"{STEPS[size]} windows of 96 slots, {MEMBERS[size]} members, gap 1e-6",
        "HiGHS interior point without crossover, model rebuilt",
        lambda: blocked(1e-6, *problems), lambda: theirs(problems), goal=20.0,
    )]  # fmt: skip


SPEC = Spec("optimum_rolling", "Windows that roll on, each proven.", cases, rounds=3)
"""The promise."""
