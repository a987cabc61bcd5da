"""HiGHS, fed directly with sparse arrays: the reference engine, and the only one that knows binaries.

First the relaxation. Where its plan, made exclusive, costs more than the bound, the pairs of columns that offend get a
binary each, and again; at last all pairs. Among equal optima of a relaxation the one that moves least energy, and
that as early as it can, is taken: columns with a reduced cost are held, and the rest is solved again for that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..flow import Array, Index, Mask
from ._matrix import Matrix, matrix
from .certificate import certify
from .engine import Cancel, Duals, OnProgress, Plan
from .problem import Problem

PAIRS = (("want", "give"), ("charge", "discharge"), ("grid_in", "grid_out"))
"""What may not happen at once: at a meter, at a store, at the coupling point."""
SIDES = {"want": ("own_in", "pool_in"), "give": ("own_out", "pool_out")}
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
    """The best plan to `gap` [-] within CPU `seconds`, with duals of the relaxation."""
    model, until = Model(problem), None if seconds is None else time.process_time() + seconds
    plan = model.relaxed(_left(until))
    chosen: dict[str, Index] = {}
    for round_ in range(ROUNDS + 1):
        _, proof = certify(problem, plan, gap)
        if proof.gap <= gap or plan.status == "time limit":
            break
        more = model.offending(chosen, everything=round_ == ROUNDS)
        if not more:
            break
        chosen = more
        plan = model.exclusive(chosen, plan, gap, _left(until))
    return plan


def _left(until: float | None) -> float | None:
    return None if until is None else max(until - time.process_time(), 0.01)


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

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.matrix = matrix(problem)
        sizes = problem.want_max_kwh, problem.give_max_kwh, problem.stores.level_max_kwh
        self.energy = max(*(float(np.max(size, initial=0.0)) for size in sizes)) or 1.0
        self.money = float(np.abs(self.matrix.cost).max(initial=0.0)) or 1.0
        self.last = np.zeros(self.matrix.cost.size)
        self.iterations = 0

    def relaxed(self, seconds: float | None) -> Plan:
        """The plan of the relaxation, the laziest among equals."""
        from highspy import HighsModelStatus

        highs = self._fed(self.matrix, seconds)
        answer = self._run(highs)
        if answer.status == "optimal":
            status = highs.getModelStatus()
            held = np.abs(answer.column_dual) > FINE
            if status == HighsModelStatus.kOptimal and not held.all():
                again = self._laziest(highs, answer, held)
                answer = again if again.status == "optimal" else answer
        return self._plan(answer)

    def exclusive(self, chosen: dict[str, Index], before: Plan, gap: float, seconds: float | None) -> Plan:
        """The plan with binaries for `chosen` pairs; duals and, if need be, all else from the plan `before`."""
        widened, integral = _with_binaries(self.matrix, self._pairs(), chosen, self.energy)
        highs = self._fed(widened, seconds, integral)
        highs.setOptionValue("mip_rel_gap", 0.2 * gap)
        highs.setOptionValue("mip_abs_gap", 1e-12)
        answer = self._run(highs)
        plan = self._plan(answer)
        kept = replace(plan, duals=before.duals, binaries=len(integral), iterations=self.iterations)
        bound = answer.bound * self.energy * self.money
        return replace(kept, bound=bound if np.isfinite(bound) else None)

    def offending(self, chosen: dict[str, Index], *, everything: bool) -> dict[str, Index]:
        """Pairs that happen at once in the last answer, with those chosen before; nothing if no new ones."""
        found, new, possible, wrong = dict[str, Index](), 0, 0, 0
        for name, (ones, others) in self._pairs().items():
            both = np.flatnonzero((ones.most > 0) & (others.most > 0))
            now = np.minimum(ones.sum(self.last), others.sum(self.last))[both] > FINE * self.energy
            possible, wrong = possible + both.size, wrong + int(now.sum())
            found[name] = both[now]
        everything = everything or wrong > MANY * possible
        for name, (ones, others) in self._pairs().items():
            both = np.flatnonzero((ones.most > 0) & (others.most > 0))
            before = chosen.get(name, np.empty(0, np.int64))
            found[name] = both if everything else np.union1d(found[name], before)
            new += found[name].size - before.size
        return found if new else {}

    def _pairs(self) -> dict[str, tuple[_Side, _Side]]:
        return {f"{one}|{other}": (self._side(one), self._side(other)) for one, other in PAIRS}

    def _side(self, name: str) -> _Side:
        tables = {"want": self.problem.want_max_kwh, "give": self.problem.give_max_kwh}
        blocks = [self.matrix.blocks[b] for b in SIDES.get(name, (name,)) if b in self.matrix.blocks]
        blocks = [block for block in blocks if block.at.size]
        if not blocks:
            return _Side(np.empty(0), ())
        most = np.zeros(blocks[0].shape[0] * blocks[0].shape[1])
        for block in blocks:
            most[block.at] = block.high
        if name in tables:
            most = tables[name].ravel() * (most > 0)
        return _Side(most, tuple((block.at, block.first) for block in blocks))

    def _fed(self, fed: Matrix, seconds: float | None, integral: Index | None = None) -> Any:
        import highspy

        highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        lp, inf = highspy.HighsLp(), highspy.kHighsInf
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        highs.setOptionValue("random_seed", 0)
        fine = FINE if integral is None else MIP_FINE
        for kind in ("primal", "dual", "mip"):
            highs.setOptionValue(f"{kind}_feasibility_tolerance", fine)
        if seconds is not None:
            highs.setOptionValue("time_limit", seconds)
        lp.num_col_, lp.num_row_ = fed.cost.size, fed.right.size
        lp.col_cost_ = fed.cost / self.money
        binary = integral if integral is not None else np.empty(0, np.int64)
        unit = np.full(fed.cost.size, self.energy)
        unit[binary] = 1.0
        lp.col_lower_, lp.col_upper_ = fed.low / unit, fed.high / unit
        upper = fed.right / self.energy
        lower, equal = np.full(upper.size, -inf), self.matrix.equal
        lower[:equal] = upper[:equal]
        lp.row_lower_, lp.row_upper_ = lower, upper
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = fed.start, fed.index, fed.value
        if integral is not None:
            kinds = [highspy.HighsVarType.kContinuous] * fed.cost.size
            for column in binary:
                kinds[column] = highspy.HighsVarType.kInteger
            lp.integrality_ = kinds
        highs.passModel(lp)
        return highs

    def _run(self, highs: Any) -> _Answer:
        from highspy import HighsModelStatus as Status

        highs.run()
        status, info, solution = highs.getModelStatus(), highs.getInfo(), highs.getSolution()
        self.iterations += max(info.simplex_iteration_count, 0) + max(info.ipm_iteration_count, 0)
        words = {
            Status.kOptimal: "optimal",
            Status.kModelEmpty: "optimal",
            Status.kTimeLimit: "time limit",
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
        for row in range(self.matrix.equal, self.matrix.right.size):
            if abs(answer.row_dual[row]) > FINE:
                right = self.matrix.right[row] / self.energy
                highs.changeRowBounds(row, right, right)
        effort = np.zeros(held.size)
        slots = self.problem.shape[0]
        for name in ("charge", "discharge", "curtail", "sent"):
            if name in self.matrix.blocks:
                block = self.matrix.blocks[name]
                late = (block.at // block.shape[1] + 1) / slots
                effort[block.first : block.first + block.at.size] = 1.0 + late
        highs.changeColsCost(held.size, columns, effort)
        again = self._run(highs)
        return replace(again, row_dual=answer.row_dual, column_dual=answer.column_dual)

    def _plan(self, answer: _Answer) -> Plan:
        problem, blocks = self.problem, self.matrix.blocks
        if not answer.value.size and self.matrix.cost.size:
            return replace(Plan.rest(problem, "highs", answer.status), iterations=answer.iterations)
        values = self.last
        slots, members, devices = *problem.shape, problem.stores.shape[1]
        duals = Duals.nothing(problem)
        if answer.row_dual.size:
            dual = answer.row_dual * self.money
            cells, levels = slots * members, slots * (members + devices)
            pooled = np.zeros(2 * slots) if not problem.pooled else dual[levels : levels + 2 * slots]
            duals = replace(
                duals, balance=dual[:cells].reshape(slots, members), level=dual[cells:levels].reshape(slots, devices),
                demand=pooled[:slots], supply=-pooled[slots:],
            )  # fmt: skip
        level = blocks["level"].read(values) if devices else np.zeros((slots, 0))
        return Plan(
            level_kwh=level, curtailed_kwh=blocks["curtail"].read(values), unserved_kwh=np.zeros(problem.shape),
            duals=duals, engine="highs", status=answer.status, iterations=answer.iterations,
        )  # fmt: skip


@dataclass(frozen=True)
class _Side:
    """One side of a pair: most energy per place, and the columns that sum up to it."""

    most: Array
    columns: tuple[tuple[Index, int], ...]

    def sum(self, values: Array) -> Array:
        """What flows, place by place."""
        total = np.zeros(self.most.size)
        for at, first in self.columns:
            total[at] += values[first : first + at.size]
        return total


def _with_binaries(
    bare: Matrix, pairs: dict[str, tuple[_Side, _Side]], chosen: dict[str, Index], energy: float
) -> tuple[Matrix, Index]:
    """The matrix with a binary z per chosen pair: one side <= most z, the other <= most (1 - z); and their columns."""
    first, rows = bare.cost.size, bare.right.size
    entries, right = list[tuple[Index, Index, Array]](), [bare.right]
    count = 0
    for name, places in chosen.items():
        if not places.size:
            continue
        for side, sign in zip(pairs[name], (-1.0, 1.0), strict=True):
            row = rows + np.arange(places.size)
            entries += [_entries(side, places, row)]
            entries += [(first + count + np.arange(places.size), row, sign * side.most[places] / energy)]
            right += [side.most[places] * (sign > 0)]
            rows += places.size
        count += places.size
    column = np.concatenate([np.repeat(np.arange(first), np.diff(bare.start)), *(e[0] for e in entries)])
    row = np.concatenate([bare.index, *(e[1] for e in entries)])
    value = np.concatenate([bare.value, *(e[2] for e in entries)])
    order = np.lexsort((row, column))
    start = np.zeros(first + count + 1, np.int32)
    start[1:] = np.cumsum(np.bincount(column, minlength=first + count))
    none, ones = np.zeros(count), np.ones(count)
    wide = replace(
        bare, low=np.append(bare.low, none), high=np.append(bare.high, ones), cost=np.append(bare.cost, none),
        start=start, index=row[order].astype(np.int32), value=value[order], right=np.concatenate(right),
    )  # fmt: skip
    return wide, np.arange(first, first + count)


def _entries(side: _Side, places: Index, row: Index) -> tuple[Index, Index, Array]:
    """The columns of a side at `places`, each in the row of its place."""
    columns, rows = [], []
    for at, first in side.columns:
        where = np.searchsorted(at, places)
        there = (where < at.size) & (at[np.minimum(where, at.size - 1)] == places)
        columns.append(first + where[there])
        rows.append(row[there])
    column = np.concatenate(columns)
    return column, np.concatenate(rows), np.ones(column.size)
