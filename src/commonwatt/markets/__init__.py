"""Markets: Positions, Prices, State -> Clearing. One file per mechanism, with what it promises."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

from ..clock import Period
from ..flow import Clearing, Community, Positions, Prices, State
from ..registry import Plugin, discover

World = Literal["own_meters", "one_meter"]


@dataclass(frozen=True)
class Promise:
    """What a mechanism promises: contract tests and audit hold it to that. What it does not promise may hold too.

    Money is promised before the pool's own fees and losses; `rational` means against the pool's tariff, slot by slot.
    """

    world: World
    scope: Literal["slot"] | Period = "slot"
    """The stretch over which the books of the mechanism balance."""
    balanced: bool = True
    """Nothing is left with the operator, and nothing is missing."""
    rational: bool = True
    """Nobody pays more than on its own meter."""
    in_band: bool = True
    """Prices lie between what the grid pays and what it charges."""
    anonymous: bool = True
    """False: offers that tie are served by member number."""
    core: bool = False
    """No group of members would pay less on its own."""
    efficient: bool = True
    """All that could be matched inside to the gain of both sides is, and it goes where it is worth most.

    By the prices that members quote; where they quote none, by those of the grid, which are the same for all: then
    the lesser of demand and what arrives is matched, in kWh.
    """
    truthful: bool = False
    """Nobody gains by misstating its price; quantities are metered."""
    one_price: bool = False
    """All that is traded in a slot has one price."""
    repeatable: bool = True
    """False: lots are drawn, so that the same slot may end differently another time."""
    trades: bool = True
    """Whether any energy moves between members."""
    payer: str = ""
    """Account outside that pays an incentive, or goes without what others pay; empty: nobody does."""
    legal_world: str = ""
    """Where a law lays it down: one_meter, own_meters, or virtual, with bills as they are beside an incentive."""


class Market(Plugin):
    """Decides what changes hands inside the community, and at what price."""

    @property
    @abstractmethod
    def promise(self) -> Promise:
        """What holds for these parameters."""

    @property
    def by_orders(self) -> bool:
        """Whether members quote prices for single quantities, which the pool's terms may limit or add to."""
        return False

    def notes(self) -> tuple[str, ...]:
        """What the reader of a result should know of its parameters."""
        return ()

    @abstractmethod
    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        """Who trades what; energy it does not mention meets the grid."""

    def terms(self, prices: Prices, community: Community) -> Prices:
        """The terms with what the mechanism adds, for the whole horizon: rules over a period, keys, a scheme's prices.

        The same terms for most.
        """
        return prices


MARKETS = discover(__name__, Market)  # type: ignore[type-abstract]
