"""What an engine is: a problem in, a plan out. Nobody takes its word for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..flow import Array
from .problem import Problem


@dataclass(frozen=True, kw_only=True)
class Duals:
    """What constraints cost [money/kWh]; any values give a bound, the right ones a sharp one.

    `balance` (T, N): energy at a member. `level` (T, K): minus what stored energy is worth. `demand`, `supply` (T,):
    what the pool's buyers pay and its sellers get.
    """

    balance: Array
    level: Array
    demand: Array
    supply: Array

    @classmethod
    def nothing(cls, problem: Problem) -> Duals:
        """All zero."""
        slots = problem.shape[0]
        balance, level = np.zeros(problem.shape), np.zeros(problem.stores.shape)
        return cls(balance=balance, level=level, demand=np.zeros(slots), supply=np.zeros(slots))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an engine says one should do, and how it came by that."""

    level_kwh: Array
    """(T, K), at the end of each slot."""
    curtailed_kwh: Array
    """(T, N)"""
    duals: Duals
    engine: str
    status: str
    """The engine's own word."""
    iterations: int = 0
    binaries: int = 0
    bound: float | None = None
    """A lower bound that the engine claims from branch and bound. [money]"""

    @classmethod
    def rest(cls, problem: Problem, engine: str, status: str) -> Plan:
        """No decision: levels as they are."""
        stores = problem.stores
        level = np.broadcast_to(stores.start_kwh, stores.shape)
        curtailed = np.zeros(problem.shape)
        return cls(
            level_kwh=level, curtailed_kwh=curtailed, duals=Duals.nothing(problem), engine=engine, status=status
        )  # fmt: skip


class Engine(Protocol):
    """Solves a problem to a gap [-] within CPU seconds (None: as long as it takes)."""

    def __call__(self, problem: Problem, gap: float, seconds: float | None) -> Plan:
        """A plan; its certificate is somebody else's business."""
