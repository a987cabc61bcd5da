"""A day ahead, planned anew every hour: one model changed in place against CVXPY with parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from benchmarks.specs import _cvxpy
from commonwatt.flow import Array
from commonwatt.optimum.problem import Problem
from commonwatt.optimum.reuse import Kept

from ._rolling import MEMBERS, SIGHT, Steps

DAYS = {"full": 5, "quick": 2, "tiny": 2}


class Model:
    """The step as one CVXPY problem whose data are parameters: compiled once, solved again and again."""

    def __init__(self, like: Problem) -> None:
        import cvxpy as cp

        stores, (slots, members), devices = like.stores, like.shape, like.stores.shape[1]
        table, line = (slots, members), (slots, 1)
        self.base, self.start = cp.Parameter(table), cp.Parameter(devices)
        self.buy, self.sell, self.value = cp.Parameter(line), cp.Parameter(line), cp.Parameter(devices)
        want, give = cp.Variable(table, nonneg=True), cp.Variable(table, nonneg=True)
        charge, discharge, level = (cp.Variable((slots, devices), nonneg=True) for _ in range(3))
        sent, taken, out = (cp.Variable(line, nonneg=True) for _ in range(3))
        owns, everybody = np.eye(members)[stores.owner], np.ones((members, 1))
        before = cp.vstack([cp.reshape(self.start, (1, devices), order="C"), level[:-1]])
        rules = [
            want - give + (discharge - charge) @ owns == self.base,
            level == before @ np.diag(stores.keep) + cp.multiply(stores.gain, charge)
            - discharge @ np.diag(stores.loss) - stores.drain_kwh,
            charge <= stores.charge_max_kwh, discharge <= stores.discharge_max_kwh,
            level >= stores.level_min_kwh, level <= stores.level_max_kwh,
            want @ everybody == like.pool.efficiency * sent + taken, give @ everybody == sent + out,
        ]  # fmt: skip
        cost = cp.sum(cp.multiply(self.buy, taken)) - cp.sum(cp.multiply(self.sell, out)) - level[-1] @ self.value
        self.task = cp.Problem(cp.Minimize(cost), rules)

    def cost(self, step: Problem) -> float:
        """What the best plan of a step costs. [money]"""
        self.base.value, self.start.value = step.base_kwh, step.stores.start_kwh
        self.buy.value, self.sell.value = step.coupling_buy[:, None], step.coupling_sell[:, None]
        self.value.value = step.stores.value
        self.task.solve(solver="HIGHS")
        return float(self.task.value)


def in_cvxpy(steps: Steps) -> Work:
    """All steps in turn, on one model."""

    def work() -> Array:
        model: Any = Model(steps.problems[0])
        return np.array([model.cost(problem) for problem in steps.problems])

    return work


def cases(size: Size) -> Sequence[Case]:
    """The same problems both ways."""
    steps = Steps.of(DAYS[size])
    text = f"{len(steps.problems)} steps of {MEMBERS} x {SIGHT}"
    return [
        Case(
            "rolling_cvxpy", text, "CVXPY with parameters, HiGHS",
            lambda: lambda: steps.costs(Kept()), lambda: in_cvxpy(steps), goal=1.5,
        )
    ]  # fmt: skip


SPEC = Spec(
    "rolling_cvxpy", "Steps of a rolling horizon against a modelling language.", cases, rounds=3, missing=_cvxpy.missing
)
