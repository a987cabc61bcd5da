"""A community that plans a day ahead, hour by hour: its steps as problems, and whole runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from commonwatt.flow import Array, Community, Outlook, State
from commonwatt.optimum.engine import Engine
from commonwatt.optimum.problem import Problem
from commonwatt.optimum.solve import solve
from commonwatt.scenario import Scenario
from commonwatt.simulate import simulate

MEMBERS, SIGHT, DAY = 30, 24, 24
YEAR = 365


def scenario(days: int) -> Scenario:
    """Homes with a battery each, most with PV, under a real-time tariff behind one meter; perfect sight of a day."""
    return Scenario(
        seed=1,
        source={"kind": "synthetic", "members": MEMBERS, "days": days, "slot_minutes": 60, "battery_share": 0.0},
        devices=({"kind": "battery"},), tariff={"kind": "real_time"}, market={"kind": "pool"},
        dispatch={"kind": "community_optimal", "prediction": SIGHT},
    )  # fmt: skip


@dataclass(frozen=True)
class Steps:
    """What is planned in every hour of a stretch of days, from the levels that were reached."""

    scenario: Scenario
    community: Community
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, days: int) -> Steps:
        """All hours that have a whole day ahead."""
        document = scenario(days)
        community = document.community()
        prices, problems, state = document.prices(community), list[Problem](), State.initial(community)
        for window in simulate(document, community, prices=prices):
            start = window.schedule.clock.first
            if start + SIGHT > community.shape[0]:
                break
            ahead = start, start + SIGHT
            outlook = Outlook(community=community.window(*ahead), prices=prices.window(*ahead))
            problems.append(replace(document.dispatch.problem(outlook, state)))
            state = window.state
        return cls(document, community, tuple(problems))

    def costs(self, engine: Engine) -> Array:
        """What each plan costs by an engine that stands in for HiGHS. (steps,) [money]"""
        return np.array([solve(problem, kept=engine).certificate.cost for problem in self.problems])


def billed(days: int) -> Array:
    """What members owe after so many days of the whole pipeline. (N,) [money]"""
    community = scenario(days).community()
    return sum(window.bills.total.sum(axis=0) for window in simulate(scenario(days), community))
