"""The small community that stands in where a folder has no profiles."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from ..clock import Clock
from ..flow import Community, Streams
from .synthetic import Synthetic

DAY_KWH = (8.0, 20.0)
SHARES = (0.05, 0.20)
NOTE = "the sample: invented homes of 8 to 20 kWh a day, no measured ones"


def sample(
    streams: Streams,
    members: int = 10,
    slots: int = 96,
    start: date = date(2025, 6, 2),
    slot_minutes: int = 15,
    zone: str = "Europe/Berlin",
) -> Community:
    """Homes of 8-20 kWh a day, 8 of 10 with PV of 3-8 kWp, 6 of 10 with a battery of 5, 10 or 13.5 kWh at C/2.

    Of the load 5-20 % can shift: series `flex_min_kwh`, `flex_max_kwh` (T, N). A home is the same however many there
    are. `start` is a local day, whose midnight comes first.
    """
    days = math.ceil(slots * slot_minutes / (23 * 60))
    homes = Synthetic(
        members=members, days=days, slot_minutes=slot_minutes, start=start, zone=zone, pv_share=0.8, battery_share=0.75
    ).community(streams)
    clock = Clock(homes.clock.start, timedelta(minutes=slot_minutes), slots, zone)
    homes = replace(homes.window(0, slots), clock=clock)
    draws = np.array([streams.at("sample", home).random(2) for home in range(members)])
    wanted = DAY_KWH[0] + (DAY_KWH[1] - DAY_KWH[0]) * draws[:, 0]
    load_kw = homes.load_kw * (wanted / 24 / homes.load_kw.mean(axis=0))
    share, load_kwh = SHARES[0] + (SHARES[1] - SHARES[0]) * draws[:, 1], load_kw * clock.hours
    return replace(
        homes,
        load_kw=load_kw,
        series={"flex_min_kwh": load_kwh * (1 - share), "flex_max_kwh": load_kwh * (1 + share)},
        traits={name: homes.traits[name] for name in ("pv_kwp", "battery_kwh")},
        notes=(NOTE,),
    )
