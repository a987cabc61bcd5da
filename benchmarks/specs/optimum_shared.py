"""The joint plan of a hundred homes with more that binds them: a shared battery, or a peak charge on each meter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.harness import Case, Size, Spec
from benchmarks.specs._plans import blocked, community
from benchmarks.specs._raw import solved
from commonwatt.optimum.limits import Joint, Peak
from commonwatt.optimum.problem import Problem

MEMBERS = {"full": 100, "quick": 30, "tiny": 4}


def sharing(given: Problem) -> Problem:
    """All batteries as one, in which their owners have accounts."""
    stores, slots = given.stores, np.ones(given.shape[0])
    rows = np.flatnonzero([kind == "battery" for kind in stores.kind])
    size, power = float(stores.level_max_kwh[0, rows].sum()), float(stores.charge_max_kwh[0, rows].sum())
    least, gain, loss = np.array(stores.level_min_kwh), np.array(stores.gain), np.array(stores.loss)
    least[:-1, rows], gain[:, rows], loss[rows] = 0.0, 0.95, 1.0 / 0.95
    wide = {"level_max_kwh": size, "charge_max_kwh": power, "discharge_max_kwh": power}
    tables = {name: np.array(getattr(stores, name)) for name in wide}
    for name, most in wide.items():
        tables[name][:, rows] = most
    joint = Joint(
        rows=rows, level_min_kwh=least[:, rows].sum(axis=1), **{name: most * slots for name, most in wide.items()}
    )
    stores = replace(stores, level_min_kwh=least, gain=gain, loss=loss, **tables)
    return replace(given, stores=stores, joints=(joint,))


def charged(given: Problem) -> Problem:
    """Own meters under the common tariff, the highest quarter-hour of each charged at 0.10 per kW."""
    slots, members = given.shape
    weight = np.full(slots, 4.0)
    peaks = tuple(Peak(members=np.arange(members) == n, weight=weight, rate=0.1) for n in range(members))
    return replace(given, one_meter=False, peaks=peaks)


def cases(size: Size) -> Sequence[Case]:
    """Each beside the interior point method of HiGHS."""
    members = MEMBERS[size]
    given = community(members)
    found = (("one battery for all", sharing(given)), ("a peak per meter", charged(given)))
    return [
        Case(
            "optimum_shared", f"{members} members, 96 slots, gap 1e-6, {what}",
            "HiGHS interior point without crossover, fed with sparse arrays",
            lambda told=told: blocked(1e-6, told), lambda told=told: solved(told, "ipm"), goal=None,
        )
        for what, told in found
    ]  # fmt: skip


SPEC = Spec("optimum_shared", "The joint plan with a shared battery, with a peak charge per meter.", cases, rounds=3)
"""The promise."""
