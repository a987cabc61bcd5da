"""HiGHS, fed directly with sparse arrays: the reference engine, and the only one that knows binaries.

First the relaxation. Where its plan, made exclusive, costs more than the bound, it is solved again with every meter and
store held to the way it went; then the pairs of columns that offend get a binary each, and again; at last all pairs.
Among equal optima of a relaxation the one that moves least energy, and that as early as it can, is taken: columns with
a reduced cost are held, and the rest is solved again for that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..flow import Array, Index, Mask
from ..proof import STOPPED, Certificate
from ..watch import Cancel, OnProgress
from ._matrix import Matrix, matrix
from ._pairs import Pairs, offending, pairs, with_binaries
from ._row_prices import prices_of_rows
from ._watch import Watch
from .certificate import certify
from .engine import Plan
from .lower import lower
from .problem import Problem

ROUNDS, MANY = 3, 0.1
"""Rounds with few binaries; share of offending pairs from which all get one at once."""
FINE, MIP_FINE = 1e-9, 1e-7
"""Tolerances in scaled units. Branch and bound at 1e-9 or less was seen to call a wrong plan optimal."""


def solve(
    problem: Problem,
    gap: float,
    seconds: float | None = None,
    start: Plan | None = None,
    on_progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> Plan:
    """The best plan to `gap` [-] within CPU `seconds`, with duals of the relaxation; a start is not used.

    Stopped early, it is the better of the last two plans; they are certified on the way.
    """
    model = Model(problem, on_progress=on_progress, cancel=cancel)
    return model.solved(gap, seconds)


@dataclass(frozen=True)
class _Answer:
    """What HiGHS said: values of columns, duals of rows and columns, in scaled units."""

    status: str
    value: Array
    row_dual: Array
    column_dual: Array
    iterations: int
    bound: float


class Model:
    """The matrix in units of its own: energy and money are scaled to about 1."""

    def __init__(
        self,
        problem: Problem,
        *,
        roomy: bool = False,
        on_progress: OnProgress | None = None,
        cancel: Cancel | None = None,
    ) -> None:
        self.problem = problem
        self.matrix = matrix(problem, roomy=roomy)
        sizes = problem.want_max_kwh, problem.give_max_kwh, problem.stores.level_max_kwh
        self.energy = max(*(float(np.max(size, initial=0.0)) for size in sizes)) or 1.0
        self.money = float(np.abs(self.matrix.cost).max(initial=0.0)) or 1.0
        self.last = np.zeros(self.matrix.size)
        self.iterations = 0
        self.basis: Any = None
        """Where the search starts; none: nowhere in particular."""
        self._watch = Watch(on_progress, cancel)
        self._kept: Any = None

    def refit(self, problem: Problem, on_progress: OnProgress | None = None, cancel: Cancel | None = None) -> bool:
        """Takes another problem in place, for a roomy model; false, and nothing done, where its matrix is another."""
        fresh, own = matrix(problem, roomy=True), self.matrix
        same = fresh.value.size == own.value.size and fresh.row_high.size == own.row_high.size
        tables = ("start", "index", "value")
        if not same or not all(np.array_equal(getattr(fresh, name), getattr(own, name)) for name in tables):
            return False
        self.problem, self.matrix, self.iterations = problem, fresh, 0
        self.last, self._watch = np.zeros(fresh.size), Watch(on_progress, cancel)
        return True

    def solved(self, gap: float, seconds: float | None) -> Plan:
        """The best plan to `gap` within CPU `seconds`: relaxed, then one way everywhere, then with few binaries."""
        until = None if seconds is None else time.process_time() + seconds
        plan, proof = _certified(self.problem, self.relaxed(_left(until)), gap)
        if proof.gap <= gap or plan.status in STOPPED:
            return plan
        every, chosen = pairs(self.problem, self.matrix), dict[str, Index]()
        found, first = self.last, plan
        plan, proof = self._better((plan, proof), self._one_way(every, _left(until)), gap)
        self.last = found
        for round_ in range(ROUNDS + 1):
            if proof.gap <= gap or plan.status in STOPPED:
                break
            many = -1.0 if round_ == ROUNDS else MANY
            chosen = offending(every, self.last, chosen, FINE * self.energy, many)
            if not chosen:
                break
            widened, integral = with_binaries(self.matrix, every, chosen, self.energy)
            exclusive = self._exclusive(widened, integral, first, gap, _left(until))
            plan, proof = self._better((plan, proof), exclusive, gap)
        return plan

    def _better(self, known: tuple[Plan, Certificate], more: Plan, gap: float) -> tuple[Plan, Certificate]:
        """The cheaper of two plans, with the sharper prices and the higher bound that either has."""
        pair = [known, _certified(self.problem, more, gap)]
        cheap = min(pair, key=lambda found: found[1].cost)[0]
        sharp = max(pair, key=lambda found: lower(self.problem, found[0].duals))[0]
        bounds = [plan.bound for plan, _ in pair if plan.bound is not None]
        joined = replace(
            cheap, duals=sharp.duals, bound=max(bounds, default=None),
            status=more.status if more.status in STOPPED else cheap.status,
            iterations=self.iterations, binaries=more.binaries,
        )  # fmt: skip
        return _certified(self.problem, joined, gap)

    def _one_way(self, every: Pairs, seconds: float | None) -> Plan:
        """The plan of the relaxation again, where each pair of sides may only go the way that it went more."""
        high = self.matrix.high.copy()
        for one, other in every.values():
            amounts = one.sum(self.last), other.sum(self.last)
            for side, smaller in ((one, amounts[0] < amounts[1]), (other, amounts[1] <= amounts[0])):
                if not side.offset.any() and (side.factor > 0).all():
                    high[side.column[smaller[side.place]]] = 0.0
        highs = self._fed(replace(self.matrix, high=np.maximum(high, self.matrix.low)), seconds)
        return self._plan(self._run(highs))

    def relaxed(self, seconds: float | None) -> Plan:
        """The plan of the relaxation, the laziest among equals."""
        from highspy import HighsModelStatus

        highs = self._ready(seconds)
        answer = self._run(highs)
        if answer.status == "optimal":
            self.basis = highs.getBasis()
            status = highs.getModelStatus()
            held = np.abs(answer.column_dual) > FINE
            if status == HighsModelStatus.kOptimal and not held.all():
                again = self._laziest(highs, answer, held)
                answer = again if again.status == "optimal" else answer
        return self._plan(answer)

    def basis_at(self, cost: Array) -> Any:
        """The basis of the optimum at other costs of the columns; none where there is no optimum, or it was stopped."""
        from highspy import HighsModelStatus

        highs = self._fed(self.matrix, None)
        highs.changeColsCost(cost.size, np.arange(cost.size, dtype=np.int32), cost)
        self._watch.run(highs)
        return highs.getBasis() if highs.getModelStatus() == HighsModelStatus.kOptimal else None

    def _ready(self, seconds: float | None) -> Any:
        """The relaxation in HiGHS: fed, or with bounds and costs changed in place and the basis of last time."""
        if self._kept is None or self.basis is None:
            self._kept = self._fed(self.matrix, seconds)
            if self.basis is not None:
                self._kept.setBasis(self.basis)
            return self._kept
        highs, fed = self._kept, self.matrix
        columns, rows = (np.arange(size, dtype=np.int32) for size in (fed.size, fed.row_high.size))
        highs.changeColsCost(fed.size, columns, fed.cost / self.money)
        highs.changeColsBounds(fed.size, columns, fed.low / self.energy, fed.high / self.energy)
        highs.changeRowsBounds(rows.size, rows, fed.row_low / self.energy, fed.row_high / self.energy)
        highs.setBasis(self.basis)
        highs.setOptionValue("time_limit", np.inf if seconds is None else highs.getRunTime() + seconds)
        return highs

    def _exclusive(self, widened: Matrix, integral: Index, before: Plan, gap: float, seconds: float | None) -> Plan:
        """The plan with binaries; duals and, if need be, all else from the plan `before`."""
        highs = self._fed(widened, seconds, integral)
        highs.setOptionValue("mip_rel_gap", 0.2 * gap)
        highs.setOptionValue("mip_abs_gap", 1e-12)
        answer = self._run(highs)
        plan = self._plan(answer)
        kept = replace(plan, duals=before.duals, binaries=len(integral), iterations=self.iterations)
        bound = answer.bound * self.energy * self.money
        return replace(kept, bound=bound if np.isfinite(bound) else None)

    def _fed(self, fed: Matrix, seconds: float | None, integral: Index | None = None) -> Any:
        import highspy

        highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        highs.setOptionValue("random_seed", 0)
        fine = FINE if integral is None else MIP_FINE
        for kind in ("primal", "dual", "mip"):
            highs.setOptionValue(f"{kind}_feasibility_tolerance", fine)
        if seconds is not None:
            highs.setOptionValue("time_limit", seconds)
        unit, whole = np.full(fed.size, self.energy), np.zeros(fed.size, np.int32)
        if integral is not None:
            unit[integral], whole[integral] = 1.0, int(highspy.HighsVarType.kInteger)
        sizes = fed.size, fed.row_high.size, fed.value.size
        by_columns, least = int(highspy.MatrixFormat.kColwise), int(highspy.ObjSense.kMinimize)
        rows = fed.row_low / self.energy, fed.row_high / self.energy
        highs.passModel(
            *sizes, by_columns, least, 0.0, fed.cost / self.money, fed.low / unit, fed.high / unit, *rows,
            fed.start, fed.index, fed.value, whole,
        )  # fmt: skip
        return highs

    def _run(self, highs: Any) -> _Answer:
        from highspy import HighsModelStatus as Status

        self._watch.run(highs)
        status, info, solution = highs.getModelStatus(), highs.getInfo(), highs.getSolution()
        self.iterations += max(info.simplex_iteration_count, 0) + max(info.ipm_iteration_count, 0)
        words = {
            Status.kOptimal: "optimal",
            Status.kModelEmpty: "optimal",
            Status.kTimeLimit: "time limit",
            Status.kInterrupt: "cancelled",
            Status.kInfeasible: "infeasible",
        }
        columns = np.asarray(solution.col_value, np.float64)
        answer = _Answer(
            words.get(status, highs.modelStatusToString(status).lower()), columns,
            np.asarray(solution.row_dual, np.float64), np.asarray(solution.col_dual, np.float64),
            self.iterations, float(info.mip_dual_bound),
        )  # fmt: skip
        if columns.size >= self.last.size and info.primal_solution_status == 2:
            self.last = columns[: self.last.size] * self.energy
        return answer

    def _laziest(self, highs: Any, answer: _Answer, held: Mask) -> _Answer:
        """Among equal optima the one that moves least, early; with the duals of the first answer."""
        columns = np.arange(held.size, dtype=np.int32)
        low, high = self.matrix.low / self.energy, self.matrix.high / self.energy
        at = np.clip(answer.value, low, high)
        highs.changeColsBounds(held.size, columns, np.where(held, at, low), np.where(held, at, high))
        open_rows = (self.matrix.row_low < self.matrix.row_high) & (np.abs(answer.row_dual) > FINE)
        for row in np.flatnonzero(open_rows):
            end = self.matrix.row_high[row] if answer.row_dual[row] < 0 else self.matrix.row_low[row]
            highs.changeRowBounds(row, end / self.energy, end / self.energy)
        effort = np.zeros(held.size)
        slots = self.problem.shape[0]
        for name in ("charge", "discharge", "curtail", "unserved", "sent"):
            if name in self.matrix.blocks:
                block = self.matrix.blocks[name]
                late = (block.at // block.shape[1] + 1) / slots
                effort[block.first : block.first + block.at.size] = 1.0 + late
        highs.changeColsCost(held.size, columns, effort)
        again = self._run(highs)
        return replace(again, row_dual=answer.row_dual, column_dual=answer.column_dual)

    def _plan(self, answer: _Answer) -> Plan:
        problem, blocks = self.problem, self.matrix.blocks
        if not answer.value.size and self.matrix.size:
            return replace(Plan.rest(problem, "highs", answer.status), iterations=answer.iterations)
        values = self.last
        level = blocks["level"].read(values) if "level" in blocks else np.zeros(problem.stores.shape)
        pooled = blocks["pool_in"].read(values) - blocks["pool_out"].read(values)
        return Plan(
            level_kwh=level, curtailed_kwh=blocks["curtail"].read(values),
            unserved_kwh=blocks["unserved"].read(values), pooled_kwh=pooled,
            duals=prices_of_rows(problem, self.matrix, answer.row_dual * self.money),
            engine="highs", status=answer.status, iterations=answer.iterations,
        )  # fmt: skip


def _certified(problem: Problem, plan: Plan, gap: float) -> tuple[Plan, Certificate]:
    return plan, certify(problem, plan, gap)[1]


def _left(until: float | None) -> float | None:
    return None if until is None else max(until - time.process_time(), 0.01)
