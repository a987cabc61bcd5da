"""No control: load and PV as they come."""

from typing import Literal

from ..flow import Community, Outlook, Prices, Schedule, State
from ..noun import spread, times
from . import Dispatch


class Passive(Dispatch):
    """Batteries rest; vehicles and appliances charge and run when they usually do."""

    kind: Literal["passive"] = "passive"

    @property
    def blind(self) -> bool:
        return True

    def plan(self, community: Community, prices: Prices, outlook: Outlook, state: State) -> Schedule:
        usual = times(community.flexibility.usual_charge_kw, community.clock.hours)
        return Schedule.carried_out(community, state, usual, spread(0.0, usual.shape))
