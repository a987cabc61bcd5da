"""A scenario, audited: windows go through sinks, and only sums stay in memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ._notes import Banned, Short, named
from .audit import Audit, Declared, Verdict
from .beliefs import Beliefs
from .coalitions import Coalitions
from .commons import apart, common
from .desk import Desk
from .flow import Array, Community, Prices, Schedule
from .foresight import Foresight
from .ledger import Closed, Opening
from .markets import Promise
from .metrics import METRICS
from .proof import Certificate
from .quality import Finding, report
from .quality import check as check_quality
from .record import Record
from .scenario import Scenario, describe_odd, odd_slots
from .simulate import Standing, owed_alone, simulate
from .totals import Facts, Profile, Totals
from .watch import NOBODY, Watch

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[int, int], None]
"""Called with slots done and slots in all."""
BILLS = frozenset({"bill_money"})
LEAST_DEBT = 0.005
"""Money below zero that is worth a line. [money]"""


class Sink(Protocol):
    """Reads records in order: totals, audit, ledger, store, progress."""

    def take(self, record: Record) -> None:
        """One window."""


@dataclass(frozen=True)
class Run:
    """What is known when a scenario has run."""

    scenario: Scenario
    identity: str
    promise: Promise
    facts: Facts
    verdict: Verdict
    notes: tuple[str, ...] = ()
    """What was assumed, and slots closed to the pool."""
    findings: tuple[Finding, ...] = ()
    """What looks implausible in the community's data."""
    plans: tuple[Certificate, ...] = ()
    """What is proven of the plans, window by window; none where a rule of thumb runs the devices."""
    ledger: Closed | None = None
    """What is known of its ledger, where it keeps one."""
    beliefs: Beliefs | None = None
    """How far the forecast was off, where anybody planned with it."""

    @property
    def solver(self) -> dict[str, Any] | None:
        """Engine, status, bounds and gap of the plan, in plain values; of the worst one where there were several."""
        if not self.plans:
            return None
        worst = max(self.plans, key=lambda plan: plan.gap)
        told = ("engine", "status", "proof", "cost", "lower", "gap", "asked", "iterations", "binaries")
        values = {name: getattr(worst, name) for name in told}
        plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        return {"plans": len(self.plans), **plain}

    @property
    def forecast(self) -> dict[str, Any] | None:
        """Which forecast it was, whether it is an oracle, and its errors by series, in plain values."""
        if not self.beliefs:
            return None
        forecast = self.scenario.forecast
        return {"kind": forecast.kind, "oracle": forecast.oracle, **self.beliefs.summary()}

    @property
    def world(self) -> str:
        """Whose meters are billed: `own_meters` or `one_meter`; `both` where nothing is shared (§6)."""
        return "both" if self.scenario.market.kind == "none" else self.promise.world

    @cached_property
    def metrics(self) -> dict[str, float]:
        """All of them by name; NaN where one has no meaning."""
        return {name: metric(self.facts) for name, metric in METRICS.items()}

    @property
    def bills(self) -> Array:
        """What each member owes. (N,) [money]"""
        return self.facts.bill

    @property
    def savings(self) -> Array:
        """What each member pays less than standing alone. (N,) [money]"""
        return self.facts.saving

    @property
    def finding_lines(self) -> tuple[str, ...]:
        """What looks implausible in the community's data, a line each."""
        return tuple(report(self.findings))

    def members(self) -> list[dict[str, Any]]:
        """One row per member: energy, bill, what it would pay alone, saving, what it has at the end."""
        run, alone = self.facts.run.by_member, self.facts.alone.by_member
        columns = {
            "load_kwh": self.facts.community.load_kwh, "pv_kwh": self.facts.community.pv_kwh,
            "import_kwh": run["import_kwh"], "export_kwh": run["export_kwh"],
            "bought_kwh": run["bought_kwh"], "sold_kwh": run["sold_kwh"],
            "gross_bill": self.facts.gross_bill, "alone_bill": alone["bill_money"],
            "bill": self.bills, "saving": self.savings, "wallet": self.facts.wallet,
        }  # fmt: skip
        names = self.facts.community.names
        return [{"member": name, **{c: float(v[n]) for c, v in columns.items()}} for n, name in enumerate(names)]

    def frame(self) -> pd.DataFrame:
        """The members' rows as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.members()).set_index("member")

    def summary(self) -> dict[str, Any]:
        """Everything above as plain values, for JSON; a metric without meaning is null."""
        return {
            "name": self.scenario.name,
            "id": self.identity,
            "world": self.world,
            "currency": self.scenario.currency,
            "audit": self.verdict.line,
            "solver": self.solver,
            "forecast": self.forecast,
            "ledger": self.ledger.summary() if self.ledger else None,
            "notes": list(self.notes),
            "findings": list(self.finding_lines),
            "metrics": {name: None if math.isnan(value) else value for name, value in self.metrics.items()},
            "members": self.members(),
        }


@dataclass
class References:
    """Members standing alone, and the load alone (§14): the same for all mechanisms of a tariff and dispatch."""

    _kept: dict[tuple[str, str], Totals] = field(default_factory=dict)
    _foreseen: dict[str, Foresight] = field(default_factory=dict)
    desk: Desk = field(default_factory=Desk)
    """Where planners find what earlier plans were started from."""

    def alone(self, scenario: Scenario, community: Community, cut: int | None) -> Totals:
        """The bills of every member for itself."""
        key, alone = self._key("alone", scenario.alone()), scenario.alone()
        if key not in self._kept:
            mine = apart(community)
            prices = alone.prices(mine)
            audit = replace(auditor(alone, mine, prices), whose=" for members standing alone")
            bills = owed_alone(alone, mine, prices=prices, cut=cut, audit=audit, desk=self.desk)
            audit.verdict().check()
            self._kept[key] = _bills(bills)
        return self._kept[key]

    def gross(self, scenario: Scenario, community: Community) -> Totals:
        """The bills of the load alone."""
        key = self._key("gross", scenario.load_only())
        if key not in self._kept:
            standing = Standing.at_start(scenario.load_only(), community)
            for start, stop in scenario.load_only().windows(community):
                now = community.window(start, stop)
                standing.add(Schedule.of_load(now.clock, now.flexibility.usual_draw(now.load_kwh, now.clock.hours)))
            self._kept[key] = _bills(standing.bills)
        return self._kept[key]

    def foresight(self, scenario: Scenario, community: Community, prices: Prices) -> Foresight | None:
        """The plan of perfect foresight, where the scenario asks for regret."""
        if not scenario.regret:
            return None
        key = scenario.foreseen().identity()
        if key not in self._foreseen:
            audit = replace(auditor(scenario.foreseen(), community, prices), whose=" with perfect foresight")
            self._foreseen[key] = Foresight.of(scenario, community, prices, audit, self.desk)
        return self._foreseen[key]

    def beside(self, scenario: Scenario, community: Community) -> Beside:
        """What a run can sum on its own flows, of what is not known yet."""
        alone, load_only = scenario.alone(), scenario.load_only()
        kept = Beside(self._kept, self._key("alone", alone), self._key("gross", load_only))
        same = scenario.dispatch.blind and alone.dispatch == scenario.dispatch
        same = same and not community.connection.is_joint and not common(community).any()
        same = same and scenario.pool.standby is None
        if kept.alone_key not in self._kept and same:
            kept.alone = Standing.at_start(alone, community)
        if kept.gross_key not in self._kept:
            kept.gross = Standing.at_start(load_only, community)
        return kept

    @staticmethod
    def _key(what: str, scenario: Scenario) -> tuple[str, str]:
        return what, scenario.identity()


@dataclass
class Beside:
    """Sums what everybody would owe alone, and for the load alone, while a run passes by."""

    _kept: dict[tuple[str, str], Totals]
    alone_key: tuple[str, str]
    gross_key: tuple[str, str]
    alone: Standing | None = None
    gross: Standing | None = None

    def add(self, schedule: Schedule) -> None:
        """Adds a window's flows."""
        if self.alone:
            self.alone.add(schedule)
        if self.gross:
            drawn = schedule.flexibility.usual_draw(schedule.load_kwh, schedule.clock.hours)
            self.gross.add(Schedule.of_load(schedule.clock, drawn))

    def keep(self) -> None:
        """Enters the sums of a run that is over."""
        if self.alone:
            self._kept[self.alone_key] = _bills(self.alone.bills)
        if self.gross:
            self._kept[self.gross_key] = _bills(self.gross.bills)


def _bills(bills: Array) -> Totals:
    return Totals(only=BILLS, by_member={"bill_money": bills})


def run(
    scenario: Scenario,
    *sinks: Sink,
    community: Community | None = None,
    references: References | None = None,
    progress: Progress | None = None,
    cut: int | None = None,
    watch: Watch = NOBODY,
    folder: Path | None = None,
) -> Run:
    """Simulates, audits, sums; `sinks` see every record too. Raises AuditError when the books do not close.

    `references` carries what several runs on one community have in common; `cut` shortens windows [slots]; `watch`
    looks on while plans are made; `folder` is where the ledger is kept, if there is one: else it is made in memory.
    """
    community = community if community is not None else scenario.community()
    prices, totals = scenario.prices(community), Totals()
    audit, kept = auditor(scenario, community, prices), references or References()
    beside, identity = kept.beside(scenario, community), scenario.identity()
    groups = Coalitions(prices) if prices.one_meter else None
    plans: list[Certificate] = []
    beliefs = Beliefs(community)
    told: dict[str, float] = {}
    remarks = Short(community), Banned(community.names)
    with scenario.ledger.opened(opening(scenario, identity, community), folder) or nullcontext() as book:
        ours: list[Sink] = [totals, audit, *remarks, *([groups] if groups else []), *([book] if book else [])]
        everyone = [*ours, *sinks]
        for window in simulate(scenario, community, prices=prices, cut=cut, watch=watch, desk=kept.desk):
            record = Record.of(window)
            plans += [window.schedule.plan.proof] if window.schedule.plan else []
            beliefs.take(window.outlook)
            if record.clock.first == 0 and not any(plan.cut_short for plan in plans):
                _repeat(scenario, community, prices, audit, record, kept.desk)
            for sink in everyone:
                sink.take(record)
            beside.add(window.schedule)
            told |= {what: max(size, told.get(what, 0.0)) for what, size in window.bills.notes.items()}
            if progress:
                progress(record.clock.first + record.clock.slots, community.shape[0])
        audit.verdict().check()
        ledger = book.close() if book else None
    beside.keep()
    foresight = kept.foresight(scenario, community, prices)
    facts = Facts(
        totals,
        kept.alone(scenario, community, cut),
        kept.gross(scenario, community),
        Profile.of(community, prices.pool.efficiency),
        groups,
        foresight.best if foresight else None,
    )
    odd = odd_slots(prices)
    sizes = (f"{what}: at most {size:.3g} {scenario.currency}" for what, size in told.items())
    noted = (*_cut_short(community, totals), *sizes, *(ledger.notes if ledger else ()))
    closed = [describe_odd(odd)] if odd.size else []
    compared = [foresight.line] if foresight else []
    said = (line for remark in remarks for line in remark.notes)
    owing = _in_debt(facts, scenario.currency)
    notes = (*community.notes, *scenario.market.notes(), *closed, *noted, *said, *owing, *compared)
    verdict = audit.verdict().also("L1") if ledger else audit.verdict()
    return Run(
        scenario, identity, scenario.market.promise, facts, verdict, notes, check_quality(community), tuple(plans),
        ledger, beliefs if plans else None,
    )  # fmt: skip


def opening(scenario: Scenario, identity: str, community: Community) -> Opening:
    """What the ledger of a run begins with."""
    wallets = community.traits.get("wallet_start", np.zeros(community.shape[1]))
    return Opening(
        run=identity, currency=scenario.currency, clock=community.clock, names=community.names, wallets=wallets,
        efficiency=scenario.pool.efficiency, seed=scenario.seed, draw=scenario.draw,
    )  # fmt: skip


def _cut_short(community: Community, totals: Totals) -> tuple[str, ...]:
    """A line where limits of the connection took something away: bills are lower for it."""
    unserved, curtailed = totals.sum("unserved_kwh"), totals.sum("curtailed_kwh")
    if community.connection.is_open or unserved + curtailed <= 1e-6:
        return ()
    return (f"behind limits of the connection: {unserved:,.1f} kWh not served, {curtailed:,.1f} kWh curtailed",)


def _in_debt(facts: Facts, currency: str) -> tuple[str, ...]:
    """A line that names members whose wallets end below zero, where somebody said what they began with."""
    if "wallet_start" not in facts.community.traits:
        return ()
    owing = [(name, left) for name, left in zip(facts.community.names, facts.wallet, strict=True) if left < -LEAST_DEBT]
    if not owing:
        return ()
    return (f"wallets below zero at the end: {named([f'{name} by {-left:.2f} {currency}' for name, left in owing])}",)


def auditor(scenario: Scenario, community: Community, prices: Prices) -> Audit:
    """The audit that holds a scenario's records to its mechanism's promises."""
    promise = scenario.market.promise
    known = prices.expected_buy is None and prices.expected_sell is None  # who trades on a forecast may regret it
    efficient = promise.efficient and not scenario.pool.paired  # what is too little to trade stays unmatched
    declared = Declared(
        promise.scope, promise.balanced, promise.rational and known, promise.in_band, efficient,
        promise.one_price, scenario.dispatch.tolerance,
    )  # fmt: skip
    return Audit(community, prices, declared, scenario.currency)


def _repeat(scenario: Scenario, community: Community, prices: Prices, audit: Audit, record: Record, desk: Desk) -> None:
    """Simulates the first window again, cut in two, and compares every bit; not if a plan ran out of time."""
    half = max(1, record.clock.slots // 2)
    again: list[Record] = []
    for window in simulate(scenario, community, prices=prices, cut=half, desk=desk):
        if window.schedule.plan and window.schedule.plan.proof.cut_short:
            return
        again.append(Record.of(window))
        if sum(r.clock.slots for r in again) >= record.clock.slots:
            break
    columns = {name: np.concatenate([r.columns[name] for r in again]) for name in record.columns}
    audit.repeated(record, replace(record, columns=columns))
