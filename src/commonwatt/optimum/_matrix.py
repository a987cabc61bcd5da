"""The problem as one sparse matrix: columns in blocks, rows for balances, levels, the pool, limits and charges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..flow import Array, Index
from ._coupling import Rows, columns, rows
from ._cuts import Cuts, Entry
from .problem import Problem


@dataclass(frozen=True, kw_only=True)
class Block:
    """Columns of one kind: where in their table (T, N), (T, K) or (T, 1) they stand, bounds and cost."""

    at: Index
    first: int
    shape: tuple[int, int]
    low: Array
    high: Array
    cost: Array
    rows: tuple[tuple[Index, Array], ...]
    """Rows each column enters, with its factor there."""

    def read(self, values: Array) -> Array:
        """Its part of a solution, as a table; 0 where there is no column."""
        table = np.zeros(self.shape[0] * self.shape[1])
        table[self.at] = values[self.first : self.first + self.at.size]
        return table.reshape(self.shape)

    @property
    def number(self) -> Index:
        """The column of each place in the table, -1 where there is none."""
        table = np.full(self.shape[0] * self.shape[1], -1)
        table[self.at] = self.first + np.arange(self.at.size)
        return table.reshape(self.shape)


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Minimise cost * x, low <= x <= high, row_low <= A x <= row_high; A by columns."""

    blocks: dict[str, Block]
    rows: dict[str, Rows]
    low: Array
    high: Array
    cost: Array
    start: NDArray[np.int32]
    index: NDArray[np.int32]
    value: Array
    row_low: Array
    row_high: Array

    @property
    def size(self) -> int:
        """Columns."""
        return int(self.cost.size)


def matrix(problem: Problem, *, roomy: bool = False) -> Matrix:
    """Rows in order: balance by slot and member, level by slot and store, demand and supply by slot, cuts, the rest.

    A cut holds for every plan that runs no meter and no store both ways at once (see `Cuts`). A `roomy` matrix has a
    column wherever a problem of its kind might need one, so that other bounds change no pattern.
    """
    right, cuts = _right(problem), Cuts(problem)
    blocks = _blocks(problem, cuts, roomy=roomy)
    numbers = {name: block.number for name, block in blocks.items()}
    more = rows(problem, numbers, first=right.size + cuts.right.size)
    parts = [
        (np.arange(block.first, block.first + block.at.size), in_rows, factors)
        for block in blocks.values()
        for in_rows, factors in block.rows
    ]
    parts += [(t.column, t.row, t.factor) for kind in more.values() for t in kind.triplets]
    column, row, factor = (np.concatenate([part[i] for part in parts]) for i in range(3))
    used = (row >= 0) & (column >= 0)
    low, high, cost = (np.concatenate([getattr(b, name) for b in blocks.values()]) for name in ("low", "high", "cost"))
    start, index, value = by_column(column[used], row[used], factor[used], cost.size)
    return Matrix(
        blocks=blocks, rows=more, low=low, high=high, cost=cost, start=start, index=index, value=value,
        row_low=np.concatenate([right, np.full(cuts.right.size, -np.inf), *(kind.low for kind in more.values())]),
        row_high=np.concatenate([right, cuts.right, *(kind.high for kind in more.values())]),
    )  # fmt: skip


def by_column(
    column: Index, row: Index, factor: Array, size: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], Array]:
    """Triplets as a compressed matrix of `size` columns: starts, rows and factors."""
    order = np.lexsort((row, column))
    start = np.zeros(size + 1, np.int32)
    start[1:] = np.cumsum(np.bincount(column, minlength=size))
    return start, row[order].astype(np.int32), factor[order]


def _right(problem: Problem) -> Array:
    stores, pooled = problem.stores, 2 * problem.shape[0] * problem.pooled
    level = -np.array(stores.drain_kwh)
    if level.size:
        level[0] += stores.keep * stores.start_kwh
    return np.concatenate([problem.base_kwh.ravel(), level.ravel(), np.zeros(pooled)])


def _blocks(problem: Problem, cuts: Cuts, *, roomy: bool) -> dict[str, Block]:
    """All columns; a block without any is left out."""
    wide, (slots, members) = problem.shape, problem.shape
    devices = problem.stores.shape[1]
    cells, levels = np.arange(slots * members), slots * members + np.arange(slots * devices)
    demand = slots * (members + devices) + np.arange(slots)
    supply, slot = demand + slots, np.repeat(np.arange(slots), members)
    buy, sell, inside = problem.buy.ravel(), problem.sell.ravel(), problem.inside.ravel()
    own, zero = problem.own.ravel(), np.zeros(slots * members)
    want, give = problem.want_max_kwh.ravel(), problem.give_max_kwh.ravel()
    add = _Adder(roomy)
    add("own_in", wide, own, want, buy, [(cells, 1.0), *cuts.want])
    add("own_out", wide, own, give, -sell, [(cells, -1.0), *cuts.give])
    add("pool_in", wide, inside, want, zero, [(cells, 1.0), (demand[slot], -1.0), *cuts.want])
    add("pool_out", wide, inside, give, zero, [(cells, -1.0), (supply[slot], -1.0), *cuts.give])
    add(
        "curtail",
        wide,
        problem.curtailable.ravel(),
        problem.curtail_max_kwh.ravel(),
        zero,
        [(cells, -1.0), *cuts.curtail],
    )
    limited, price = problem.places.import_limited.ravel(), np.full(cells.size, problem.unserved_price)
    limited = limited | (problem.unserved_max_kwh.ravel() > 0)
    add("unserved", wide, limited, problem.unserved_max_kwh.ravel(), price, [(cells, 1.0), *cuts.unserved])
    if devices:
        _add_stores(add, problem, cells.reshape(wide)[:, problem.stores.owner].ravel(), levels, cuts)
    if problem.pooled:
        _add_pool(add, problem, demand, supply)
    for name, (shape, low, high, cost) in columns(problem).items():
        add(name, shape, np.ones(cost.size, np.bool_), high, cost, [], low=low)
    return add.blocks


def _add_stores(add: _Adder, problem: Problem, balance: Index, level: Index, cuts: Cuts) -> None:
    stores, shape = problem.stores, problem.stores.shape
    gain = stores.gain.ravel()
    loss, keep, wear = (np.tile(v, shape[0]) for v in (stores.loss, stores.keep, stores.wear))
    charge, discharge = np.array(stores.charge_max_kwh), np.array(stores.discharge_max_kwh)
    for joint in problem.joints:
        charge[:, joint.rows] = np.minimum(charge[:, joint.rows], joint.charge_max_kwh[:, None])
        discharge[:, joint.rows] = np.minimum(discharge[:, joint.rows], joint.discharge_max_kwh[:, None])
    every = np.ones(level.size, np.bool_)
    add("charge", shape, every, charge.ravel(), wear, [(balance, -1.0), (level, -gain), *cuts.charge])
    add("discharge", shape, every, discharge.ravel(), wear, [(balance, 1.0), (level, loss), *cuts.discharge])
    after = np.append(level[shape[1] :], np.full(shape[1], -1))
    worth = np.zeros(shape)
    worth[-1] = -stores.value
    high = np.maximum(stores.level_max_kwh, stores.level_min_kwh).ravel()
    entries: list[Entry] = [(level, 1.0), (after, -keep)]
    add("level", shape, every, high, worth.ravel(), entries, low=stores.level_min_kwh.ravel(), fixed=True)


def _add_pool(add: _Adder, problem: Problem, demand: Index, supply: Index) -> None:
    slots, efficiency = problem.shape[0], problem.pool.efficiency
    want, give = (
        (most * problem.inside).sum(axis=1) for most in (problem.want_max_kwh, problem.give_max_kwh)
    )  # fmt: skip
    sent, fee = problem.sent_max_kwh, problem.pool.fee_per_kwh * efficiency
    every = np.ones(slots, np.bool_)
    add("sent", (slots, 1), every, sent, np.full(slots, fee), [(demand, efficiency), (supply, 1.0)])
    if problem.one_meter:
        add("grid_in", (slots, 1), every, want, problem.coupling_buy, [(demand, 1.0)])
        add("grid_out", (slots, 1), every, give, -problem.coupling_sell, [(supply, 1.0)])


class _Adder:
    """Collects blocks side by side; columns that can only be 0 are left out unless it is `roomy`."""

    def __init__(self, roomy: bool) -> None:
        self.blocks: dict[str, Block] = {}
        self._roomy, self._first = roomy, 0

    def __call__(
        self,
        name: str,
        shape: tuple[int, int],
        where: NDArray[np.bool_],
        high: Array,
        cost: Array,
        entries: Sequence[Entry],
        *,
        low: Array | None = None,
        fixed: bool = False,
    ) -> None:
        at = np.flatnonzero(where if self._roomy or fixed else where & (high > 0))
        kept = tuple(
            (row[at], factor[at] if isinstance(factor, np.ndarray) else np.full(at.size, factor))
            for row, factor in entries
        )
        bottom = np.zeros(at.size) if low is None else low[at]
        self.blocks[name] = Block(
            at=at, first=self._first, shape=shape, low=bottom, high=high[at], cost=cost[at], rows=kept
        )  # fmt: skip
        self._first += at.size
