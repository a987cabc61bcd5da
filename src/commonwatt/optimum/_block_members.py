"""The members' side of the structured interior point method: tables of all tiles, and compiled passes over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..flow import Array, Index
from . import _block_coupling, _block_factor, _block_rows, _block_steps
from ._block_border import Border
from ._block_kinds import CLASSES, MEMBER, STORE, Kind, Units, accounts, classes
from ._block_layout import LANES, Layout, Row, packed, unpacked
from ._block_meters import meters
from ._block_tables import (
    ABOVE,
    BELOW,
    DUAL,
    LOWER,
    MORE,
    MORE_TURN,
    MOVE,
    REST,
    RIGHT,
    TURN,
    UPPER,
    WISH,
)  # fmt: skip
from ._crew import Crew
from .problem import Problem

EDGE = 0.02
"""How far inside its bounds a first guess is brought at least, as a share of their distance."""
PUSH, LEAST, MOST = 0.3, 0.05, 3.0
"""First duals of bounds: a product, and limits of what it gives."""


class _State:
    """All that compiled passes work on: first guesses in, results out."""

    def __init__(self, problem: Problem, found: dict[str, Kind], plan: Layout, units: Units, crew: Crew) -> None:
        self._layout, self._kinds, self._slots = plan, found, problem.shape[0]
        self._classes = classes(problem)
        self.cells = int(plan.cell.max()) + 1
        tables = _Tables(problem, found, plan)
        count, stores, size = len(plan.tiles), sum(map(len, plan.store)), problem.shape[0] * LANES
        self._variables = np.zeros((len(tables.rows), 15, size))
        self._balances, self._levels = np.zeros((count, 7, size)), np.zeros((stores, 7, size))
        pivots = np.zeros((sum(len(s) ** 2 for s in plan.store), self._slots, LANES))
        self._fixed, self._costs = tables.fixed(plan), tables.costs
        self._state = (self._variables, self._balances, self._levels, pivots)
        ends = np.append(tables.tiles[:, 0], len(tables.rows))
        self._spans = np.ascontiguousarray(np.stack([ends[:-1], ends[1:]], axis=1))
        self._rows = plan.group, self._spans, self._variables
        self._crew, self._groups = crew, len(plan.group)
        flows = self._slots * self._classes
        self._sums = np.zeros((len(plan.group), self._classes, size))
        self._matrices = np.zeros((len(plan.group), flows, flows))
        self._fill(problem, units)
        self.pairs_of_bounds = 2 * int((self._variables[:, LOWER] > 0).sum())
        self._costly = np.flatnonzero(tables.rows[:, 4] >= 0)
        self._border = Border(problem, units, plan, self._fixed, self._state) if meters(problem) else None

    def _fill(self, problem: Problem, units: Units) -> None:
        """Bounds and first guesses; fixed variables stand at 1 from both bounds, and their duals at 0."""
        for name, rows in self._layout.rows.items():
            kind, columns = self._kinds[name], self._layout.columns[name]
            low = packed(np.broadcast_to(kind.low, kind.high.shape), columns)
            high, guess, free = (
                packed(kind.high, columns),
                packed(kind.guess, columns),
                packed(kind.free.astype(np.float64), columns),
            )
            edge, on = EDGE * (high - low), free > 0
            x = np.clip(guess, low + edge, high - edge)
            self._variables[rows, BELOW] = np.where(on, x - low, 1.0)
            self._variables[rows, ABOVE] = np.where(on, high - x, 1.0)
            self._variables[rows, LOWER] = self._variables[rows, UPPER] = free
            self._variables[rows, WISH] = np.where(on, low, low - 1.0)
        stores = problem.stores
        self._balances[:, RIGHT] = packed(problem.base_kwh / units.energy, self._layout.member)
        if len(self._levels):
            level = -np.array(stores.drain_kwh)
            level[0] += stores.keep * stores.start_kwh
            self._levels[:, RIGHT] = packed(level / units.energy, self._layout.columns["level"])
        self._share(_block_rows.fold, self._fixed, self._state)

    def _share(self, kernel: Callable[..., None], *tables: Any) -> None:
        """A compiled pass over all groups of tiles."""
        self._crew.share(kernel, self._groups, *tables)

    @property
    def lanes(self) -> tuple[int, int]:
        """Tiles, and members in each."""
        return len(self._spans), LANES

    @property
    def value(self) -> float:
        """What all that costs something by itself costs, above its lower bounds."""
        if not self._costly.size:
            return 0.0
        free = self._variables[self._costly, LOWER] > 0
        return float((self._variables[self._costly, BELOW] * free * self._costs).sum())

    def values(self, name: str, shape: tuple[int, int]) -> Array:
        """Variables of a kind (T, N) or (T, K), scaled; 0 of a kind that there is not."""
        if name not in self._layout.rows:
            return np.zeros(shape)
        kind = self._kinds[name]
        below = unpacked(self._variables[self._layout.rows[name], BELOW], self._layout.columns[name], shape)
        found: Array = kind.low + np.where(kind.free, below, 0.0)
        return found

    def duals(self, balances: tuple[int, int], levels: tuple[int, int]) -> tuple[Array, Array]:
        """Of balances (T, N) and levels (T, K)."""
        balance = unpacked(self._balances[:, DUAL], self._layout.member, balances)
        if not len(self._levels):
            return balance, np.zeros(levels)
        return balance, unpacked(self._levels[:, DUAL], self._layout.columns["level"], levels)

    def begin(self, balance: Array, level: Array) -> None:
        """First duals of balances (T, N) and levels (T, K)."""
        self._balances[:, DUAL] = packed(balance, self._layout.member)
        if len(self._levels):
            self._levels[:, DUAL] = packed(level, self._layout.columns["level"])

    def push(self) -> None:
        """First duals of bounds, from what they leave of the costs."""
        for v in self._variables:
            off = np.clip(PUSH / (v[BELOW] + v[ABOVE]), LEAST, MOST)
            free = v[LOWER] > 0
            v[LOWER] = free * (np.maximum(v[REST], 0.0) + off)
            v[UPPER] = free * (np.maximum(-v[REST], 0.0) + off)

    def _by_cell(self, found: Array) -> Array:
        """Sums over each cell's groups. (G, ...) -> (cells, ...)"""
        sums = np.zeros((self.cells, *found.shape[1:]))
        for g, tile in enumerate(self._layout.group[:, 0]):
            sums[self._layout.cell[tile]] += found[g]
        return sums


class Members(_State):
    """Compiled passes over all tiles."""

    def factor(self, stiffness: Array) -> Array:
        """Factors all rows of members; -> how flows of cells answer to prices. (cells, T E, T E)

        stiffness (P,): inverse scaling of peaks of members' own meters.
        """
        self._share(_block_factor.factor, self._fixed, self._state)
        self._share(_block_coupling.couple, self._fixed, self._state, self._classes, self._matrices)
        found = self._by_cell(self._matrices)
        if self._border:
            self._border.by_cell(self._border.factor(stiffness, self._classes), found)
        return found

    def wish(self, aim: Array | None) -> None:
        """Right-hand sides: of the predictor, or of a corrector with an aim."""
        self._share(_block_steps.wish, *self._rows, np.empty(0) if aim is None else aim)

    def answer(self, rest: Array, *, residual: bool) -> Array:
        """What flows of cells do while prices stay, with what is missing in peaks' columns (P,). (cells, T, E)"""
        self._respond(np.zeros((self.cells, self._classes, 0)), residual=residual)
        flows = self._flows()
        if self._border:
            self._border.answer(TURN if residual else MORE_TURN, rest, flows)
        return flows

    def turn(self, prices: Array, *, residual: bool) -> Array:
        """The direction of all variables as prices (cells, T, E) change; -> that of peaks of own meters. (P,)"""
        self._respond(_by_class(prices), residual=residual)
        if not self._border:
            return np.zeros(0)
        return self._border.turn(*((TURN, MOVE) if residual else (MORE_TURN, MORE)))

    def at_peaks(self, peaks: Array) -> Array:
        """Takes peaks of own meters (P,); -> what the rows that they enter say to them. (P,)"""
        if not self._border:
            return np.zeros(0)
        self._border.put(peaks)
        return self._border.told(DUAL)

    def _respond(self, prices: Array, *, residual: bool) -> None:
        turn, move = (TURN, MOVE) if residual else (MORE_TURN, MORE)
        self._share(_block_rows.respond, self._fixed, self._state, residual, turn, move, prices, self._sums)

    def predicted(self) -> tuple[Array, Array]:
        """Inverses of the longest steps of each member (C, 2, L); what steps of variables, duals and both add."""
        longest, found = np.zeros((len(self._spans), 2, LANES)), np.zeros((self._groups, 3))
        self._share(_block_steps.predicted, *self._rows, longest, found)
        return longest, found.sum(axis=0)

    def corrected(self, weights: Array) -> Array:
        """The same with shares of a corrector. (W, C, 2, L)"""
        longest = np.zeros((weights.size, len(self._spans), 2, LANES))
        self._share(_block_steps.corrected, *self._rows, weights, longest)
        return longest

    def blend(self, weight: float) -> None:
        """Adds a share of the corrector to the direction."""
        self._share(_block_steps.blend, *self._rows, weight)
        for table in (self._balances, self._levels):
            table[:, TURN] += weight * table[:, MORE_TURN]

    def step(self, primal: Array, dual: float) -> float:
        """Takes a step, each member its own (C, L) and all duals the same; -> the sum of products after it."""
        found = np.zeros(self._groups)
        self._share(_block_steps.step, *self._rows, primal, dual, found)
        for table in (self._balances, self._levels):
            table[:, DUAL] += dual * table[:, TURN]
        return float(found.sum())

    def residuals(self, prices: Array) -> tuple[Array, float, float]:
        """Flows (cells, T, E), and what rows and columns miss at most at prices (cells, T, E)."""
        found = np.zeros((self._groups, 2))
        self._share(_block_rows.residuals, self._fixed, self._state, _by_class(prices), self._sums, found)
        return self._flows(), float(found[:, 0].max()), float(found[:, 1].max())

    def _flows(self) -> Array:
        found = self._sums.reshape(-1, self._classes, self._slots, LANES).sum(axis=3)
        return np.ascontiguousarray(self._by_cell(found).transpose(0, 2, 1))


class _Tables:
    """What compiled passes look up and never change (see `_block_tables`)."""

    def __init__(self, problem: Problem, found: dict[str, Kind], plan: Layout) -> None:
        self._found, self._stores, self._size = found, problem.stores, problem.shape[0] * LANES
        self._account = accounts(problem)
        self._metered = np.zeros(problem.shape)
        for p in meters(problem):
            self._metered[:, problem.peaks[p].members] = 1.0
        tiles, rows, pairs = list[list[int]](), list[list[int]](), list[tuple[int, int]]()
        self._rates, self._costs = list[Array](), list[Array]()
        store = pivot = 0
        for c, tile in enumerate(plan.tiles):
            n = len(plan.store[c])
            tiles.append([len(rows), len(tile) - n, store, n, pivot, int(plan.cell[c])])
            at = {(row.kind, row.slot): f for f, row in enumerate(tile)}
            pairs += [
                (at.get(("charge", k), -1), at.get(("discharge", k), at.get(("pool_in", k), -1))) for k in range(n)
            ]
            rows += [self._row(row) for row in tile]
            store, pivot = store + n, pivot + n * n
        self.tiles, self.rows = np.array(tiles, np.int64), np.array(rows, np.int64)
        self._pairs = np.array(pairs, np.int64).reshape(-1, 2)
        self.costs = np.array(self._costs).reshape(-1, self._size)

    def _row(self, row: Row) -> list[int]:
        """Numbers of a row; its rate and cost are added to their tables."""
        cost, stores = self._found[row.kind].cost, self._stores
        rate = {"charge": -stores.gain, "discharge": np.broadcast_to(stores.loss, stores.shape)}.get(row.kind)
        rate = self._metered if row.kind in MEMBER and row.slot >= 0 else rate
        numbers = [-1, -1]
        for k, (table, into) in enumerate(((rate, self._rates), (cost, self._costs))):
            if table is not None:
                numbers[k] = len(into)
                into.append(packed(table, row.column[None, :])[0])
        return [self._class(row), row.slot, {**MEMBER, **STORE}.get(row.kind, 0), *numbers]

    def _class(self, row: Row) -> int:
        """The class of a row's flows, -1 for those that meet nobody."""
        if row.kind in STORE:
            battery = int(self._account[row.column.max()])
            return -1 if battery < 0 else len(CLASSES) + len(STORE) * battery + list(STORE).index(row.kind)
        return CLASSES.index(row.kind) if row.kind in CLASSES else -1

    def fixed(self, plan: Layout) -> tuple[Any, ...]:
        """All of them, in order."""
        keep = [_at(self._stores.keep, lanes) for store in plan.store for lanes in store]
        shares = np.tile(np.array(keep).reshape(-1, LANES), (1, self._size // LANES))
        rates = np.array(self._rates).reshape(-1, self._size)
        return plan.group, self.tiles, self.rows, self._pairs, rates, np.ascontiguousarray(shares), self.costs


def _by_class(prices: Array) -> Array:
    return np.ascontiguousarray(prices.transpose(0, 2, 1))


def _at(values: Array, column: Index) -> Array:
    """`values` of what stands in each lane, 0 for nothing."""
    return np.where(column >= 0, values[np.maximum(column, 0)], 0.0)
