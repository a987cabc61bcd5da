"""How well a mechanism did in a run: what theory says cannot all be had at once, measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..coalitions import Coalitions, Traders
from ..errors import DataError, ScenarioError
from ..flow import Community
from ..markets._auction import Auction
from ..record import Record
from ..run import Run
from ..scenario import Scenario
from ..simulate import simulate
from ..store import read_manifest, read_records, stored_scenario, stored_summary, unchanged
from ..streams import Streams
from ..totals import Profile
from ._misreports import KeptOut, Misreports, Shifted
from ._scores import Gain, Residual, Score, Spread
from .verification import kept_runs

TRIED = 8
"""Misreports: in each slot where prices are quoted, else in all."""


@dataclass(frozen=True)
class Scorecard:
    """What a mechanism left over, who lost, who would leave, what was wasted, and what a lie was worth.

    All before fees of the pool. NaN where a number has no meaning.
    """

    market: str
    """Kind of the mechanism."""
    world: str
    """Whose meters are billed."""
    budget_residual: float
    """What is left with the operator, its fees aside; negative: the mechanism collects too little. [money]"""
    losers: float
    """Members that pay more than standing alone. [members]"""
    coalition_excess: float
    """Most that a group would gain by sharing among itself only; sampled for many members. [money]"""
    efficiency: float
    """What trading gains of the most it could, with the energy that crossed the meters. [-]"""
    misreport: str
    """What was misreported: a price, energy, or nothing where neither has a meaning."""
    misreport_gain: float
    """Most that a sampled misreport gains: of a price in one slot, of energy over the run. [money]"""
    paying_misreports: float
    """Part of the sampled misreports that gain anything. [-]"""
    price_spread: float
    """How far prices in a slot lie apart, on the side where they do more; mean over slots with trade. [money/kWh]"""

    def summary(self) -> dict[str, Any]:
        """Everything as plain values, for JSON; a number without meaning is null."""
        return {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in asdict(self).items()}


def scorecard(
    result: Run | Path | str, *, community: Community | None = None, tried: int = TRIED, seed: int = 0
) -> Scorecard:
    """Of a run, simulated again for its records, or of a stored run's folder, from what was stored.

    `community` is the one that was given to `run`, if one was. `tried` misreports are drawn from `seed` in each slot
    where members quote prices; elsewhere in all, each of one member that keeps a part of its energy out of the pool.
    Where nobody trades, or a law says what sharing is worth, nothing is compared with a market.

    Raises ScenarioError where the run was on another community, DataError where anything in a folder has changed, or
    where it holds no run.
    """
    draws = Streams(seed)
    if isinstance(result, Run):
        scenario, losers = result.scenario, result.metrics["losers"]
        people = community if community is not None else scenario.community()
        if not _same(Profile.of(people, 1.0), result.facts.community):
            raise ScenarioError("scorecard: the run was on another community (§11); give it as `community`")
        records = (Record.of(window) for window in simulate(scenario, people))
        return _scored(scenario, people, records, losers, tried, draws)
    folder = Path(result)
    scenario = stored_scenario(folder, unchanged(folder))
    people, losers = scenario.community(), float(stored_summary(folder)["metrics"]["losers"])
    return _scored(scenario, people, read_records(folder, people, scenario.market), losers, tried, draws)


def _same(one: Profile, other: Profile) -> bool:
    return one.names == other.names and np.array_equal(one.load_kwh, other.load_kwh)


def scorecards(folder: Path, tried: int = TRIED) -> dict[str, Scorecard]:
    """Of a stored run, or of every run that a stored study kept, by the names of their folders.

    Raises DataError where anything has changed, or where a study kept no runs.
    """
    if read_manifest(folder).get("kind") != "study":
        return {folder.name: scorecard(folder, tried=tried)}
    unchanged(folder)
    kept = kept_runs(folder)
    if not kept:
        raise DataError(f"{folder}: a study without its runs (§16); keep them with `commonwatt benchmark --series`")
    return {path.name: scorecard(path, tried=tried) for path in kept}


def _scored(
    scenario: Scenario, people: Community, records: Iterable[Record], losers: float, tried: int, draws: Streams
) -> Scorecard:
    prices, promise = scenario.prices(people), scenario.market.promise
    residual, gain, spread = Residual(), Gain(), Spread()
    scores: tuple[Score, ...] = residual, gain, spread
    free = promise.trades and not promise.legal_world
    compared = free and prices.routes is None
    groups: list[Coalitions | Traders] = []
    if compared:
        groups = [Coalitions(prices) if prices.one_meter else Traders(prices)]
    lies = [_misreports(scenario, people, tried, draws)] if free else []
    for record in records:
        first = record.clock.first
        terms = prices.window(first, first + record.clock.slots)
        for score in scores:
            score.take(record, terms)
        for lie in lies:
            lie.take(record, terms)
        for group in groups:
            group.take(record)
    excess = groups[0].excess() if groups else np.zeros(0)
    most, paying = lies[0].gains() if lies else (math.nan, math.nan)
    return Scorecard(
        market=scenario.market.kind, world=promise.world, budget_residual=residual.left, losers=losers,
        coalition_excess=float(excess.max()) if excess.size else math.nan,
        efficiency=gain.part if free else math.nan, misreport=lies[0].what if lies else "",
        misreport_gain=most, paying_misreports=paying, price_spread=spread.mean,
    )  # fmt: skip


def _misreports(scenario: Scenario, people: Community, tried: int, draws: Streams) -> Misreports:
    """Of prices where the mechanism takes orders, else of energy."""
    market = scenario.market
    if isinstance(market, Auction):
        return Shifted(market, people.streams, tried, draws)
    return KeptOut(people, market, tried, draws)
