"""Chooses the engine: dynamic programming where a member stands alone with one store, HiGHS for all else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..flow import Array, Index
from ..proof import Certificate
from . import dp, highs
from .certificate import Feasible, certify, check, whole
from .engine import Engine
from .problem import Problem


@dataclass(frozen=True, kw_only=True)
class Solved:
    """The plan in the order of the community's members and devices, and its proof."""

    charge_kwh: Array
    discharge_kwh: Array
    level_kwh: Array
    curtailed_kwh: Array
    certificate: Certificate


def solve(problem: Problem, gap: float = 1e-6, seconds: float | None = None) -> Solved:
    """The best plan to `gap` [-]. Members that share nothing are planned one by one.

    Raises InfeasibleError, before anything is solved, for stores that cannot keep their bounds.
    """
    check(problem)
    found = [(part, *certify(part, engine(part, gap, seconds), gap)) for part, engine in _parts(problem)]
    return _joined(problem, found, gap)


def _parts(problem: Problem) -> list[tuple[Problem, Engine]]:
    """What can be solved on its own, and by whom."""
    if problem.coupled:
        return [(problem, highs.solve)]
    easy = dp.suited(problem)
    groups: list[tuple[Index, Engine]] = [(np.flatnonzero(easy), dp.solve)]
    groups += [(np.array([n]), highs.solve) for n in np.flatnonzero(~easy)]
    return [(problem.of(members), engine) for members, engine in groups if members.size]


def _joined(problem: Problem, found: list[tuple[Problem, Feasible, Certificate]], gap: float) -> Solved:
    slots, devices = problem.stores.shape
    tables = {name: np.zeros((slots, devices)) for name in ("charge_kwh", "discharge_kwh", "level_kwh")}
    curtailed = np.zeros(problem.shape)
    for part, made, _ in found:
        for name, table in tables.items():
            table[:, part.device] = getattr(made, name)
        curtailed[:, part.member] = made.curtailed_kwh
    proofs = [(part.member, part.device, proof) for part, _, proof in found]
    return Solved(**tables, curtailed_kwh=curtailed, certificate=whole(proofs, (*problem.shape, devices), gap))
