"""The sentence as code, and the only loop over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ._memory import keep_freed_memory
from .audit import Audit
from .desk import Desk
from .dispatch import Dispatch
from .flow import Array, Clearing, Community, Outlook, Prices, Ruling, Schedule, State, Window
from .friction import worthwhile
from .registry import due
from .scenario import Scenario
from .settlement import owed, settle
from .watch import NOBODY, Watch


def simulate(
    scenario: Scenario,
    community: Community | None = None,
    *,
    prices: Prices | None = None,
    cut: int | None = None,
    watch: Watch = NOBODY,
    desk: Desk | None = None,
) -> Iterator[Window]:
    """Runs a scenario window by window; a later window knows the earlier ones only through `State`.

    `cut` shortens the windows of a dispatch that looks no further than the slot it is in [slots]; `watch` looks on
    while a planner works, and `desk` is where it finds what plans of other runs were started from.
    """
    community = community or scenario.community()
    prices, state = prices or scenario.prices(community), State.initial(community)
    for now, terms, outlook in _windows(scenario, community, prices, cut, (desk or Desk()).cleared(), watch):
        schedule = acted(scenario.dispatch, now, terms, outlook, state)  # devices act, the connection limits
        access = state.access(now, terms)  # who may trade, when
        positions = schedule.positions(access, terms.pool, now.connection)
        clearing = scenario.market.clear(positions, terms, state)  # members trade
        due(Clearing, clearing, scenario.market)
        clearing, schedule = _delivered(
            clearing, terms, schedule, now
        )  # what is worth it; storage gives what was called
        bills = settle(schedule, terms, clearing, state)  # everybody pays
        ruling = scenario.regulator.review(now, schedule, clearing, bills, state)  # bonus, penalty, ban
        due(Ruling, ruling, scenario.regulator)
        bills = bills.booked(ruling.entries)
        left = bills.left(state)
        before, state = state, state.after(schedule, clearing, bills, ruling, left)
        yield Window(
            access=access, prices=terms, schedule=schedule, clearing=clearing, bills=bills, bans=ruling.bans,
            wallet_money=left[0], till_money=left[1], before=before, state=state,
            outlook=outlook if schedule.plan else None,
        )  # fmt: skip


def _delivered(clearing: Clearing, terms: Prices, schedule: Schedule, now: Community) -> tuple[Clearing, Schedule]:
    """What is left of trades when what is too little meets the grid, and what storage then delivers for them."""
    delivered = schedule.activated(clearing)
    kept = worthwhile(clearing, terms, delivered, now)
    return kept, delivered if kept is clearing else schedule.activated(kept)


def owed_alone(
    scenario: Scenario,
    community: Community,
    *,
    prices: Prices,
    cut: int | None = None,
    audit: Audit | None = None,
    desk: Desk | None = None,
) -> Array:
    """What each member owes over the whole run: the bits of the bills above, without any series. (N,) [money]

    For a scenario that no regulator watches, such as `Scenario.alone()`. `audit` examines the plans that are made.
    """
    state, sums = State.initial(community), np.zeros(community.shape[1])
    for now, terms, outlook in _windows(scenario, community, prices, cut, (desk or Desk()).cleared()):
        schedule = acted(scenario.dispatch, now, terms, outlook, state)
        if audit and schedule.plan:
            audit.examine(schedule.plan, schedule.clock.first, state.level_kwh, state.banned_slots, state.carry)
        clearing = scenario.market.clear(schedule.positions(state.access(now, terms)), terms, state)
        sums, carry = owed(schedule, terms, clearing, state, sums)
        state = state.unsettled(schedule, clearing, carry)
    return sums


def acted(dispatch: Dispatch, now: Community, terms: Prices, outlook: Outlook, state: State) -> Schedule:
    """What every member and device does, within the limits of the connection.

    A rule of thumb goes by levels: after a slot in which a limit changed what its devices did, it is asked again, so
    that it does the same however its windows are cut. A planner goes on with as much of its plan as still fits.
    """
    planned = dispatch.plan(now, terms, outlook, state)
    due(Schedule, planned, dispatch)
    limited = planned.limited(now, state, dispatch.tolerance)
    if limited is planned or not dispatch.causal:
        return limited
    parts = [limited.window(0, limited.followed(planned))]
    done, length = parts[0].clock.slots, 1
    while done < now.shape[0]:
        span = done, min(done + length, now.shape[0])
        here, at = now.window(*span), replace(state, level_kwh=parts[-1].level_kwh[-1])
        planned = dispatch.plan(here, terms.window(*span), outlook, at)
        limited = planned.limited(here, at, dispatch.tolerance)
        kept = limited.followed(planned)
        parts.append(limited.window(0, kept))
        done, length = done + kept, 2 * length if kept == here.shape[0] else 1
    return Schedule.in_turn(parts, clock=now.clock, flexibility=now.flexibility)


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
    scenario: Scenario, community: Community, prices: Prices, cut: int | None, desk: Desk, watch: Watch = NOBODY
) -> Iterator[tuple[Community, Prices, Outlook]]:
    """Who is there, at what terms, and what planners believe since they last planned, window by window."""
    keep_freed_memory()
    outlook: Outlook | None = None
    for start, stop in scenario.windows(community, cut):
        if outlook is None or scenario.dispatch.plans_at(start):
            ahead = scenario.dispatch.lookahead + max(stop, start + (scenario.dispatch.stride or 0))
            believed = scenario.forecast.outlook(community, prices, start, ahead)
            outlook = replace(believed, watch=watch, desk=desk)
        yield community.window(start, stop), prices.window(start, stop), outlook
