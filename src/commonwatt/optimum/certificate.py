"""What a plan is worth, proven from the plan and a set of prices alone; knows nothing of the engine that made them.

Upper bound: the plan is made feasible to the last kWh and priced as settlement will. Lower bound: Lagrangian, from any
duals. lower <= optimum <= upper.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..proof import Certificate
from .bill import priced
from .engine import Plan
from .lower import lower, worth
from .problem import Problem
from .upper import Feasible, feasible

FINE = 1e-6
"""What a bound may be missed by, as a share of the largest flow or level of the plan. [-]"""
CLOSED = 1e-10
"""A gap that no sharper bound need be sought for. [-]"""


def certify(problem: Problem, plan: Plan, asked: float) -> tuple[Feasible, Certificate]:
    """The plan made feasible, and what is proven about it."""
    decided = plan.level_kwh, plan.curtailed_kwh, plan.unserved_kwh
    if not all(np.isfinite(values).all() for values in decided):
        rest = Plan.rest(problem, plan.engine, f"{plan.status}, not finite")
        plan = replace(rest, duals=plan.duals, iterations=plan.iterations)
    made, missed = feasible(problem, plan)
    sizes = problem.load_kwh, problem.pv_kwh, np.abs(made.level_kwh)
    fine = FINE * max(float(size.max(initial=0.0)) for size in sizes)
    made, upper = priced(problem, made) if missed <= fine else (made, np.inf)
    proven = lower(problem, plan.duals, exact=False)
    if gap(problem, upper, proven) > CLOSED:
        proven = lower(problem, plan.duals)
    claimed = plan.bound is not None and plan.bound > proven
    bound = min(plan.bound, upper) if claimed and plan.bound is not None else proven
    between = gap(problem, upper, bound)
    return made, Certificate(
        engine=plan.engine,
        status="proven" if between <= asked else f"open ({plan.status})",
        proof="branch and bound" if claimed else "duals",
        cost=upper,
        lower=bound,
        gap=between,
        asked=asked,
        iterations=plan.iterations,
        binaries=plan.binaries,
        energy_price=worth(problem, plan.duals),
        stored_price=-plan.duals.level,
        limit_names=problem.places.names,
        limit_price=plan.duals.import_limit - plan.duals.export_limit,
    )


def gap(problem: Problem, upper: float, bound: float) -> float:
    """Between bounds, as a share of the cost, or of a thousandth of the turnover if that is more. [-]"""
    if not np.isfinite(upper - bound):
        return np.inf
    rounding = 1e-12 * (1e3 * problem.scale + abs(upper))
    return max(upper - bound - rounding, 0.0) / max(abs(upper), problem.scale, 1e-300)


def whole(problem: Problem, parts: list[tuple[Problem, Certificate]], asked: float) -> Certificate:
    """Certificates of parts that have nothing to do with each other as one, in the community's order."""
    energy, stored = np.zeros(problem.shape), np.zeros(problem.stores.shape)
    number = {name: g for g, name in enumerate(problem.places.names)}
    limit = np.zeros((problem.shape[0], len(number)))
    for part, proof in parts:
        energy[:, part.member], stored[:, part.device] = proof.energy_price, proof.stored_price
        limit[:, [number[name] for name in part.places.names]] = proof.limit_price
    proofs = [proof for _, proof in parts]
    upper, bound = sum(p.cost for p in proofs), sum(p.lower for p in proofs)
    worst = max((p.gap for p in proofs), default=0.0)
    names = sorted({p.engine for p in proofs})
    return Certificate(
        engine="+".join(names) or "none",
        status=next((p.status for p in proofs if p.status != "proven"), "proven"),
        proof="branch and bound" if any(p.proof != "duals" for p in proofs) else "duals",
        cost=upper, lower=bound, gap=worst, asked=asked,
        iterations=sum(p.iterations for p in proofs), binaries=sum(p.binaries for p in proofs),
        energy_price=energy, stored_price=stored, limit_names=problem.places.names, limit_price=limit,
    )  # fmt: skip
