"""One model for many problems of one shape: windows that roll on, tariffs on one community."""

from __future__ import annotations

from ..watch import Cancel, OnProgress
from .engine import Plan
from .highs import Model
from .problem import Problem


class Kept:
    """HiGHS with a model that is kept: bounds and costs change in place, and the search starts at the last basis.

    The cost is the same as with a new model, to rounding. So is the plan, but for ties that moving least and early
    does not break.
    """

    def __init__(self) -> None:
        self.rebuilt = 0
        """How often the matrix had to be built anew."""
        self._models: dict[tuple[str, ...], Model] = {}

    def __call__(
        self,
        problem: Problem,
        gap: float,
        seconds: float | None = None,
        start: Plan | None = None,
        on_progress: OnProgress | None = None,
        cancel: Cancel | None = None,
    ) -> Plan:
        """An engine, as any other; a start is not used."""
        model = self._models.get(problem.names)
        if model is None or not model.refit(problem, on_progress, cancel):
            model = Model(problem, roomy=True, on_progress=on_progress, cancel=cancel)
            self._models[problem.names] = model
            self.rebuilt += 1
        return model.solved(gap, seconds)
