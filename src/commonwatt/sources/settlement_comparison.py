"""S1's generator, draw for draw."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from ..clock import Clock
from ..flow import Array, Community, Streams
from . import Source

DAY = 96
HOURS = np.arange(DAY) * 0.25
ZONE = "Asia/Kolkata"


class SettlementComparison(Source):
    """Consumers and prosumers with noisy two-peak load, sine PV, outages and maintenance; prices in INR.

    For the preset of that name: drawn from one stream as its origin does, so that the published bills come out.
    Homes move together (pair correlation 0.99) and have no dull days: for anything but this comparison take the
    source `synthetic`.
    """

    kind: Literal["settlement_comparison"] = "settlement_comparison"
    days: PositiveInt = 30
    """Length, in quarter-hours. [days]"""
    consumers: NonNegativeInt = 3
    """Members without PV. [members]"""
    prosumers: PositiveInt = 7
    """Members with PV. [members]"""
    outages: NonNegativeInt = 2
    """Days on which one inverter is off. [days]"""
    maintenance: NonNegativeInt = 3
    """Times the pool closes. [-]"""
    maintenance_slots: PositiveInt = 8
    """Length of a closure. [slots]"""

    def community(self, streams: Streams) -> Community:
        rs = np.random.RandomState(streams.seed)
        members, slots = self.consumers + self.prosumers, self.days * DAY
        buy, sell = np.empty(members), np.zeros(members)
        for i in range(members):
            buy[i] = rs.uniform(6.0, 7.0) if i < self.consumers else rs.uniform(5.0, 6.0)
            sell[i] = 0.0 if i < self.consumers else rs.uniform(3.0, 3.8)
        load = np.stack([self._load(rs, prosumer=i >= self.consumers) for i in range(members)], axis=1)
        pv = np.zeros((slots, members))
        for i in range(self.consumers, members):
            pv[:, i] = self._pv(rs, float(np.sum(load[:, i].copy() * 0.25)) / self.days)
        self._outages(rs, pv)
        names = [f"C{i + 1}" for i in range(self.consumers)] + [f"P{i + 1}" for i in range(self.prosumers)]
        clock = Clock(datetime(2025, 1, 1, tzinfo=ZoneInfo(ZONE)), timedelta(minutes=15), slots, ZONE)
        return replace(
            Community.of(clock, load, pv, names=tuple(names)),
            market_open=self._open(rs, slots),
            traits={"contract_buy": buy, "contract_sell": sell},
        )

    def _load(self, rs: np.random.RandomState, *, prosumer: bool) -> Array:
        evening = 1.3 * np.exp(-0.5 * ((HOURS - 20) / 2.0) ** 2)
        shape = np.maximum(0.2 + 0.7 * np.exp(-0.5 * ((HOURS - 8) / 1.5) ** 2) + 1.0 * evening, 0.05)
        target = rs.uniform(5.0, 9.0) if prosumer else rs.uniform(4.0, 7.0)
        base = shape * (target / np.sum(shape * 0.25))
        z = rs.standard_normal((self.days, DAY + 1))
        load: Array = np.clip(base * (1.0 + 0.05 * z[:, :1]) * (1.0 + 0.05 * z[:, 1:]), 0.05, None)
        return load.ravel()

    def _pv(self, rs: np.random.RandomState, daily_load: float) -> Array:
        sun = np.sin(np.pi * (HOURS - 6) / 12.0)
        sun[sun < 0] = 0.0
        factor, kwh_per_kwp = rs.uniform(0.4, 1.5), rs.uniform(4.5, 5.5)
        base = sun * (factor * daily_load / kwh_per_kwp) * (kwh_per_kwp / np.sum(sun * 0.25))
        z = rs.standard_normal((self.days, DAY + 1))
        pv: Array = np.clip(base * (1.0 + 0.15 * z[:, :1]) * (1.0 + 0.05 * z[:, 1:]), 0.0, None)
        return pv.ravel()

    def _outages(self, rs: np.random.RandomState, pv: Array) -> None:
        for _ in range(self.outages):
            who, day = self.consumers + rs.randint(0, self.prosumers), rs.randint(0, self.days)
            pv[day * DAY : (day + 1) * DAY, who] = 0.0

    def _open(self, rs: np.random.RandomState, slots: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        is_open = np.ones(slots, dtype=np.bool_)
        for _ in range(self.maintenance):
            start = rs.randint(0, slots - self.maintenance_slots)
            is_open[start : start + self.maintenance_slots] = False
        return is_open
