"""The community's own side of the structured interior point method: its columns, the duals of its rows, its steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..flow import Array, Index
from ._block_kinds import NARROW
from ._block_meeting import Meeting
from ._block_members import Members
from ._cholesky import factorise, solve

TINY, SHARE = 1e-10, 1e-13
"""Added to the inverse scaling, and to the diagonal as a share."""
EDGE = 0.05
"""How far inside its bounds a first guess stays, as a share of their distance."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """A direction: of the rows' duals, of distances to bounds, of their duals."""

    y: Array
    distance: Array
    dual: Array

    def plus(self, weight: float, more: Move) -> Move:
        """Corrected by a part of another."""
        return Move(
            y=self.y + weight * more.y, distance=self.distance + weight * more.distance,
            dual=self.dual + weight * more.dual,
        )  # fmt: skip


class Bus:
    """Columns from 0 up, some with an upper bound, and rows. A bound has a distance and a dual."""

    def __init__(self, given: Meeting) -> None:
        self.given, self.rows = given, given.right.size
        self._peaks = given.peaks
        self.free = given.high > NARROW
        capped = self.free & np.isfinite(given.high)
        self.of: Index = np.concatenate([np.flatnonzero(self.free), np.flatnonzero(capped)])
        self._lower = int(self.free.sum())
        self._sign = np.where(np.arange(self.of.size) < self._lower, 1.0, -1.0)
        used = self.free[given.column]
        self._row, self._column, self._factor = given.row[used], given.column[used], given.factor[used]
        self._find_pairs()
        self._begin(np.flatnonzero(capped))

    def _begin(self, capped: Index) -> None:
        given = self.given
        x = np.array(given.guess)
        edge = EDGE * given.high[capped]
        x[capped] = np.clip(x[capped], edge, given.high[capped] - edge)
        self.distance = np.where(self._sign > 0, x[self.of], given.high[self.of] - x[self.of])
        self.dual = np.ones(self.of.size)
        self.y = np.zeros(self.rows)
        self.missed, self.rest = np.zeros(self.rows), np.zeros(given.cost.size)

    def begin(self, y: Array) -> None:
        """First duals: of rows as given, of bounds from what they leave of the costs."""
        self.y = y
        rest = (self.given.cost - self._down(y))[self.of] * self._sign
        self.dual = np.maximum(rest, 0.0) + np.clip(0.3 / (self.distance + 1.0), 0.1, 3.0)

    def _find_pairs(self) -> None:
        """Entries of the normal matrix: where, which column, product of factors."""
        order = np.argsort(self._column, kind="stable")
        row, column, factor = self._row[order], self._column[order], self._factor[order]
        count = np.bincount(column, minlength=self.given.cost.size)
        first = np.cumsum(count) - count
        left = np.repeat(np.arange(column.size), count[column])
        right = np.arange(left.size) - np.repeat(np.cumsum(count[column]) - count[column], count[column])
        right += first[column[left]]
        upper = row[left] <= row[right]
        left, right = left[upper], right[upper]
        self._at = row[left] * self.rows + row[right]
        self._of_pair, self._by = column[left], factor[left] * factor[right]

    def _across(self, x: Array) -> Array:
        """What columns put into the rows."""
        found: Array = np.bincount(self._row, self._factor * x[self._column], self.rows).astype(np.float64)
        return found

    def _down(self, y: Array) -> Array:
        """What the duals of rows say to the columns."""
        found: Array = np.bincount(self._column, self._factor * y[self._row], self.given.cost.size).astype(np.float64)
        return found

    def _collect(self, values: Array) -> Array:
        """Sums over the bounds of each column."""
        found: Array = np.bincount(self.of, values, self.given.cost.size).astype(np.float64)
        return found

    @property
    def x(self) -> Array:
        """Values of the columns, 0 of those that can be nothing else."""
        found = np.zeros(self.given.cost.size)
        found[self.of[: self._lower]] = self.distance[: self._lower]
        return found

    @property
    def peaks(self) -> Array:
        """How far peaks of members' own meters rise above what is locked. (P,)"""
        return self.x[self._peaks]

    def measure(self, flows: Array, peaks: Array) -> tuple[float, float]:
        """What rows and columns miss at most, with members' flows (cells, T, classes) and what they say to peaks."""
        self.missed = self.given.right - self._across(self.x)
        self.missed[: flows.size] += flows.ravel()
        rest = self.given.cost - self._down(self.y) - self._collect(self._sign * self.dual)
        rest[self._peaks] -= peaks
        self.rest = np.where(self.free, rest, 0.0)
        return float(np.abs(self.missed).max(initial=0.0)), float(np.abs(self.rest).max(initial=0.0))

    @property
    def product(self) -> float:
        """Sum over all bounds of distance times dual."""
        return float((self.distance * self.dual).sum())

    @property
    def value(self) -> float:
        """What the columns cost."""
        return float((self.given.cost * self.x).sum())

    def factor_with(self, members: Members) -> None:
        """Factors the rows, with how the flows of each cell answer to its prices."""
        inverse = self._collect(self.dual / self.distance) + TINY
        answers = members.factor(inverse[self._peaks])
        self._scale = np.where(self.free, 1.0 / inverse, 0.0)
        weights = self._by * self._scale[self._of_pair]
        matrix = np.bincount(self._at, weights, self.rows**2).astype(np.float64).reshape(self.rows, self.rows)
        size = answers.shape[1]
        for c, answer in enumerate(answers):
            matrix[c * size : (c + 1) * size, c * size : (c + 1) * size] += answer
        matrix[np.diag_indices(self.rows)] *= 1.0 + SHARE
        factorise(matrix)
        self._matrix = matrix

    def direction(self, members: Members, target: Array, *, residual: bool) -> Move:
        """With members' own, who wish what they wish; target of the bounds' products."""
        rest = self.rest * residual - self._collect(self._sign * target / self.distance)
        flows = members.answer(rest[self._peaks], residual=residual)
        y = self._across(self._scale * rest) + self.missed * residual
        y[: flows.size] += flows.ravel()
        solve(self._matrix, y)
        x = self._scale * (self._down(y) - rest)
        x[self._peaks] = members.turn(self.given.flows(y), residual=residual)
        distance = self._sign * x[self.of]
        return Move(y=y, distance=distance, dual=(target - self.dual * distance) / self.distance)

    def longest(self, move: Move) -> tuple[float, float]:
        """Inverses of the longest steps of columns and of bounds' duals."""
        into = float((-move.distance / self.distance).max(initial=0.0))
        return into, float((-move.dual / self.dual).max(initial=0.0))

    def product_after(self, move: Move, primal: float, dual: float) -> Array:
        """Products of the bounds after a step."""
        after: Array = (self.distance + primal * move.distance) * (self.dual + dual * move.dual)
        return after

    def step(self, move: Move, primal: float, dual: float) -> None:
        """Takes a step."""
        self.y = self.y + dual * move.y
        self.distance = self.distance + primal * move.distance
        self.dual = self.dual + dual * move.dual
