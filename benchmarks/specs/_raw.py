"""HiGHS as anybody may call it: the same matrix, one solver, no second look at ties."""

from __future__ import annotations

from typing import Any, Literal

import highspy

from benchmarks.harness import Work
from commonwatt.optimum._matrix import Matrix, matrix
from commonwatt.optimum.problem import Problem

Solver = Literal["ipm", "simplex", "hipo"]


def fed(given: Matrix, solver: Solver) -> Any:
    """HiGHS with a matrix; interior point methods without crossover."""
    highs: Any = highspy.Highs()
    options = {"output_flag": False, "threads": 1, "solver": solver, "run_crossover": "off"}
    for name, value in options.items():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise ValueError(f"HiGHS knows no {name} {value!r}")
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = given.size, given.row_high.size
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = given.cost, given.low, given.high
    lp.row_lower_, lp.row_upper_ = given.row_low, given.row_high
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = given.start, given.index, given.value
    highs.passModel(lp)
    return highs


def run(given: Matrix, solver: Solver) -> float:
    """The least cost of a relaxation, fed and solved. [money]"""
    highs = fed(given, solver)
    highs.run()
    return float(highs.getInfo().objective_function_value)


def solved(problem: Problem, solver: Solver) -> Work:
    """Feeding and solving; the matrix is built beforehand."""
    given = matrix(problem)

    def work() -> None:
        run(given, solver)

    return work


def missing(solver: Solver) -> str:
    """Why a solver cannot be run; empty if it can."""
    highs: Any = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    known = highs.setOptionValue("solver", solver) == highspy.HighsStatus.kOk
    return "" if known else f"this HiGHS {highs.version()} was built without {solver}"
