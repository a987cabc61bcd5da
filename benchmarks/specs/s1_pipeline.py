"""S1's three scenarios through the whole pipeline, with every series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from commonwatt.flow import Array, Community
from commonwatt.noun import running_sum
from commonwatt.simulate import simulate

from . import _s1

DAYS = {"full": 30, "quick": 30, "tiny": 1}


def simulated(members: Community) -> Work:
    """Every window of every scenario, as columns."""
    scenarios = list(_s1.scenarios().values())

    def work() -> Array:
        bills = []
        for scenario in scenarios:
            bill = np.zeros(members.shape[1])
            for window in simulate(scenario, replace(members)):
                window.columns()
                bill = running_sum(bill, window.bills.total)
            bills.append(bill)
        return np.concatenate(bills)

    return work


def cases(size: Size) -> Sequence[Case]:
    """Against a notebook."""
    members = _s1.community(DAYS[size])
    case = _s1.Case1.of(members)
    return [
        Case(
            "s1_pipeline", f"3 scenarios, {members.shape[1]} x {members.shape[0]}", "notebook loops over numpy arrays",
            lambda: simulated(members), lambda: lambda: _s1.notebook(case), goal=20.0,
        )
    ]  # fmt: skip


SPEC = Spec("s1_pipeline", "The whole pipeline with every series.", cases)
