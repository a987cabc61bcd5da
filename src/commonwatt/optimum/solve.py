"""Chooses the engine, certifies what it says, and asks HiGHS where it fails. No plan leaves without a certificate."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from .._memory import keep_freed_memory
from ..errors import InfeasibleError
from ..flow import Array, Index
from ..proof import STOPPED, Certificate
from ..watch import NOBODY, Watch
from . import block, dp, reuse, rule, windows
from .certificate import certify, whole
from .engine import Engine, Plan
from .impossible import check, conflict
from .problem import Problem
from .upper import Feasible

EngineName = Literal["highs", "block", "dp", "rule", "windows"]
ENGINES: dict[str, Engine] = {
    "highs": reuse.solve, "block": block.solve, "dp": dp.solve, "rule": rule.solve, "windows": windows.solve,
}  # fmt: skip
EXACT = 1e-6
"""Gap that is asked of an engine that ends by nothing else. [-]"""
FAILURES = ArithmeticError, ValueError, RuntimeError, IndexError, MemoryError
"""How numerical code breaks down."""


@dataclass(frozen=True, kw_only=True)
class Solved:
    """The plan in the order of the community's members and devices, and its proof."""

    charge_kwh: Array
    discharge_kwh: Array
    level_kwh: Array
    curtailed_kwh: Array
    unserved_kwh: Array
    pooled_kwh: Array
    """What members take from the pool less what they give."""
    certificate: Certificate


def solve(
    problem: Problem,
    gap: float = 1e-6,
    seconds: float | None = None,
    *,
    engine: EngineName | None = None,
    watch: Watch = NOBODY,
    kept: Engine | None = None,
) -> Solved:
    """The best plan to `gap` [-] within CPU `seconds`. Members that share nothing are planned one by one.

    `engine` is chosen by what the problem needs unless it is given; `kept`, a `Kept` or a `Sweep`, carries what
    HiGHS can use again from one problem to the next. Raises InfeasibleError, before anything is solved, for stores that
    cannot keep their bounds; else for limits that conflict, naming them and the smallest relaxation.
    """
    keep_freed_memory()
    check(problem)
    until = None if seconds is None else time.process_time() + seconds
    engines = {**ENGINES, "highs": kept} if kept else ENGINES
    job = _Job(gap, until, watch, engines)
    found = [(part, *_proven(part, name, job)) for part, name in _parts(problem, engine)]
    return _joined(problem, found, gap)


@dataclass(frozen=True)
class _Job:
    """What is asked, until when [CPU s], who looks on, and by whom it may be done."""

    gap: float
    until: float | None
    watch: Watch
    engines: Mapping[str, Engine]


def _parts(problem: Problem, engine: EngineName | None) -> list[tuple[Problem, EngineName]]:
    """What can be solved on its own, and by whom."""
    if problem.coupled:
        return [(problem, engine or _quickest(problem))]
    easy = dp.suited(problem) & (engine in {None, "dp"})
    groups: list[tuple[Index, EngineName]] = [(np.flatnonzero(easy), "dp")]
    groups += [(np.array([n]), engine or "highs") for n in np.flatnonzero(~easy)]
    return [(problem.of(members), name) for members, name in groups if members.size]


def _quickest(problem: Problem) -> EngineName:
    """Who is likely to be done first with members that meet."""
    return "block" if block.suited(problem) and block.pays(problem) else "highs"


def _proven(problem: Problem, name: EngineName, job: _Job) -> tuple[Feasible, Certificate]:
    """A plan and its proof; by HiGHS where the engine asked did not prove it, and the certificate says so."""
    plan = _asked(name, problem, job)
    made, proof = certify(problem, plan, job.gap)
    if proof.gap <= job.gap or name == "rule" or (plan.status in STOPPED and np.isfinite(proof.cost)):
        return made, proof
    if name != "highs":
        second, better = certify(problem, _asked("highs", problem, job), job.gap)
        made, proof = (second, better) if better.gap <= proof.gap else (made, proof)
        proof = replace(proof, status=f"{proof.status}; {name}: {plan.status}")
    return (made, proof) if np.isfinite(proof.cost) else _rescued(problem, job.gap, proof)


def _asked(name: EngineName, problem: Problem, job: _Job) -> Plan:
    """What an engine says; that it broke down, where it did."""
    seconds = None if job.until is None else max(job.until - time.process_time(), 0.01)
    gap = min(job.gap, EXACT) if name == "block" else job.gap
    try:
        return job.engines[name](problem, gap, seconds, None, job.watch.progress, job.watch.cancel)
    except FAILURES as error:
        return Plan.rest(problem, name, f"failed ({type(error).__name__}: {error})")


def _rescued(problem: Problem, gap: float, found: Certificate) -> tuple[Feasible, Certificate]:
    """The rule's plan where nothing better was found. Raises InfeasibleError where there is none at all."""
    made, proof = certify(problem, rule.solve(problem, gap), gap)
    if not np.isfinite(proof.cost):
        reason = conflict(problem)
        if reason is not None:
            raise reason
        raise InfeasibleError(
            f"no plan was found for {', '.join(problem.names[:3])}{', ...' * (len(problem.names) > 3)}: {found.status} "
            "(§10: every store runs one way at a time); give it more time, or loosen a limit"
        )
    return made, replace(proof, status=found.status, iterations=found.iterations)


def _joined(problem: Problem, found: list[tuple[Problem, Feasible, Certificate]], gap: float) -> Solved:
    tables = {name: np.zeros(problem.stores.shape) for name in ("charge_kwh", "discharge_kwh", "level_kwh")}
    flows = {name: np.zeros(problem.shape) for name in ("curtailed_kwh", "unserved_kwh", "pooled_kwh")}
    for part, made, _ in found:
        for name, table in tables.items():
            table[:, part.device] = getattr(made, name)
        for name, table in flows.items():
            table[:, part.member] = getattr(made, name) if getattr(made, name) is not None else 0.0
    proof = whole(problem, [(part, proof) for part, _, proof in found], gap)
    return Solved(**tables, **flows, certificate=proof)
