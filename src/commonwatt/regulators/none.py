"""Nobody watches."""

from typing import Literal

import numpy as np

from ..flow import Bills, Clearing, Community, Entries, Ruling, Schedule, State
from . import Regulator


class NoRegulator(Regulator):
    """No regulator: pays nothing and bans nobody; a ban under way runs out."""

    kind: Literal["none"] = "none"

    def review(
        self, community: Community, schedule: Schedule, clearing: Clearing, bills: Bills, state: State
    ) -> Ruling:
        served = np.maximum(state.banned_slots - community.clock.slots, 0)
        return Ruling(banned_slots=served, entries=Entries.none())
