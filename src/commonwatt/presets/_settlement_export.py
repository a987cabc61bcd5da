"""S1's own table: load, PV and the bill under each settlement, day by day."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..clock import Clock
from ..flow import Array, Community
from ..noun import Index
from ..run import Run

Dates = NDArray[np.datetime64]
NAMES = {"conventional": "conv", "mid_market_rate": "mmr", "bill_sharing": "bs"}
"""What the origin calls its settlements; they come first."""


class Runs(Protocol):
    """A study's results, as far as this table reads them."""

    @property
    def runs(self) -> Mapping[str, Run]:
        """By scenario's name."""


@dataclass(frozen=True)
class Daily:
    """One value per local day; D days."""

    dates: Dates
    load_kwh: Array
    """Mean over members. (D,)"""
    pv_kwh: Array
    """Mean over members that have PV; 0 where nobody has. (D,)"""
    bills: dict[str, Array]
    """What all members owe, by scenario. (D,) [money]"""


def daily(results: Runs, community: Community | None = None) -> Daily:
    """A study on one community, day by day; the community is built again unless given.

    A period's charges stand on the day on which the period ends.
    """
    first = next(iter(results.runs.values()))
    community = community or first.scenario.community()
    dates, day = _days(community.clock)
    members, hours = community.shape[1], community.clock.hours
    owners = int((first.facts.community.pv_kwh > 1e-9).sum())
    load, pv = (kw.sum(axis=1) * hours for kw in (community.load_kw, community.pv_kw))
    return Daily(
        dates=dates,
        load_kwh=_summed(load, day) / max(members, 1),
        pv_kwh=_summed(pv, day) / max(owners, 1),
        bills={name: _summed(run.facts.run.by_slot("bill_money"), day) for name, run in results.runs.items()},
    )


def daily_csv(results: Runs) -> str:
    """The table as CSV: the origin's columns, then other settlements. Days count from 1; energy in kWh, money in Rs."""
    table = daily(results)
    known = [name for name in NAMES if name in table.bills]
    order = known + [name for name in table.bills if name not in NAMES]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    bills = [f"bill_{NAMES.get(name) or _column(name)}_Rs" for name in order]
    writer.writerow(["day", "avg_load_kWh_per_house", "avg_pv_kWh_per_prosumer", *bills])
    columns = [table.load_kwh, table.pv_kwh, *(table.bills[name] for name in order)]
    for number, values in enumerate(zip(*(column.tolist() for column in columns), strict=True), start=1):
        writer.writerow([number, *(f"{value:.9f}" for value in values)])
    return out.getvalue()


def _days(clock: Clock) -> tuple[Dates, Index]:
    """Local dates in order, and the number of each slot's date."""
    dates, day = np.unique(clock.date, return_inverse=True)
    return dates, day.astype(np.int64)


def _summed(values: Array, day: Index) -> Array:
    return np.asarray(np.bincount(day, weights=values), np.float64)


def _column(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_")
