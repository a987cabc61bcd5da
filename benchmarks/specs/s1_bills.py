"""Bills of S1's three settlements, and nothing but bills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from commonwatt.dispatch.passive import Passive
from commonwatt.flow import Array, Community, Outlook, State
from commonwatt.simulate import owed_each

from . import _s1

DAYS = {"full": 30, "quick": 30, "tiny": 1}


def settled(members: Community) -> Work:
    """Meters once, then clearing and bills of every mechanism."""
    parts = [(scenario.market, scenario.prices(members)) for scenario in _s1.scenarios().values()]
    state = State.initial(members)
    outlook = Outlook(community=members, prices=parts[0][1])

    def work() -> Array:
        now = replace(members)  # nothing kept from the time before
        schedule = Passive().plan(now, parts[0][1], outlook, state)
        return np.concatenate([bills for bills, _ in owed_each(now, schedule, state, parts)])

    return work


def cases(size: Size) -> Sequence[Case]:
    """Against a notebook, and against tight loops."""
    members = _s1.community(DAYS[size])
    case = _s1.Case1.of(members)
    shape = f"3 settlements, {members.shape[1]} x {members.shape[0]}"
    return [
        Case(
            "s1_bills", shape, "notebook loops over numpy arrays",
            lambda: settled(members), lambda: lambda: _s1.notebook(case), goal=1000.0,
        ),
        Case(
            "s1_bills", shape, "tight loops over Python lists",
            lambda: settled(members), lambda: _s1.over_lists(case), goal=50.0,
        ),
    ]  # fmt: skip


SPEC = Spec("s1_bills", "Meters, clearing and bills of three mechanisms, without series.", cases)
