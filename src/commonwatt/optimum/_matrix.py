"""The problem as one sparse matrix: columns in blocks, rows for balances, levels and the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..flow import Array, Index
from .problem import Problem

Places = NDArray[np.int64]


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


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Minimise cost * x, low <= x <= high, A x = right in the first `equal` rows, <= right in the others."""

    blocks: dict[str, Block]
    low: Array
    high: Array
    cost: Array
    start: NDArray[np.int32]
    index: NDArray[np.int32]
    value: Array
    right: Array
    equal: int


def matrix(problem: Problem) -> Matrix:
    """Rows in order: balance by slot and member, level by slot and store, demand and supply by slot, and cuts.

    A cut holds for every plan that runs no meter and no store both ways at once (see `_Cuts`).
    """
    cuts = _Cuts(problem)
    blocks = _blocks(problem, cuts)
    columns = sum(block.at.size for block in blocks.values())
    parts = [
        (np.arange(block.first, block.first + block.at.size), rows, factors)
        for block in blocks.values()
        for rows, factors in block.rows
    ]
    column, row, factor = (np.concatenate([np.broadcast_to(p[i], p[0].shape) for p in parts]) for i in range(3))
    used = row >= 0
    column, row, factor = column[used], row[used], factor[used]
    order = np.lexsort((row, column))
    right = _right(problem)
    start = np.zeros(columns + 1, np.int32)
    start[1:] = np.cumsum(np.bincount(column, minlength=columns))
    low, high, cost = (np.concatenate([getattr(b, name) for b in blocks.values()]) for name in ("low", "high", "cost"))
    return Matrix(
        blocks=blocks, low=low, high=high, cost=cost, start=start,
        index=row[order].astype(np.int32), value=factor[order], right=np.append(right, cuts.right), equal=right.size,
    )  # fmt: skip


def _right(problem: Problem) -> Array:
    stores, pooled = problem.stores, 2 * problem.shape[0] * problem.pooled
    level = -np.array(stores.drain_kwh)
    if level.size:
        level[0] += stores.keep * stores.start_kwh
    return np.concatenate([problem.base_kwh.ravel(), level.ravel(), np.zeros(pooled)])


def _blocks(problem: Problem, cuts: _Cuts) -> dict[str, Block]:
    """All columns; a block without any is left out."""
    wide, (slots, members) = problem.shape, problem.shape
    devices = problem.stores.shape[1]
    cells, levels = np.arange(slots * members), slots * members + np.arange(slots * devices)
    demand = slots * (members + devices) + np.arange(slots)
    supply, slot = demand + slots, np.repeat(np.arange(slots), members)
    buy, sell, inside = problem.buy.ravel(), problem.sell.ravel(), problem.inside.ravel()
    own, zero = problem.own.ravel(), np.zeros(slots * members)
    want, give = problem.want_max_kwh.ravel(), problem.give_max_kwh.ravel()
    add = _Adder()
    add("own_in", wide, own & (want > 0), want, buy, [(cells, 1.0), *cuts.want])
    add("own_out", wide, own & (give > 0), give, -sell, [(cells, -1.0), *cuts.give])
    add("pool_in", wide, inside & (want > 0), want, zero, [(cells, 1.0), (demand[slot], -1.0), *cuts.want])
    add("pool_out", wide, inside & (give > 0), give, zero, [(cells, -1.0), (supply[slot], -1.0), *cuts.give])
    spilt = problem.curtail_max_kwh.ravel()
    add("curtail", wide, spilt > 0, spilt, zero, [(cells, -1.0), *cuts.curtail])
    if devices:
        _add_stores(add, problem, cells.reshape(wide)[:, problem.stores.owner].ravel(), levels, cuts)
    if problem.pooled:
        _add_pool(add, problem, demand, supply)
    return add.blocks


def _add_stores(add: _Adder, problem: Problem, balance: Index, level: Index, cuts: _Cuts) -> None:
    stores, shape = problem.stores, problem.stores.shape
    gain, loss, keep, wear = (
        np.tile(v, shape[0]) for v in (stores.gain, stores.loss, stores.keep, stores.wear)
    )  # fmt: skip
    charge, discharge = stores.charge_max_kwh.ravel(), stores.discharge_max_kwh.ravel()
    every = np.ones(level.size, np.bool_)
    add("charge", shape, charge > 0, charge, wear, [(balance, -1.0), (level, -gain), *cuts.charge])
    add("discharge", shape, discharge > 0, discharge, wear, [(balance, 1.0), (level, loss), *cuts.discharge])
    after = np.append(level[shape[1] :], np.full(shape[1], -1))
    worth = np.zeros(shape)
    worth[-1] = -stores.value
    high = np.maximum(stores.level_max_kwh, stores.level_min_kwh).ravel()
    rows: list[Entry] = [(level, 1.0), (after, -keep)]
    add("level", shape, every, high, worth.ravel(), rows, low=stores.level_min_kwh.ravel())


def _add_pool(add: _Adder, problem: Problem, demand: Index, supply: Index) -> None:
    slots, efficiency = problem.shape[0], problem.pool.efficiency
    want, give = (
        (most * problem.inside).sum(axis=1) for most in (problem.want_max_kwh, problem.give_max_kwh)
    )  # fmt: skip
    sent, fee = np.minimum(give, want / efficiency), problem.pool.fee_per_kwh * efficiency
    add("sent", (slots, 1), sent > 0, sent, np.full(slots, fee), [(demand, efficiency), (supply, 1.0)])
    if problem.one_meter:
        add("grid_in", (slots, 1), want > 0, want, problem.coupling_buy, [(demand, 1.0)])
        add("grid_out", (slots, 1), give > 0, give, -problem.coupling_sell, [(supply, 1.0)])


Entry = tuple[Index, Array | float]


class _Cuts:
    """Rows that hold for all exclusive plans of a member in a slot, and with one store are all there are.

    With charge c up to C, discharge d up to D and a surplus s before: what flows in is at most c (C - s) / C plus what
    is thrown away, and c + d s / D is at most s plus what flows in (s no more than C). With a deficit the same, with
    charge and discharge, in and out exchanged. Only where it could pay to break them.
    """

    def __init__(self, problem: Problem) -> None:
        stores, members = problem.stores, problem.shape[1]
        most_in, most_out = (
            stores.by_member(v, members) for v in (stores.charge_max_kwh, stores.discharge_max_kwh)
        )  # fmt: skip
        long, base = problem.base_kwh < 0, np.abs(problem.base_kwh)
        main, other = np.where(long, most_in, most_out), np.where(long, most_out, most_in)
        both = problem.wasteful & (problem.want_max_kwh > 0) & (problem.give_max_kwh > 0)
        single = np.bincount(stores.owner, minlength=members) == 1
        either = problem.wasteful & single & (main > 0) & (other > 0)
        first = problem.base_kwh.size + most_in.shape[0] * (stores.owner.size + 2 * problem.pooled)
        one, two = _numbered(both, first), _numbered(either, first + int(both.sum()))
        held = np.minimum(base, main)
        self.right = np.concatenate([np.zeros(int(both.sum())), held[either]])
        part = np.divide(np.maximum(main - base, 0.0), main, out=np.zeros_like(main), where=main > 0)
        share = np.divide(held, other, out=np.zeros_like(main), where=other > 0)
        owner, no = stores.owner, np.full(base.shape, -1)
        self.want = _entries((np.where(long, one, no), 1.0), (np.where(long, two, no), -1.0))
        self.give = _entries((np.where(long, no, one), 1.0), (np.where(long, no, two), -1.0))
        self.curtail = _entries((np.where(long, one, no), -1.0))
        mine, theirs = np.where(long, -part, 0.0), np.where(long, 0.0, -part)
        self.charge = _entries((one, mine), (two, np.where(long, 1.0, share)), owner=owner)
        self.discharge = _entries((one, theirs), (two, np.where(long, share, 1.0)), owner=owner)


def _numbered(where: NDArray[np.bool_], first: int) -> Index:
    rows = np.full(where.shape, -1)
    rows[where] = first + np.arange(int(where.sum()))
    return rows


def _entries(*parts: tuple[Index, Array | float], owner: Index | None = None) -> list[Entry]:
    """Rows and factors, place by place or store by store; no row where there is -1 or the factor is 0."""
    found: list[Entry] = []
    for rows, factor in parts:
        factors = np.broadcast_to(factor, rows.shape)
        rows = np.where(factors == 0, -1, rows)
        chosen = (rows, factors) if owner is None else (rows[:, owner], factors[:, owner])
        found.append((chosen[0].ravel(), chosen[1].ravel()))
    return found


class _Adder:
    """Collects blocks side by side."""

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}
        self._first = 0

    def __call__(
        self,
        name: str,
        shape: tuple[int, int],
        where: NDArray[np.bool_],
        high: Array,
        cost: Array,
        rows: Sequence[Entry],
        *,
        low: Array | None = None,
    ) -> None:
        at = np.flatnonzero(where)
        kept = tuple((row[at], np.broadcast_to(factor, where.shape)[at]) for row, factor in rows)
        bottom = np.zeros(at.size) if low is None else low[at]
        self.blocks[name] = Block(
            at=at, first=self._first, shape=shape, low=bottom, high=high[at], cost=cost[at], rows=kept
        )  # fmt: skip
        self._first += at.size
