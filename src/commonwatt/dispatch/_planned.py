"""What every planner does: build the problem from beliefs, solve it, carry it out under the truth."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from ..errors import InfeasibleError, ScenarioError
from ..flow import Array, Community, Outlook, Prices, Schedule, State
from ..optimum.charges import unplannable
from ..optimum.problem import Problem, build
from ..optimum.stores import stores_of
from . import Dispatch
from ._decided import RENEWED, Decided, decided

if TYPE_CHECKING:
    from ..optimum.solve import Solved

WHOLE_RUN = 2**31


class Planner(Dispatch):
    """Plans to the end of the run at once, or rolls on with a shorter sight, and proves how good each plan is."""

    prediction: PositiveInt | None = None
    """Slots planned at a time, on the forecast of that moment; none: all to the end of the run, once. [slots]"""
    commit: PositiveInt = 1
    """Slots of such a plan that are carried out before the next one is made. [slots]"""
    curtail: bool = False
    """Whether members may throw PV away, at no cost; else all of it is used or exported."""
    stored_value: NonNegativeFloat | None = None
    """Worth of energy left in a store at the plan's end, as a share of its owner's mean buying price in the plan; none:
    1 with a `prediction`, else instead it must hold at least what it began the run with. [-]"""
    gap: PositiveFloat = 5e-3
    """How far, as a share, the plan's cost may lie above what is proven to be the least. It matters only where a meter
    or a store could gain by running both ways at once; all else is solved exactly. [-]"""
    seconds: PositiveFloat | None = None
    """CPU time after which the best plan so far is taken; none: no limit. Results then depend on the machine. [s]"""

    fallback: Literal["stop", "rule"] = "stop"
    """What happens where no plan was found that keeps all limits: the run ends and names those in conflict, or the rule
    of thumb makes that plan; what then does not fit is unserved, curtailed or short, and counted."""
    engine: Literal["highs", "block", "dp", "rule", "windows"] | None = None
    """Who finds the plan; see the page on the optimum. None: whoever is quickest. [-]"""

    @model_validator(mode="after")
    def _sees_what_it_commits(self) -> Self:
        if self.prediction is not None and self.commit > self.prediction:
            raise ValueError(f"commit = {self.commit} slots of a plan of {self.prediction} (§10); commit fewer")
        return self

    @property
    def causal(self) -> bool:
        return False

    @property
    def stride(self) -> int | None:
        return None if self.prediction is None else self.commit

    @property
    def lookahead(self) -> int:
        return WHOLE_RUN if self.prediction is None else self.prediction - self.commit

    @property
    def tolerance(self) -> float:
        return 1e-6

    @property
    def together(self) -> bool:
        """Whether it plans with energy shared inside."""
        return False

    @property
    def heeds_shared(self) -> bool:
        """Whether it heeds limits that members share: else everybody plans alone."""
        return False

    @property
    def valued(self) -> float | None:
        """Share of its owner's mean buying price that what is left in a store counts; none: it has to be left. [-]"""
        return 1.0 if self.prediction is not None and self.stored_value is None else self.stored_value

    def expected(self, outlook: Outlook) -> Prices:
        """The terms that members expect to meet."""
        return outlook.prices

    def problem(self, outlook: Outlook, state: State) -> Problem:
        """What is to be planned, as believed. Raises ScenarioError for terms that no plan of this kind can heed."""
        unknown = unplannable(outlook.prices, outlook.community.clock.hours)
        if unknown:
            raise ScenarioError(
                f"dispatch.kind = {self.kind}: cannot plan against {', '.join(unknown)} (§15: it heeds prices per kWh, "
                "the pool's losses and fee, and charges that state their terms); choose another dispatch or tariff"
            )
        return build(
            outlook.community, self.expected(outlook), state,
            p2p=self.together, shared=self.heeds_shared, curtail=self.curtail, stored_value=self.valued,
        )  # fmt: skip

    def plan(self, community: Community, prices: Prices, outlook: Outlook, state: State) -> Schedule:
        from ..optimum.problem import joints_of
        from ..optimum.upper import followed

        slots = community.shape[0]
        now = Decided.left(state.carry) or decided(
            partial(self._solved, outlook, state), self._beliefs(outlook), outlook, self.stride
        )
        stores = stores_of(community, state.level_kwh)
        joints = joints_of(community, stores, np.arange(stores.shape[1]))
        (_, charge, discharge), _ = followed(stores, joints, now.level_kwh[:slots])
        schedule = Schedule.carried_out(community, state, charge, discharge)
        curtailed: Array = np.minimum(now.curtailed_kwh[:slots], community.pv_kwh)
        thrown = curtailed if curtailed.any() else schedule.curtailed_kwh
        return replace(schedule, curtailed_kwh=thrown, plan=now.plan, carry=now.after(slots).carry)

    def _beliefs(self, outlook: Outlook) -> dict[str, Any]:
        """What a plan believes and is asked for, as `Planned` names it."""
        community, expected = outlook.community, self.expected(outlook)
        return {
            "load_kwh": community.load_kwh, "pv_kwh": community.pv_kwh, "buy": expected.buy, "sell": expected.sell,
            "together": self.together, "heeds_shared": self.heeds_shared, "curtails": self.curtail,
            "stored_value": self.valued,
        }  # fmt: skip

    def _solved(self, outlook: Outlook, state: State, number: int) -> Solved:
        """The plan of that number, with what was kept of earlier ones.

        Rolling on, the model of the last one is changed in place, and now and then renewed; a plan of the whole run
        starts where any plan of these members does.
        """
        from ..optimum.reuse import Kept, Sweep
        from ..optimum.solve import solve

        desk = outlook.desk
        if self.prediction is not None and number % RENEWED == 0:
            desk.models["plan"] = Kept()
        kept = desk.models.get("plan") if self.prediction else desk.starts.setdefault("plan", Sweep())
        problem = self.problem(outlook, state)
        try:
            return solve(problem, self.gap, self.seconds, engine=self.engine, watch=outlook.watch, kept=kept)
        except InfeasibleError:
            if self.fallback == "stop":
                raise
            return solve(problem, self.gap, engine="rule")
