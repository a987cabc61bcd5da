"""Regulators: what happened, State -> Ruling (payments now, bans from the next window on)."""

from abc import abstractmethod

from ..flow import Bills, Clearing, Community, Ruling, Schedule, State
from ..registry import Plugin, discover


class Regulator(Plugin):
    """Pays, fines and bans; never touches energy or a balance."""

    @abstractmethod
    def review(
        self, community: Community, schedule: Schedule, clearing: Clearing, bills: Bills, state: State
    ) -> Ruling:
        """What follows from this window."""


REGULATORS = discover(__name__, Regulator)  # type: ignore[type-abstract]
