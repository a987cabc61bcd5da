"""What may not happen at once, and the binaries that forbid it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..flow import Array, Index
from ._matrix import Matrix, by_column
from .problem import Problem

METER = ("own_in", "pool_in"), ("own_out", "pool_out")


@dataclass(frozen=True)
class Side:
    """One side of pairs: the most there can be at each place, and what adds up to it."""

    most: Array
    column: Index
    place: Index
    factor: Array
    offset: Array

    @classmethod
    def of(cls, most: Array, *parts: tuple[Index, Index, Array | float], offset: Array | float = 0.0) -> Side:
        """From parts: columns (-1: none), their places and factors."""
        column, place, factor = (
            np.concatenate([np.empty(0), *(np.broadcast_to(p[i], p[0].shape).ravel() for p in parts)]) for i in range(3)
        )
        used = column >= 0
        return cls(
            most, column[used].astype(np.int64), place[used].astype(np.int64), factor[used],
            np.broadcast_to(offset, most.shape),
        )  # fmt: skip

    def sum(self, values: Array) -> Array:
        """What there is in a solution, place by place."""
        there = np.bincount(self.place, self.factor * values[self.column], minlength=self.most.size)
        total: Array = self.offset + there
        return total

    def at(self, places: Index, rows: Index) -> tuple[Index, Index, Array]:
        """Its columns at some places, each in the row of its place; columns, rows, factors."""
        row = np.full(self.most.size, -1)
        row[places] = rows
        mine = row[self.place] >= 0
        return self.column[mine], row[self.place[mine]], self.factor[mine]


Pairs = dict[str, tuple[Side, Side]]


def pairs(problem: Problem, matrix: Matrix) -> Pairs:
    """By name, both sides: at meters, stores, the coupling point, shared batteries, joint meters, in rows of blocks."""
    numbers = {name: block.number for name, block in matrix.blocks.items()}
    found: Pairs = {}
    tables = (problem.want_max_kwh, problem.give_max_kwh)
    cells = np.arange(problem.base_kwh.size)
    found["meter"] = _two(*(
        Side.of(most.ravel(), *((numbers[name].ravel(), cells, 1.0) for name in side))
        for most, side in zip(tables, METER, strict=True)
    ))  # fmt: skip
    for one, other in (("charge", "discharge"), ("grid_in", "grid_out")):
        if one in numbers:
            found[one] = _two(*(_plain(matrix, name) for name in (one, other)))
    if problem.joints:
        found["joint"] = _two(*(_joint(problem, numbers, name) for name in ("charge", "discharge")))
    if problem.tiers:
        found["metered"] = _metered(problem, matrix, numbers)
        found["block"] = _blocks(problem, numbers)
    return found


def _two(one: Side, other: Side) -> tuple[Side, Side]:
    return one, other


def _plain(matrix: Matrix, name: str) -> Side:
    block = matrix.blocks[name]
    most = np.zeros(block.shape[0] * block.shape[1])
    most[block.at] = block.high
    return Side.of(most, (block.number.ravel(), np.arange(most.size), 1.0))


def _joint(problem: Problem, numbers: dict[str, Index], name: str) -> Side:
    """All accounts of each shared battery. (T, joints)"""
    most = np.stack([getattr(joint, f"{name}_max_kwh") for joint in problem.joints], axis=1)
    places = np.arange(most.size).reshape(most.shape)
    parts = ((numbers[name][:, joint.rows], places[:, j, None], 1.0) for j, joint in enumerate(problem.joints))
    return Side.of(most.ravel(), *parts)


def _metered(problem: Problem, matrix: Matrix, numbers: dict[str, Index]) -> tuple[Side, Side]:
    """What a joint meter shows, and what it shows beyond the net: one of them is 0. (T, tiers)"""
    rows = matrix.rows["metered"]
    places = np.arange(rows.shape[0] * rows.shape[1]).reshape(rows.shape)
    there = np.full(places.size, -1)
    there[rows.at] = rows.at
    there = there.reshape(rows.shape)
    most = [np.zeros(rows.shape), np.zeros(rows.shape)]
    parts = [(np.where(there >= 0, numbers["metered"], -1), places, 1.0)]
    beyond = list(parts)
    for m, tier in enumerate(problem.tiers):
        ranges = problem.meter_range(tier)
        for side in range(2):
            most[side][:, m] = np.where(there[:, m] >= 0, ranges[side], 0.0)
        for ways, factor in ((METER[0], -1.0), (METER[1], 1.0)):
            for name in ways:
                column = np.where(there[:, m, None] >= 0, numbers[name][:, tier.members], -1)
                beyond.append((column, places[:, m, None], factor))
        if problem.lost_share(tier):
            column = np.where(there[:, m, None] >= 0, numbers["sent"], -1)
            beyond.append((column, places[:, m, None], -problem.lost_share(tier)))
    return Side.of(most[0].ravel(), *parts), Side.of(most[1].ravel(), *beyond)


def _blocks(problem: Problem, numbers: dict[str, Index]) -> tuple[Side, Side]:
    """What is in later blocks, and what is left free in this one: only where a later one is cheaper. (blocks,)"""
    column, first = numbers["block"].ravel(), 0
    after, free = np.zeros(column.size), np.zeros(column.size)
    later, here = list[tuple[Index, Index, Array | float]](), list[tuple[Index, Index, Array | float]]()
    for tier in problem.tiers:
        width = np.minimum(tier.width_kwh, float((problem.meter_range(tier)[0] * tier.slots).sum()))
        for b in range(width.size - 1):
            if tier.rate[b + 1 :].min() < tier.rate[b]:
                place, rest = np.array([first + b]), np.arange(first + b + 1, first + width.size)
                after[place], free[place] = width[b + 1 :].sum(), width[b]
                later.append((column[rest], np.broadcast_to(place, rest.shape), 1.0))
                here.append((column[place], place, -1.0))
        first += width.size
    return Side.of(after, *later), Side.of(free, *here, offset=free)


def with_binaries(bare: Matrix, every: Pairs, chosen: dict[str, Index], energy: float) -> tuple[Matrix, Index]:
    """The matrix with a binary z per chosen pair: one side <= most z, the other <= most (1 - z); and their columns.

    `energy` is the unit of all other columns in the solver; binaries have none.
    """
    first, row_count, count = bare.size, bare.row_high.size, 0
    entries, high = list[tuple[Index, Index, Array]](), [bare.row_high]
    for name, places in chosen.items():
        if not places.size:
            continue
        for side, sign in zip(every[name], (-1.0, 1.0), strict=True):
            row = row_count + np.arange(places.size)
            entries += [side.at(places, row)]
            entries += [(first + count + np.arange(places.size), row, sign * side.most[places] / energy)]
            high += [side.most[places] * (sign > 0) - side.offset[places]]
            row_count += places.size
        count += places.size
    column = np.concatenate([np.repeat(np.arange(first), np.diff(bare.start)), *(e[0] for e in entries)])
    row = np.concatenate([bare.index, *(e[1] for e in entries)])
    value = np.concatenate([bare.value, *(e[2] for e in entries)])
    start, index, value = by_column(column, row, value, first + count)
    row_high, none = np.concatenate(high), np.zeros(count)
    more = np.full(row_high.size - bare.row_high.size, -np.inf)
    wide = replace(
        bare, low=np.append(bare.low, none), high=np.append(bare.high, np.ones(count)),
        cost=np.append(bare.cost, none), start=start, index=index, value=value,
        row_low=np.append(bare.row_low, more), row_high=row_high,
    )  # fmt: skip
    return wide, np.arange(first, first + count)


def offending(every: Pairs, values: Array, chosen: dict[str, Index], fine: float, many: float) -> dict[str, Index]:
    """Pairs that happen at once, with those chosen before; all if more than `many` of them; nothing if no new ones."""
    found, new, possible, wrong = dict[str, Index](), 0, 0, 0
    for name, (one, other) in every.items():
        both = np.flatnonzero((one.most > 0) & (other.most > 0))
        now = np.minimum(one.sum(values), other.sum(values))[both] > fine
        possible, wrong = possible + both.size, wrong + int(now.sum())
        found[name] = both[now]
    for name, (one, other) in every.items():
        both = np.flatnonzero((one.most > 0) & (other.most > 0))
        before = chosen.get(name, np.empty(0, np.int64))
        found[name] = both if wrong > many * possible else np.union1d(found[name], before)
        new += found[name].size - before.size
    return found if new else {}
