"""Heat pumps as envelopes: the heat a home needs, what it costs in electricity, and a store in between."""

from __future__ import annotations

import numpy as np

from ..clock import Clock
from ..envelope import Flexibility
from ..noun import Array, Index, dense

SUPPLY_C = 40.0
"""Temperature to which water is heated. [°C]"""


def cop_of_air(outdoor_c: Array, supply_c: Array | float = SUPPLY_C) -> Array:
    """Heat per electricity of an air-source heat pump, from the temperature lift. [-]

    Regression over manufacturers' data for lifts of 15 to 60 K (Staffell, Brett, Brandon and Hawkes, A review of
    domestic heat pumps, Energy & Environmental Science 5, 2012); beyond these it stays what it is there.
    """
    lift = np.clip(supply_c - np.asarray(outdoor_c), 15.0, 60.0)
    cop: Array = 6.81 - 0.121 * lift + 0.000630 * lift**2
    return cop


def heat_pumps(clock: Clock, owner: Index, heat_kwh: Array, cop: Array, **plate: Array) -> Flexibility:
    """Heat pumps of members `owner` (K,), from the heat they must give in every slot and the heat per electricity.

    heat_kwh, cop (T, K). `plate`: power_kw, store_kwh, level_start_kwh, leakage per slot (K,). The store holds heat;
    the thermostat keeps it where it starts, as far as the power goes. Below 0 lies heat that is lacking.
    """
    from ._thermostat import kept

    power = np.broadcast_to(plate["power_kw"], heat_kwh.shape)
    start, leakage = plate["level_start_kwh"], plate["leakage"]
    usual = kept(dense(heat_kwh), dense(cop), plate["power_kw"] * clock.hours, start, 1.0 - leakage)
    return Flexibility.demands(
        clock, owner, "heat_pump", usual / clock.hours, charge_kw=power, drain_kwh=heat_kwh, charge_efficiency=cop,
        level_max_kwh=np.broadcast_to(plate["store_kwh"], heat_kwh.shape), level_start_kwh=start, leakage=leakage,
    )  # fmt: skip
