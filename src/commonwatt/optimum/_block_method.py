"""The iterations of the structured interior point method.

Mehrotra's predictor and corrector with separate steps, then further correctors after Gondzio, for which nothing is
factored again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ._block_bus import Bus, Move
from ._block_kinds import Units, accounts, kinds
from ._block_layout import layout
from ._block_meeting import cells, meeting
from ._block_members import Members
from ._block_meters import meters, with_meters
from ._block_prices import Blind, duals, first, of_rows
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
SHRINK = 0.99
"""Share of the way to the nearest bound that a step takes."""


class _Aim(NamedTuple):
    """Of a corrector: steps to try, where products are to lie, the most that one may fall by."""

    primal: float
    dual: float
    low: float
    high: float
    fall: float


class Method:
    """The method's state."""

    def __init__(self, problem: Problem, gap: float) -> None:
        self.problem, self.gap, self.units = problem, gap, Units.of(problem)
        found = kinds(problem, self.units)
        wider, found = with_meters(problem, found, self.units)
        owner, stores = wider.stores.owner, problem.stores.owner.size
        account = np.where(np.arange(owner.size) < stores, accounts(wider), len(problem.joints))
        plan = layout(owner, found, cells(problem), account, stores)
        self.members = Members(wider, found, plan, self.units)
        self.blind = Blind(problem, self.units)
        balance, level, rows = first(problem, self.units)
        self.members.begin(balance, np.hstack([level, np.zeros((len(level), owner.size - stores))]))
        flows, *_ = self.members.residuals(np.repeat(rows[None], self.members.cells, axis=0))
        self.members.push()
        self.bus = Bus(meeting(problem, self.units, found, flows, 1e-3 * problem.shape[1]))
        self.bus.begin(of_rows(rows, self.bus.given))
        self.pairs = self.members.pairs_of_bounds + self.bus.of.size
        self.product, self.near = self.members.step(0.0, 0.0), np.inf
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
        into, along, products = members.predicted()
        steps = self._steps((into, along), move)
        after = self.product + steps[0] * products[0] + steps[1] * products[1] + steps[0] * steps[1] * products[2]
        after += float(bus.product_after(move, *steps).sum())
        aim = mean * min(0.9, max((after / total) ** 3, 1e-5))
        move, steps = self._corrected(move, _Aim(1.0, 1.0, aim, aim, np.inf), 0.0) or (move, steps)
        for _ in range(CORRECTORS):
            primal, dual = (min(1.0, step + GROWTH) for step in steps)
            further = _Aim(primal, dual, LOW * aim, HIGH * aim, HIGH * aim)
            better = self._corrected(move, further, sum(steps) + GAIN) if min(steps) <= LONG else None
            if better is None:
                break
            move, steps = better
        shrink = SHRINK if mean > 1e-5 else max(SHRINK, 1 - 10 * mean)
        bus.step(move, shrink * steps[0], shrink * steps[1])
        self.product = members.step(shrink * steps[0], shrink * steps[1])

    def _corrected(self, move: Move, aim: _Aim, least: float) -> tuple[Move, tuple[float, float]] | None:
        """With the best share of a corrector, and its steps; none if they do not get longer than `least` together."""
        members, bus = self.members, self.bus
        members.wish(np.array(aim))
        product = bus.product_after(move, aim.primal, aim.dual)
        target = np.maximum(np.clip(product, aim.low, aim.high) - product, -aim.fall)
        more = bus.direction(members, target, residual=False)
        blended = [move.plus(float(weight), more) for weight in WEIGHTS]
        longest = members.corrected(WEIGHTS)
        steps = [self._steps((x, z), one) for (x, z), one in zip(longest, blended, strict=True)]
        pick = max(range(len(steps)), key=lambda k: sum(steps[k]) + 1e-3 * WEIGHTS[k])
        if sum(steps[pick]) < least:
            return None
        members.blend(float(WEIGHTS[pick]))
        return blended[pick], steps[pick]

    def _steps(self, inverse: tuple[float, float], move: Move) -> tuple[float, float]:
        """Longest steps, 1 at most, that members' inverses and the community's direction allow."""
        primal, dual = (max(pair) for pair in zip(inverse, self.bus.longest(move), strict=True))
        return 1.0 / max(primal, 1.0), 1.0 / max(dual, 1.0)
