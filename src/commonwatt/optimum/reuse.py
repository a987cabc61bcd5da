"""What one problem leaves to the next: the model as windows roll on, a place to start from as tariffs change."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from ..watch import Cancel, OnProgress
from ._reference import digest, reference_cost
from .engine import Plan
from .highs import Model
from .problem import Problem

MOST = 2**25
"""Columns of all problems whose starts are remembered, at most."""


def solve(
    problem: Problem,
    gap: float,
    seconds: float | None = None,
    start: Plan | None = None,
    on_progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> Plan:
    """One plan by HiGHS, to the bit as in any `Sweep`."""
    return Sweep()(problem, gap, seconds, start, on_progress, cancel)


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


class Sweep:
    """HiGHS for one community under many tariffs: each search starts at what is best under prices of no tariff.

    Who needs what and what devices can do decides where that is, so a plan has the same bits whatever was planned
    before it, and in whichever process; only the time it takes depends on that.
    """

    def __init__(self) -> None:
        self.prepared = 0
        """How often a place to start from had to be found."""
        self._starts: OrderedDict[bytes, tuple[int, Any]] = OrderedDict()
        self._columns = 0

    def __call__(
        self,
        problem: Problem,
        gap: float,
        seconds: float | None = None,
        start: Plan | None = None,
        on_progress: OnProgress | None = None,
        cancel: Cancel | None = None,
    ) -> Plan:
        """An engine, as any other; a start is not used. Within a limit of time it begins from nothing."""
        model = Model(problem, on_progress=on_progress, cancel=cancel)
        if seconds is None:
            model.basis = self._start(model)
        return model.solved(gap, seconds)

    def _start(self, model: Model) -> Any:
        """The basis to start from, remembered or found now."""
        cost = reference_cost(model.matrix)
        key = digest(model.matrix, model.energy, cost)
        if key in self._starts:
            self._starts.move_to_end(key)
            return self._starts[key][1]
        basis = model.basis_at(cost)
        self.prepared += 1
        if basis is not None:
            self._starts[key] = cost.size, basis
            self._columns += cost.size
        while self._columns > MOST:
            self._columns -= self._starts.popitem(last=False)[1][0]
        return basis
