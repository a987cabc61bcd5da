"""A study as a page shows it: every scenario with readable labels, and what is best of each kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..flow import Array, Community
from ..run import Run
from ..studies import Results, Row
from . import _words as words

HUES = 8
"""Mechanisms that get a colour of their own; further ones start over."""


@dataclass(frozen=True)
class Line:
    """A scenario as it is shown. `hue` 0 is the reference; `shape` counts ways of running devices."""

    row: Row
    tariff: str
    rule: str
    dispatch: str
    hue: int
    shape: int

    @property
    def run(self) -> Run:
        """What was computed."""
        return self.row.run

    @property
    def world(self) -> str:
        """Whose meters are billed, in words."""
        return words.WORLDS[self.row.world]

    @property
    def setting(self) -> str:
        """Tariff and dispatch, in words."""
        return f"tariff {self.tariff}, dispatch {self.dispatch}"

    def losing(self) -> list[int]:
        """Members that pay more than alone, worst first."""
        count = int(self.run.metrics["losers"])
        return [int(n) for n in np.argsort(self.run.savings, kind="stable")[:count]]


@dataclass(frozen=True)
class View:
    """What a page reads of a study's results."""

    results: Results

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """World by world, best first; then the references."""
        order = {name: k for k, name in enumerate(self.results.runs)}
        rows = sorted(self.results.rows, key=lambda row: order[row.name])
        tariffs, rules = ({row.name: words.name(getattr(row, part)) for row in rows} for part in ("tariff", "market"))
        ways = _ways(rows)
        named = [rules[row.name] for row in rows if row.world != "both"]
        hues, shapes = list(dict.fromkeys(named)), list(dict.fromkeys(ways[row.name] for row in rows))
        return tuple(
            Line(
                row, tariffs[row.name], rules[row.name], ways[row.name],
                0 if row.world == "both" else 1 + hues.index(rules[row.name]) % HUES, shapes.index(ways[row.name]),
            ) for row in self.results.rows
        )  # fmt: skip

    def ranked(self, world: str) -> list[Line]:
        """Best first, without the references."""
        return [line for line in self.lines if line.row.world == world]

    @cached_property
    def references(self) -> list[Line]:
        """Scenarios in which nothing is shared: they stand in both worlds."""
        return [line for line in self.lines if line.row.world == "both"]

    def reference(self, line: Line) -> Line | None:
        """The same tariff and dispatch without sharing."""
        return next((r for r in self.references if (r.tariff, r.dispatch) == (line.tariff, line.dispatch)), None)

    def champions(self, world: str) -> list[Line]:
        """The best scenario of each mechanism, under the winner's tariff and dispatch where it was run there."""
        ranked = self.ranked(world)
        found: dict[str, Line] = {}
        for line in [x for x in ranked if x.setting == ranked[0].setting] + ranked:
            found.setdefault(line.rule, line)
        return list(found.values())

    def as_asked(self, lines: Iterable[Line]) -> list[Line]:
        """In the order of the document, not by rank."""
        order = {name: k for k, name in enumerate(self.results.runs)}
        return sorted(lines, key=lambda line: order[line.row.name])

    @cached_property
    def first(self) -> Line:
        """Any scenario: what all share is read from it."""
        return self.lines[0]

    @cached_property
    def community(self) -> Community:
        """Load and PV slot by slot, built again: results keep sums only."""
        return self.first.run.scenario.community()

    @cached_property
    def ways(self) -> list[Line]:
        """One scenario for each way of running devices: energy does not depend on who pays."""
        return list({line.dispatch: line for line in self.as_asked(self.lines)}.values())

    @property
    def currency(self) -> str:
        """ISO code."""
        return self.results.currency


def net_kw(run: Run) -> Array:
    """What the community draws at its coupling point; negative: gives. (T,) [kW]"""
    totals = run.facts.run
    net: Array = (totals.by_slot("import_kwh") - totals.by_slot("export_kwh")) / totals.hours
    return net


def _ways(rows: list[Row]) -> dict[str, str]:
    """How devices are run, by scenario; with the forecast that a planner believes, where there are several."""
    believed = {row.name: row.run.scenario.forecast.kind for row in rows if not row.run.scenario.dispatch.causal}
    several = len(set(believed.values())) > 1
    return {
        row.name: words.name(row.dispatch)
        + (f", {words.name(believed[row.name])} forecast" if several and row.name in believed else "")
        for row in rows
    }  # fmt: skip
