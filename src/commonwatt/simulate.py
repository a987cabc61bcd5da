"""The sentence as code, and the only loop over time."""

from collections.abc import Iterator

from .flow import Community, Prices, State, Window
from .scenario import Scenario
from .settlement import settle


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
    for start, stop in scenario.windows(community, cut):
        now, terms = community.window(start, stop), prices.window(start, stop)
        outlook = scenario.forecast.outlook(community, prices, start, stop + scenario.dispatch.lookahead)
        schedule = scenario.dispatch.plan(now, terms, outlook, state)  # devices act
        access = state.access(now, terms)  # who may trade, when
        clearing = scenario.market.clear(schedule.positions(access), terms, state)  # members trade
        bills = settle(schedule, terms, clearing, state)  # everybody pays
        ruling = scenario.regulator.review(now, schedule, clearing, bills, state)  # bonus, penalty, ban
        bills = bills.booked(ruling.entries)
        before, state = state, state.after(schedule, clearing, bills, ruling)
        yield Window(
            access=access, prices=terms, schedule=schedule, clearing=clearing, bills=bills, before=before, state=state
        )  # fmt: skip
