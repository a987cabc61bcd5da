"""S2's homes: any number of steps of the calibrated generator, and a wallet for everybody."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import Literal

import numpy as np
from pydantic import PositiveInt

from ..flow import Community, Streams
from . import Source
from .synthetic import MINUTES_OF_DAY, Synthetic


class TradingSystem(Source):
    """Homes of the source `synthetic`, most with PV, none with a battery; devices of the document bring those.

    S2 leaves open where its households come from.
    """

    kind: Literal["trading_system"] = "trading_system"
    members: PositiveInt = 10
    """How many homes. [members]"""
    slots: PositiveInt = 96
    """How many steps, from local midnight on. [slots]"""
    slot_minutes: PositiveInt = 60
    """Length of a step; it divides a day. [min]"""
    start: date = date(2025, 6, 2)
    """First local day. [date]"""
    wallet_start: float = 100.0
    """What is in every member's wallet before the first step. [money]"""

    def community(self, streams: Streams) -> Community:
        days = math.ceil(self.slots * self.slot_minutes / MINUTES_OF_DAY) + 1  # a day may have 23 hours
        homes = Synthetic(
            members=self.members, days=days, slot_minutes=self.slot_minutes, start=self.start, battery_share=0.0
        )
        made = homes.community(streams)
        clock = replace(made.clock, slots=self.slots, horizon=self.slots)
        wallets = np.full(self.members, self.wallet_start)
        return replace(made.window(0, self.slots), clock=clock, traits={**made.traits, "wallet_start": wallets})
