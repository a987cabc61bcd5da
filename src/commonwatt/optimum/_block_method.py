"""The iterations of the structured interior point method.

Mehrotra's predictor and corrector with separate steps, then further correctors after Gondzio, for which nothing is
factored again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..flow import Array
from ._block_bus import Bus, Move
from ._block_kinds import Units, accounts, kinds
from ._block_layout import layout
from ._block_meeting import cells, meeting
from ._block_members import Members
from ._block_meters import meters, with_meters
from ._block_prices import Blind, duals, first, of_rows
from ._crew import Crew
from .bill import cost
from .certificate import gap as gap_between
from .engine import Plan
from .lower import lower
from .problem import Problem
from .upper import feasible

WORSE = 15
"""Iterations at most without getting nearer."""
NEAR, FITS = 3.0, 1e-4
"""Gap that products let expect, as a multiple of what is asked, and scaled residual, from which plans are certified."""
LOOSE = 1e-3
"""Where products are that small and the gap is still open, no further iteration closes it."""
WEIGHTS = np.array([1.0, 0.5])
"""Shares of a corrector that are tried."""
CORRECTORS, LONG, GROWTH, GAIN = 2, 0.95, 0.3, 0.03
"""Further correctors; steps that need none; by how much one is to lengthen them, and how much it must."""
LOW, HIGH = 0.1, 10.0
"""Products that need no further correction, as shares of the aim."""
FEW, FAR = 0.01, 1e-3
"""Members that go only as far as they can themselves, as a share, while prices go with everybody's: one slot in which
some are undecided would hold up thousands else. Nearer than this, as a gap, all go together, or what they leave stays.
"""
SHRINK = 0.99
"""Share of the way to the nearest bound that a step takes."""


class _Aim(NamedTuple):
    """Of a corrector: steps to try, where products are to lie, the most that one may fall by."""

    primal: float
    dual: float
    low: float
    high: float
    fall: float


class _Way(NamedTuple):
    """A direction, and how far it leads: the community's columns and all duals, and each member (C, L)."""

    move: Move
    primal: float
    dual: float
    own: Array


class Method:
    """The method's state."""

    def __init__(self, problem: Problem, gap: float, crew: Crew) -> None:
        self.problem, self.gap, self.units = problem, gap, Units.of(problem)
        found = kinds(problem, self.units)
        wider, found = with_meters(problem, found, self.units)
        owner, stores = wider.stores.owner, problem.stores.owner.size
        account = np.where(np.arange(owner.size) < stores, accounts(wider), len(problem.joints))
        plan = layout(owner, found, cells(problem), account, stores)
        self.members = Members(wider, found, plan, self.units, crew)
        self.blind = Blind(problem, self.units)
        balance, level, rows = first(problem, self.units)
        self.members.begin(balance, np.hstack([level, np.zeros((len(level), owner.size - stores))]))
        flows, *_ = self.members.residuals(np.repeat(rows[None], self.members.cells, axis=0))
        self.members.push()
        self.bus = Bus(meeting(problem, self.units, found, flows, 1e-3 * problem.shape[1]))
        self.bus.begin(of_rows(rows, self.bus.given))
        self.pairs = self.members.pairs_of_bounds + self.bus.of.size
        self.product, self.near = self.members.step(np.zeros(self.members.lanes), 0.0), np.inf
        self.best, self.proven = Plan.rest(problem, "block", ""), np.inf
        self._nearest, self._since = np.inf, 0

    def look(self, iteration: int) -> str:
        """Measures, and certifies where it may do; a word if this is the end."""
        peaks = self.members.at_peaks(self.bus.peaks)
        flows, rows, columns = self.members.residuals(self.bus.given.flows(self.bus.y))
        more = self.bus.measure(flows, peaks)
        missed = max(rows, columns, more[0] / self.problem.shape[1], more[1])
        least = self.problem.scale / (self.units.energy * self.units.price) or 1.0
        total = self.product + self.bus.product
        expected = total / (abs(self.bus.value + self.members.value) + least)
        self.near = min(expected, self.proven)
        if not np.isfinite(expected + missed):
            return "not finite"
        if expected < NEAR * self.gap and missed < FITS:
            self._certify(iteration)
            if self.proven <= self.gap:
                return "optimal"
            if expected < LOOSE * self.gap:
                return "relaxation not tight"
        self._since = 0 if expected + missed < 0.9 * self._nearest else self._since + 1
        self._nearest = min(self._nearest, expected + missed)
        return "stalled" if self._since > WORSE else ""

    def ended(self, said: str, iteration: int) -> Plan:
        """The best certified plan; before there is any, the last."""
        if not np.isfinite(self.proven) and said != "not finite":
            self._certify(iteration)
        return replace(self.best, status=said, iterations=iteration)

    def _certify(self, iteration: int) -> None:
        plan = self._plan(iteration)
        made, missed = feasible(self.problem, plan)
        fine = 1e-6 * max(1.0, float(np.abs(made.level_kwh).max(initial=0.0)))
        money = cost(self.problem, made) if missed <= fine else np.inf
        found = gap_between(self.problem, money, lower(self.problem, plan.duals, exact=False))
        if found < self.proven or not self.best.status:
            self.best, self.proven = plan, found

    def _plan(self, iteration: int) -> Plan:
        energy, flows, (slots, stores) = self.units.energy, self.problem.shape, self.problem.stores.shape
        level = self.members.values("level", (slots, stores + len(meters(self.problem))))[:, :stores]
        prices = duals(self.problem, self.units, self.members, self.bus, self.blind)
        return Plan(
            level_kwh=energy * level,
            curtailed_kwh=energy * self.members.values("curtail", flows),
            unserved_kwh=energy * self.members.values("unserved", flows),
            duals=prices, engine="block", status="open", iterations=iteration,
        )  # fmt: skip

    def advance(self) -> None:
        """One iteration."""
        members, bus = self.members, self.bus
        total = self.product + bus.product
        mean = total / self.pairs
        bus.factor_with(members)
        members.wish(None)
        move = bus.direction(members, -bus.distance * bus.dual, residual=True)
        inverse, products = members.predicted()
        way = self._way(move, inverse)
        after = self.product + way.primal * products[0] + way.dual * products[1] + way.primal * way.dual * products[2]
        after += float(bus.product_after(move, way.primal, way.dual).sum())
        aim = mean * min(0.9, max((after / total) ** 3, 1e-5))
        way = self._corrected(way, _Aim(1.0, 1.0, aim, aim, np.inf), 0.0) or way
        for _ in range(CORRECTORS):
            primal, dual = (min(1.0, step + GROWTH) for step in (way.primal, way.dual))
            further = _Aim(primal, dual, LOW * aim, HIGH * aim, HIGH * aim)
            long = min(way.primal, way.dual) > LONG
            better = None if long else self._corrected(way, further, way.primal + way.dual + GAIN)
            if better is None:
                break
            way = better
        shrink = SHRINK if mean > 1e-5 else max(SHRINK, 1 - 10 * mean)
        bus.step(way.move, shrink * way.primal, shrink * way.dual)
        self.product = members.step(shrink * way.own, shrink * way.dual)

    def _corrected(self, way: _Way, aim: _Aim, least: float) -> _Way | None:
        """With the best share of a corrector; none if steps do not get longer than `least` together."""
        members, bus = self.members, self.bus
        members.wish(np.array(aim))
        product = bus.product_after(way.move, aim.primal, aim.dual)
        target = np.maximum(np.clip(product, aim.low, aim.high) - product, -aim.fall)
        more = bus.direction(members, target, residual=False)
        inverse = members.corrected(WEIGHTS)
        ways = [self._way(way.move.plus(float(w), more), found) for w, found in zip(WEIGHTS, inverse, strict=True)]
        pick = max(range(len(ways)), key=lambda k: ways[k].primal + ways[k].dual + 1e-3 * WEIGHTS[k])
        if ways[pick].primal + ways[pick].dual < least:
            return None
        members.blend(float(WEIGHTS[pick]))
        return ways[pick]

    def _way(self, move: Move, inverse: Array) -> _Way:
        """A direction with its longest steps, 1 at most; inverse (C, 2, L): those of members."""
        few = int(FEW * self.problem.shape[1]) if self.near > FAR else 0
        own, along = inverse[:, 0], float(inverse[:, 1].max())
        most = float(np.partition(own, own.size - 1 - few, axis=None)[own.size - 1 - few])
        into, along = (max(pair) for pair in zip((most, along), self.bus.longest(move), strict=True))
        primal = 1.0 / max(into, 1.0)
        return _Way(move, primal, 1.0 / max(along, 1.0), np.minimum(primal, 1.0 / np.maximum(own, 1.0)))
