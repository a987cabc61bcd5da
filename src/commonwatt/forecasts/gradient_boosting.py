"""Learnt from the past by gradient boosting (extra [forecast])."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, Literal

import numpy as np
from pydantic import PositiveInt

from ..errors import MissingExtra
from ..flow import Array, Community, Index, Outlook, Prices
from . import Forecast
from ._past import ago, ahead, believed, mean_before, slots_in
from .seasonal_naive import SeasonalNaive

DAYS = 7
"""Days back that the model looks at the same time of day, and days it needs before it learns at all. [days]"""
LEAVES = 8
"""Leaves of a tree: small ones, since there are only weeks to learn from."""


class GradientBoosting(Forecast):
    """Trees learn from the last weeks how load and PV follow from the days before, the hour and the last slot.

    One model for load and one for PV, of all members together, each in units of its own mean; learnt anew after
    `refit` days from what was known then: histogram-based gradient boosting (Ke et al., LightGBM, NIPS 2017) as in
    scikit-learn. In the first days it expects what `seasonal_naive` does.
    """

    kind: Literal["gradient_boosting"] = "gradient_boosting"
    history: PositiveInt = 28
    """How much of the past is learnt from. [days]"""
    refit: PositiveInt = 1
    """After what time it is learnt anew. [days]"""
    trees: PositiveInt = 60
    """Trees of each model. [trees]"""

    def outlook(self, community: Community, prices: Prices, start: int, stop: int) -> Outlook:
        """Beliefs; raises MissingExtra without the library."""
        _library()
        slot, day = ahead(community, start, stop), slots_in("day", community.clock)
        learnt = start - start % (self.refit * day)
        if learnt <= DAYS * day:
            return SeasonalNaive().outlook(community, prices, start, stop)
        load, pv = _learnt(community, learnt, self.history * day, self.trees)
        expected = (model.expected(community, slot, start) for model in (load, pv))
        return believed(community, prices, slot, *expected)


def _library() -> Any:
    try:
        return import_module("sklearn.ensemble")
    except ImportError as error:
        raise MissingExtra("forecast.kind = gradient_boosting", "forecast") from error


@dataclass(frozen=True)
class _Model:
    """What was learnt of one series, in units of each member's mean (N,)."""

    name: Literal["load_kw", "pv_kw"]
    mean: Array
    trees: Any

    def expected(self, community: Community, slot: Index, start: int) -> Array:
        """What is expected in these slots with all before `start` known. (L, N) [kW]"""
        series: Array = getattr(community, self.name)[:start] / np.where(self.mean > 0, self.mean, 1.0)
        rows = _seen(community, series, slot, np.full(slot.size, start))
        found = _alone(lambda: self.trees.predict(rows)).reshape(slot.size, -1)
        kw: Array = np.maximum(found, 0.0) * self.mean
        return kw


@lru_cache(maxsize=2)
def _learnt(community: Community, until: int, history: int, trees: int) -> tuple[_Model, _Model]:
    """Models of load and PV from what happened before `until`."""
    return _fitted(community, "load_kw", until, history, trees), _fitted(community, "pv_kw", until, history, trees)


def _fitted(community: Community, name: Literal["load_kw", "pv_kw"], until: int, history: int, trees: int) -> _Model:
    day = slots_in("day", community.clock)
    slot = np.arange(max(until - history, DAYS * day), until, dtype=np.int64)
    mean = mean_before(getattr(community, name), until)
    series = getattr(community, name)[:until] / np.where(mean > 0, mean, 1.0)
    issued = slot - (slot * DAYS) % day  # leads of all lengths up to a day, spread over the hours
    rows, target = _seen(community, series, slot, issued), series[slot].ravel()
    model = _library().HistGradientBoostingRegressor(
        max_iter=trees, max_leaf_nodes=LEAVES, early_stopping=False, random_state=0
    )
    return _Model(name, mean, _alone(lambda: model.fit(rows, target)))


def _seen(community: Community, series: Array, slot: Index, issued: Index) -> Array:
    """What is known of slots when a forecast is issued: a row per slot and member."""
    day, members, clock = slots_in("day", community.clock), series.shape[1], community.clock
    before = [series[np.maximum(ago(slot, issued, day, back), 0)] for back in range(DAYS)]
    common = np.stack([clock.hour[slot], clock.weekday[slot] * 1.0, (slot - issued) * 1.0], axis=1)
    columns = [
        before[0], before[1], before[DAYS - 1], sum(before) / DAYS, series[issued - 1],
        *(np.broadcast_to(column[:, None], (slot.size, members)) for column in common.T),
    ]  # fmt: skip
    return np.stack(columns, axis=2).reshape(slot.size * members, -1)


def _alone(work: Any) -> Any:
    """What `work` gives on one thread: the same bits on every machine's number of cores."""
    with import_module("threadpoolctl").threadpool_limits(1):
        return work()
