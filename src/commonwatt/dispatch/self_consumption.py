"""Store the surplus, spend it on the deficit."""

from typing import Literal

import numpy as np

from ..flow import Community, Outlook, Prices, Schedule, State
from ..noun import once, times
from . import Dispatch


class SelfConsumption(Dispatch):
    """Own PV first: greedy control of every device behind its own meter, blind to prices.

    Surplus goes into the devices of its member, a deficit comes out of them, in proportion to what each can take or
    give. An obliged device never falls behind what it usually charges,
    and catches up as fast as it can where something held it back.
    """

    kind: Literal["self_consumption"] = "self_consumption"

    @property
    def blind(self) -> bool:
        return True

    def plan(self, community: Community, prices: Prices, outlook: Outlook, state: State) -> Schedule:
        device, hours = community.flexibility, community.clock.hours
        shape = (community.shape[0], device.devices)
        if not device.devices:
            return Schedule.carried_out(community, state, np.empty(shape), np.empty(shape))
        from ._walk import walk

        constants = np.stack([device.discharge_efficiency, 1.0 - device.leakage, device.joint * 1.0])
        charge, discharge, level = walk(
            community.load_kwh, community.pv_kwh, device.owner, state.level_kwh,
            once(times(device.charge_kw, hours)), once(times(device.discharge_kw, hours)) * ~device.obliged,
            once(device.level_min_kwh), once(device.level_max_kwh), once(device.drain_kwh),
            once(times(device.usual_charge_kw, hours)) * device.obliged, once(device.owed_level_kwh),
            once(device.charge_efficiency), constants,
        )  # fmt: skip
        return Schedule.carried_out(community, state, charge, discharge, level)
