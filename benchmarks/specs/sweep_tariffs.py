"""Many tariffs on one small community, by HiGHS: all searches from one place against every plan made from nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from benchmarks.specs._plans import community
from benchmarks.specs.optimum_tariffs import tariffs
from commonwatt.optimum import highs
from commonwatt.optimum.engine import Engine
from commonwatt.optimum.problem import Problem
from commonwatt.optimum.reuse import Sweep
from commonwatt.optimum.solve import solve
from commonwatt.scenario import Scenario, Study
from commonwatt.studies import run_study

MEMBERS = 10
TARIFFS = {"full": 100, "quick": 20, "tiny": 2}
RUNS = {"full": 40, "quick": 10, "tiny": 2}
FOREVER = 1e6
"""With a limit of time, even so long a one, plans are made from nothing. [s]"""


def planned(problems: list[Problem], engine: Callable[[], Engine]) -> Work:
    """What each plan costs."""
    return lambda: np.array([solve(problem, kept=made).certificate.cost for made in [engine()] for problem in problems])


def study(count: int, seconds: float | None) -> Study:
    """Plans for ten homes under tariffs by time of use that differ in level and in what exports bring."""
    rng = np.random.default_rng(7)
    drawn = zip(rng.uniform(0.25, 0.5, count), rng.uniform(0.1, 0.6, count), strict=True)
    base = Scenario(
        source={"kind": "sample", "members": MEMBERS, "slots": 96}, pool={"efficiency": 0.95},
        devices=({"kind": "shiftable_load", "share": None},),
        dispatch={"kind": "community_optimal", "seconds": seconds},
    )  # fmt: skip
    kinds = [{"kind": "time_of_use", "on_peak": float(peak), "export_ratio": float(ratio)} for peak, ratio in drawn]
    return Study.model_validate({"kind": "study", "base": base, "axes": {"tariff": kinds}})


def billed(given: Study) -> Work:
    """What each community owes, after whole audited runs."""
    return lambda: np.array([run.bills.sum() for run in run_study(given).runs.values()])


def cases(size: Size) -> Sequence[Case]:
    """Plans alone, and whole runs."""
    problems = tariffs(community(MEMBERS), TARIFFS[size])
    return [
        Case(
            "sweep_tariffs", f"{TARIFFS[size]} tariffs, {MEMBERS} members, 96 slots", "HiGHS, built anew every tariff",
            lambda: planned(problems, Sweep), lambda: planned(problems, lambda: highs.solve), goal=1.8,
        ),
        Case(
            "sweep_tariffs", f"study of {RUNS[size]} tariffs, {MEMBERS} members, 96 slots", "the same, every plan anew",
            lambda: billed(study(RUNS[size], None)), lambda: billed(study(RUNS[size], FOREVER)), goal=1.5,
        ),
    ]  # fmt: skip


SPEC = Spec("sweep_tariffs", "Many tariffs on one small community, planned and run.", cases, rounds=3)
"""The promise."""
