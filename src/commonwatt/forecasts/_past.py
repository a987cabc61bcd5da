"""What all forecasters that look back have in common: days and weeks ago, and beliefs made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import numpy as np

from ..flow import Array, Clock, Community, Index, Outlook, Prices
from ..noun import running_sum

Season = Literal["day", "week"]


def slots_in(season: Season, clock: Clock) -> int:
    """Slots of a day or a week, at least one."""
    return max(1, timedelta(days=7 if season == "week" else 1) // clock.slot)


def ago(slot: Index, start: int | Index, season: int, back: int) -> Index:
    """Each slot's place in the last season before `start` [slots], or `back` seasons earlier; negative: none."""
    place: Index = slot - season * ((slot - start) // season + 1 + back)
    return place


def seasons(series: Array, slot: Index, start: int, season: int, count: int) -> Iterator[tuple[Array, Array]]:
    """What the series was in the last `count` seasons before `start` (L, N), and where it is known (L, 1); else 0."""
    for back in range(count):
        place = ago(slot, start, season, back)
        known = (place >= 0)[:, None]
        yield np.where(known, series[np.maximum(place, 0)], 0.0), known.astype(np.float64)


def mean_before(series: Array, start: int) -> Array:
    """Mean of all slots before `start`; 0 where there is none. (N,)"""
    total = running_sum(np.zeros(series.shape[1]), series[:start])
    mean: Array = total / max(start, 1)
    return mean


def ahead(community: Community, start: int, stop: int) -> Index:
    """Numbers of the slots that an outlook is about."""
    return np.arange(start, min(stop, community.shape[0]), dtype=np.int64)


def believed(community: Community, prices: Prices, slot: Index, load_kw: Array, pv_kw: Array) -> Outlook:
    """An outlook on consecutive slots: known prices and devices, and this load and PV (L, N) [kW]."""
    start, stop = int(slot[0]), int(slot[-1]) + 1
    truth = community.window(start, stop)
    return Outlook(
        community=replace(truth, load_kw=load_kw, pv_kw=pv_kw, series={}, signals={}),
        prices=prices.window(start, stop),
    )
