"""The sentence as code, and the only loop over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .flow import Array, Clearing, Community, Outlook, Prices, Ruling, Schedule, State, Window
from .registry import due
from .scenario import Scenario
from .settlement import owed, settle


def simulate(
    scenario: Scenario,
    community: Community | None = None,
    *,
    prices: Prices | None = None,
    cut: int | None = None,
) -> Iterator[Window]:
    """Runs a scenario window by window; a later window knows the earlier ones only through `State`.

    `cut` shortens the windows of a dispatch that looks no further than the slot it is in [slots].
    """
    community = community or scenario.community()
    prices, state = prices or scenario.prices(community), State.initial(community)
    for now, terms, outlook in _windows(scenario, community, prices, cut):
        schedule = scenario.dispatch.plan(now, terms, outlook, state)  # devices act
        due(Schedule, schedule, scenario.dispatch)
        access = state.access(now, terms)  # who may trade, when
        clearing = scenario.market.clear(schedule.positions(access), terms, state)  # members trade
        due(Clearing, clearing, scenario.market)
        bills = settle(schedule, terms, clearing, state)  # everybody pays
        ruling = scenario.regulator.review(now, schedule, clearing, bills, state)  # bonus, penalty, ban
        due(Ruling, ruling, scenario.regulator)
        bills = bills.booked(ruling.entries)
        left = bills.left(state)
        before, state = state, state.after(schedule, clearing, bills, ruling, left)
        yield Window(
            access=access, prices=terms, schedule=schedule, clearing=clearing, bills=bills,
            wallet_money=left[0], till_money=left[1], before=before, state=state,
        )  # fmt: skip


def owed_alone(scenario: Scenario, community: Community, *, prices: Prices, cut: int | None = None) -> Array:
    """What each member owes over the whole run: the bits of the bills above, without any series. (N,) [money]

    For a scenario that no regulator watches, such as `Scenario.alone()`.
    """
    state, sums = State.initial(community), np.zeros(community.shape[1])
    for now, terms, outlook in _windows(scenario, community, prices, cut):
        schedule = scenario.dispatch.plan(now, terms, outlook, state)
        clearing = scenario.market.clear(schedule.positions(state.access(now, terms)), terms, state)
        sums, carry = owed(schedule, terms, clearing, state, sums)
        state = state.unsettled(schedule, clearing, carry)
    return sums


@dataclass
class Standing:
    """What everybody owes without a pool, summed beside a run on the flows that it has anyway."""

    terms: Prices
    """For the whole horizon, without the pool's."""
    state: State
    bills: Array
    """So far. (N,) [money]"""

    @classmethod
    def at_start(cls, scenario: Scenario, community: Community) -> Standing:
        """Before the first window of a scenario without a pool."""
        return cls(scenario.prices(community), State.initial(community), np.zeros(community.shape[1]))

    def add(self, schedule: Schedule) -> None:
        """Adds a window."""
        start, slots = schedule.clock.first, schedule.clock.slots
        terms, clearing = self.terms.window(start, start + slots), Clearing.none(schedule.load_kwh.shape)
        self.bills, carry = owed(schedule, terms, clearing, self.state, self.bills)
        self.state = self.state.unsettled(schedule, clearing, carry)


def _windows(
    scenario: Scenario, community: Community, prices: Prices, cut: int | None
) -> Iterator[tuple[Community, Prices, Outlook]]:
    """Who is there, at what terms, and what planners believe, window by window."""
    for start, stop in scenario.windows(community, cut):
        outlook = scenario.forecast.outlook(community, prices, start, stop + scenario.dispatch.lookahead)
        yield community.window(start, stop), prices.window(start, stop), outlook
