"""No control: load and PV as they come."""

from typing import Literal

from ..flow import Community, Outlook, Prices, Schedule, State
from ..noun import dense, once, spread, times
from . import Dispatch


class Passive(Dispatch):
    """Batteries rest; vehicles and appliances charge and run when they usually do.

    What is held back, by a limit of the connection for example, they make up as fast as they can.
    """

    kind: Literal["passive"] = "passive"

    @property
    def blind(self) -> bool:
        return True

    def plan(self, community: Community, prices: Prices, outlook: Outlook, state: State) -> Schedule:
        device, hours = community.flexibility, community.clock.hours
        charge = times(device.usual_charge_kw, hours)
        if device.obliged.any():
            from ._walk import keep_up

            charge = keep_up(
                device.owner, state.level_kwh, once(times(device.charge_kw, hours)), once(device.drain_kwh),
                dense(charge), dense(device.owed_level_kwh), once(device.charge_efficiency), 1.0 - device.leakage,
            )  # fmt: skip
        return Schedule.carried_out(community, state, charge, spread(0.0, charge.shape))
