"""Store the surplus, spend it on the deficit."""

from typing import Literal

import numpy as np

from ..flow import Community, Outlook, Prices, Schedule, State
from . import Dispatch


class SelfConsumption(Dispatch):
    """Greedy control of every device behind its own meter, blind to prices (loops.md 4A, step 1).

    Surplus goes into the devices of its member, a deficit comes out of them, in proportion to what each can take or
    give. An obliged device charges at least as it usually does.
    """

    kind: Literal["self_consumption"] = "self_consumption"

    def plan(self, community: Community, prices: Prices, outlook: Outlook, state: State) -> Schedule:
        device, hours = community.flexibility, community.clock.hours
        shape = (community.shape[0], device.devices)
        if not device.devices:
            return Schedule.carried_out(community, state, np.empty(shape), np.empty(shape))
        from ._walk import walk

        charge, discharge = walk(
            community.load_kw * hours, community.pv_kw * hours, device.owner, state.level_kwh,
            device.charge_kw * hours, device.discharge_kw * hours, device.level_min_kwh, device.level_max_kwh,
            device.drain_kwh, device.usual_charge_kw * hours,
            np.stack([device.charge_efficiency, device.discharge_efficiency, device.leakage, device.obliged * 1.0]),
        )  # fmt: skip
        return Schedule.carried_out(community, state, charge, discharge)
