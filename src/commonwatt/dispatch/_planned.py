"""What every planner does: build the problem from beliefs, solve it, carry it out under the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat

from ..errors import ScenarioError
from ..flow import Array, Community, Outlook, Prices, Schedule, State
from ..optimum.charges import unplannable
from ..optimum.problem import Problem, build
from ..optimum.stores import stores_of
from . import Dispatch

WHOLE_RUN = 2**31


class Planner(Dispatch):
    """Plans all slots to the end of the run at once, and proves how good the plan is."""

    curtail: bool = False
    """Whether members may throw PV away, at no cost; else all of it is used or exported."""
    stored_value: NonNegativeFloat | None = None
    """Worth of energy left in a store at the end, as a share of its owner's mean buying price; none: instead, it must
    hold at least what it began the run with. [-]"""
    gap: PositiveFloat = 5e-3
    """How far, as a share, the plan's cost may lie above what is proven to be the least. It matters only where a meter
    or a store could gain by running both ways at once; all else is solved exactly. [-]"""
    seconds: PositiveFloat | None = None
    """CPU time after which the best plan so far is taken; none: no limit. Results then depend on the machine. [s]"""

    engine: Literal["highs", "block", "dp", "rule", "windows"] | None = None
    """Who finds the plan; see the page on the optimum. None: whoever is quickest. [-]"""

    @property
    def causal(self) -> bool:
        return False

    @property
    def lookahead(self) -> int:
        return WHOLE_RUN

    @property
    def tolerance(self) -> float:
        return 1e-6

    def problem(self, outlook: Outlook, state: State) -> Problem:
        """What is to be planned, as believed. Raises ScenarioError for terms that no plan of this kind can heed."""
        return self._problem(outlook, state, p2p=False, shared=False)

    def _problem(self, outlook: Outlook, state: State, *, p2p: bool, shared: bool) -> Problem:
        unknown = unplannable(outlook.prices, outlook.community.clock.hours)
        if unknown:
            raise ScenarioError(
                f"dispatch.kind = {self.kind}: cannot plan against {', '.join(unknown)} (§15: it heeds prices per kWh, "
                "the pool's losses and fee, and charges that state their terms); choose another dispatch or tariff"
            )
        return build(
            outlook.community, outlook.prices, state,
            p2p=p2p, shared=shared, curtail=self.curtail, stored_value=self.stored_value,
        )  # fmt: skip

    def plan(self, community: Community, prices: Prices, outlook: Outlook, state: State) -> Schedule:
        from ..optimum.solve import solve
        from ..optimum.stores import clipped

        slots = community.shape[0]
        problem = self.problem(outlook, state)
        solved = solve(problem, self.gap, self.seconds, engine=self.engine, watch=outlook.watch)
        charge, discharge = clipped(stores_of(community, state.level_kwh), solved.level_kwh[:slots])
        schedule = Schedule.carried_out(community, state, charge, discharge)
        curtailed: Array = np.minimum(solved.curtailed_kwh[:slots], community.pv_kwh)
        thrown = curtailed if curtailed.any() else schedule.curtailed_kwh
        return replace(schedule, curtailed_kwh=thrown, plan=solved.certificate.window(0, slots))
