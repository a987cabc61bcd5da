"""What an engine is: a problem in, a plan out. Nobody takes its word for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..flow import Array
from ..noun import spread
from ..watch import Cancel, OnProgress
from .problem import Problem


@dataclass(frozen=True, kw_only=True)
class Duals:
    """What constraints cost [money/kWh]; any values give a bound, the right ones a sharp one.

    `balance` (T, N): energy at a member. `level` (T, K): minus what stored energy is worth. `demand`, `supply` (T,):
    what the pool's buyers pay and its sellers get. `import_limit`, `export_limit` (T, G), at least 0: what one kWh more
    of a place's limit would save. `peak` (T, peaks), at least 0: the part of each peak's rate that a slot bears, per
    kWh. `tier` (tiers,): what the next kWh of a period costs on top of its price; `tier_in` (T, tiers): the part of it
    that a slot's net import bears where members are read together. `joint_level` (T, joints): minus what room in a
    shared battery is worth; `joint_charge`, `joint_discharge` (T, joints), at least 0: what its power is worth.
    `resale` (T, N), at least 0: what giving more than one makes would save where that is forbidden.
    """

    balance: Array
    level: Array
    demand: Array
    supply: Array
    import_limit: Array
    export_limit: Array
    peak: Array
    tier: Array
    tier_in: Array
    joint_level: Array
    joint_charge: Array
    joint_discharge: Array
    resale: Array

    @classmethod
    def nothing(cls, problem: Problem) -> Duals:
        """All zero, each repeated without a copy."""
        slots = problem.shape[0]

        def none(*columns: int) -> Array:
            return spread(0.0, (slots, *columns))

        members, places = none(problem.shape[1]), none(len(problem.places.names))
        tiers, joints = len(problem.tiers), none(len(problem.joints))
        return cls(
            balance=members,
            level=none(problem.stores.shape[1]),
            demand=none(),
            supply=none(),
            import_limit=places,
            export_limit=places,
            peak=none(len(problem.peaks)),
            tier=spread(0.0, (tiers,)),
            tier_in=none(tiers),
            joint_level=joints,
            joint_charge=joints,
            joint_discharge=joints,
            resale=members,
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an engine says one should do, and how it came by that."""

    level_kwh: Array
    """(T, K), at the end of each slot."""
    curtailed_kwh: Array
    """(T, N)"""
    unserved_kwh: Array
    """(T, N)"""
    pooled_kwh: Array | None = None
    """What each member takes from the pool, less what it gives (T, N); none: whatever its rule gives."""
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
        stores, nothing = problem.stores, spread(0.0, problem.shape)
        level = spread(stores.start_kwh, stores.shape)
        return cls(
            level_kwh=level, curtailed_kwh=nothing, unserved_kwh=nothing, duals=Duals.nothing(problem),
            engine=engine, status=status,
        )  # fmt: skip


class Engine(Protocol):
    """Solves a problem to a gap [-] within CPU seconds (None: as long as it takes), from a plan if there is one."""

    def __call__(
        self,
        problem: Problem,
        gap: float,
        seconds: float | None = None,
        start: Plan | None = None,
        on_progress: OnProgress | None = None,
        cancel: Cancel | None = None,
    ) -> Plan:
        """A plan; its certificate is somebody else's business."""
