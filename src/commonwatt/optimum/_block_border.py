"""Peaks of members' own meters as columns beside the members' rows, in the structured interior point method.

Members are eliminated without them. How they answer to one is worked out once per factor; what a peak then does follows
from what the rows that it enters say to it, and is added to every answer and direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..flow import Array, Index
from . import _block_rows
from ._block_kinds import Units
from ._block_layout import LANES, Layout
from ._block_meters import locked, meters
from ._block_tables import CLASS, MISSED, MORE, MORE_TURN, RIGHT, WISH
from .problem import Problem


@dataclass(frozen=True)
class _Answers:
    """How members answer to a peak that rises: rows (C, M), (S, M), variables (R, M), flows, and how stiff it is."""

    balance: Array
    level: Array
    move: Array
    flows: Array
    """(tiles, T, E, L)"""
    give: Array
    """(tiles, L)"""


class Border:
    """The columns of peaks of members' own meters, in the tables of all tiles."""

    def __init__(
        self, problem: Problem, units: Units, plan: Layout, fixed: tuple[Any, ...], state: tuple[Any, ...]
    ) -> None:
        self._fixed, self._state, self._plan, self._slots = fixed, state, plan, problem.shape[0]
        first, numbers = problem.stores.owner.size - len(meters(problem)), meters(problem)
        ids = plan.columns["level"]
        here = (ids >= first).any(axis=1)
        self._levels: Index = np.flatnonzero(here)
        self._tiles: Index = np.repeat(np.arange(len(plan.store)), [len(s) for s in plan.store])[self._levels]
        self._peak: Index = np.where(ids[here] >= first, ids[here] - first, -1)
        weight = np.stack([problem.peaks[p].weight for p in numbers], axis=1)
        share = np.where(weight > 0, 1.0 / np.where(weight > 0, weight, 1.0), 0.0)[:, self._peak]
        self._enters = -np.where(self._peak >= 0, share, 0.0).transpose(1, 0, 2)
        self._locked, self._count = locked(problem, units), len(numbers)
        self._base = state[2][self._levels, RIGHT].copy()
        self._rest = np.zeros(self._count)

    def put(self, peaks: Array) -> None:
        """Right-hand sides at peaks (P,) so far above what is locked."""
        high = self._of_lanes(self._locked + peaks)
        there = -(self._enters * high[:, None, :]).reshape(len(high), -1)
        self._state[2][self._levels, RIGHT] = self._base + there

    def _of_lanes(self, values: Array) -> Array:
        """(P,) -> (tiles, L)"""
        return np.where(self._peak >= 0, values[self._peak], 0.0)

    def _of_peaks(self, values: Array) -> Array:
        """(tiles, L) -> (P,)"""
        found, there = np.zeros(self._count), self._peak >= 0
        found[self._peak[there]] = values[there]
        return found

    def _said(self, field: int) -> Array:
        """What level rows say to the peaks. (tiles, L)"""
        rows = self._state[2][self._levels, field].reshape(self._enters.shape)
        said: Array = (self._enters * rows).sum(axis=1)
        return said

    def told(self, field: int) -> Array:
        """The same by peak. (P,)"""
        return self._of_peaks(self._said(field))

    def factor(self, stiffness: Array, classes: int) -> Array:
        """How members answer to each peak; what flows answer through peaks to prices, tile by tile. (tiles, T E, T E)

        stiffness (P,): inverse scaling of the peaks.
        """
        variables, balances, levels, _ = self._state
        kept = balances[:, MISSED].copy(), levels[:, MISSED].copy()
        balances[:, MISSED], levels[:, MISSED], variables[:, WISH] = 0.0, 0.0, 0.0
        levels[self._levels, MISSED] = self._enters.reshape(len(self._levels), -1)
        groups, cells = len(self._plan.group), int(self._plan.cell.max()) + 1
        sums = np.zeros((groups, classes, self._slots * LANES))
        _block_rows.respond(
            0, groups, self._fixed, self._state, True, MORE_TURN, MORE, np.zeros((cells, classes, self._slots)), sums
        )
        balances[:, MISSED], levels[:, MISSED] = kept
        stiff = self._of_lanes(stiffness) + self._said(MORE_TURN)
        self._answers = _Answers(
            balances[:, MORE_TURN].copy(), levels[:, MORE_TURN].copy(), variables[:, MORE].copy(),
            self._flows(classes), np.where(self._peak >= 0, 1.0 / np.where(self._peak >= 0, stiff, 1.0), 0.0),
        )  # fmt: skip
        flat = self._answers.flows.reshape(len(self._levels), -1, LANES)
        found: Array = np.einsum("cal,cbl->cab", flat * self._answers.give[:, None, :], flat)
        return found

    def _flows(self, classes: int) -> Array:
        """Flows that meet others, as rows of variables move. (tiles, T, E, L)"""
        variables, tiles, rows = self._state[0], self._fixed[1], self._fixed[2]
        found = np.zeros((len(self._tiles), self._slots, classes, LANES))
        for i, c in enumerate(self._tiles):
            for r in range(tiles[c, 0], tiles[c, 0] + tiles[c, 1]):
                if rows[r, CLASS] >= 0:
                    found[i, :, rows[r, CLASS]] += variables[r, MORE].reshape(self._slots, LANES)
        return found

    def by_cell(self, found: Array, into: Array) -> None:
        """Adds what stands tile by tile to cells."""
        for i, c in enumerate(self._tiles):
            into[self._plan.cell[c]] += found[i]

    def answer(self, turn: int, rest: Array, flows: Array) -> None:
        """Takes from flows (cells, T, E) what peaks change; rest (P,): what is missing in their columns."""
        self._rest = rest
        rise = self._rise(turn)
        self.by_cell(-(self._answers.flows * rise[:, None, None, :]).sum(axis=3), flows)

    def _rise(self, turn: int) -> Array:
        rise: Array = (self._said(turn) - self._of_lanes(self._rest)) * self._answers.give
        return rise

    def turn(self, turn: int, move: int) -> Array:
        """Directions of rows and variables as peaks move as well; -> how they do. (P,)"""
        variables, balances, levels, _ = self._state
        rise = self._rise(turn)
        lanes = np.zeros((len(balances), LANES))
        lanes[self._tiles] = rise
        flows = np.tile(lanes, (1, self._slots))
        tiles = self._fixed[1]
        balances[:, turn] -= self._answers.balance * flows
        levels[:, turn] -= self._answers.level * np.repeat(flows, tiles[:, 3], axis=0)
        variables[:, move] -= self._answers.move * np.repeat(flows, tiles[:, 1] + tiles[:, 3], axis=0)
        return self._of_peaks(rise)
