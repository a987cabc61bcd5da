"""Allocations that leave least to complain about: linear programs over all groups, with rows made when needed.

A group's complaint (excess) is what it has on its own, less what its members get together. A program lowers the highest
complaint; what then cannot be lowered any further is held (its dual says so), and the next highest is lowered, until
one allocation is left: Maschler, Peleg and Shapley 1979, doi:10.1287/moor.4.4.303. A program begins with few groups;
others come in where they would complain more: Hallefjord, Helming and Jørnsten 1995, doi:10.1007/BF01240044.

Every held complaint is an equation; in the end these are solved together, so that no tolerance of a program is left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ..flow import Array, Index, Mask
from ._lp import FINE, optimum
from ._values import member_count

HELD = 1e-7
"""Dual from which a complaint counts as held, in units of the largest worth."""


def nucleolus(worth: Array) -> Array:
    """The allocation whose complaints are lowest, the highest one first. (2^N,) -> (N,)

    Schmeidler 1969, doi:10.1137/0117107. `worth` is what each group has on its own, by bit pattern.
    """
    search = _Search.of(worth)
    while search.undecided:
        search.lower(search.worth, at_least=None)
    return search.allocation()


def least_core(worth: Array) -> Array:
    """Of the allocations whose highest complaint is lowest, the one whose smallest share is largest. (2^N,) -> (N,)

    Then the next smallest, until one is left. Least core: Maschler, Peleg and Shapley 1979. Who adds nothing to any
    group gets nothing and stays aside: else its complaint alone would keep the others' from being lowered.
    """
    shares, matter = np.zeros(member_count(worth)), _matters(worth)
    if matter.size:
        shares[matter] = _even(worth[_groups_of(matter)])
    return shares


def _even(worth: Array) -> Array:
    search = _Search.of(worth)
    if search.undecided:
        ceiling = search.lower(search.worth, at_least=None)
        single = np.full(worth.size, -np.inf)
        single[1 << np.arange(search.members)] = 0.0
        while search.undecided:
            search.lower(single, at_least=search.worth - ceiling)
    return search.allocation()


def _matters(worth: Array) -> Index:
    """Members that add something to some group."""
    group, least = np.arange(worth.size), FINE * float(np.abs(worth).max(initial=0.0))
    without = [group[(group >> n) & 1 == 0] for n in range(member_count(worth))]
    adds = [float(np.abs(worth[rest | 1 << n] - worth[rest]).max()) for n, rest in enumerate(without)]
    return np.flatnonzero(np.array(adds) > least)


def _groups_of(members: Index) -> Index:
    """The patterns of all groups of some members, in the order of a game of their own. (2^n,)"""
    patterns = np.zeros(1, np.int64)
    for n in members:
        patterns = np.concatenate([patterns, patterns | 1 << int(n)])
    return patterns


@dataclass(frozen=True)
class _Equation:
    """The members of `group` get `value`, less the level numbered `level` (-1: none)."""

    group: int
    level: int
    value: float


@dataclass
class _Search:
    """What is held so far, and an allocation (N,) that keeps to it."""

    worth: Array
    unit: float
    shares: Array
    held: list[_Equation]
    levels: int = 0
    known: set[int] = field(default_factory=set)
    """Groups that have come into the programs."""

    @classmethod
    def of(cls, worth: Array) -> _Search:
        """Before anything is held but that all get the whole worth; in units of the largest."""
        members, unit = member_count(worth), float(np.abs(worth).max()) or 1.0
        scaled, single = worth / unit, 1 << np.arange(members)
        known = {*single.tolist(), *(worth.size - 1 - single).tolist()} - {0, worth.size - 1}
        everybody = _Equation(worth.size - 1, -1, float(scaled[-1]))
        return cls(scaled, unit, np.full(members, scaled[-1] / members), [everybody], known=known)

    @property
    def members(self) -> int:
        """How many."""
        return self.shares.size

    @property
    def undecided(self) -> bool:
        """Whether what is held leaves more than one allocation."""
        return len(self._directions()[1]) > 0

    def lower(self, floor: Array, at_least: Array | None) -> float:
        """Lowers the highest of `floor` less a group's share, every group getting `at_least` that much. (2^N,) each

        Holds what cannot be lowered further, and returns how high that is.
        """
        settled, free = self._directions()
        kinds = [np.where(_reached(free, self.worth.size), floor, -np.inf)]
        kinds += [] if at_least is None else [at_least]
        level, shares, duals = self._program(settled, kinds)
        self.shares = shares
        for kind, found in enumerate(duals):
            number, right = (self.levels, floor) if kind == 0 else (0, self.worth)
            self.held += [_Equation(group, number, float(right[group])) for group in found]
        self.levels += 1
        return level

    def allocation(self) -> Array:
        """All that is held, solved together. (N,)"""
        table = np.zeros((len(self.held), self.members + self.levels))
        table[:, : self.members] = _indicator([equation.group for equation in self.held], self.members)
        for row, equation in enumerate(self.held):
            if equation.level >= 0:
                table[row, self.members + equation.level] = 1.0
        solved = np.linalg.lstsq(table, np.array([equation.value for equation in self.held]), rcond=None)[0]
        shares: Array = solved[: self.members] * self.unit
        return shares

    def _directions(self) -> tuple[Array, Array]:
        """Orthonormal directions of allocations that are settled, and those that are free. (r, N), (N - r, N)"""
        table = _indicator([equation.group for equation in self.held], self.members)
        _, size, directions = np.linalg.svd(table)
        rank = int((size > FINE).sum())
        return directions[:rank], directions[rank:]

    def _program(self, settled: Array, kinds: list[Array]) -> tuple[float, Array, list[list[int]]]:
        """Level, shares, and the groups held of each kind; groups come in until none is above its row."""
        from .._games import sums_of_groups

        while True:
            rows = [np.array([g for g in sorted(self.known) if np.isfinite(kind[g])], np.int64) for kind in kinds]
            level, shares, duals = _solved(settled, self.shares, kinds, rows)
            sums = sums_of_groups(shares)
            over = np.max([kind - sums - (level if k == 0 else 0.0) for k, kind in enumerate(kinds)], axis=0)
            over[[0, -1]] = -np.inf
            over[sorted(self.known)] = -np.inf
            new = np.flatnonzero(over > 10 * FINE)
            if not new.size:
                return level, shares, [row[dual > HELD].tolist() for row, dual in zip(rows, duals, strict=True)]
            self.known |= set(new[np.argsort(-over[new], kind="stable")][: 2 * self.members].tolist())


def _solved(settled: Array, before: Array, kinds: list[Array], rows: list[Index]) -> tuple[float, Array, list[Array]]:
    """Lowest level, shares (N,) and duals of the rows, for the groups in `rows` alone."""
    import highspy

    members = before.size
    equal = np.hstack([settled, np.zeros((len(settled), 1))])
    parts = [_indicator(groups.tolist(), members) for groups in rows]
    table = np.vstack([equal, *(np.hstack([p, np.full((len(p), 1), float(k == 0))]) for k, p in enumerate(parts))])
    right = np.concatenate([(settled * before).sum(axis=1), *(kind[r] for kind, r in zip(kinds, rows, strict=True))])
    upper = np.full(right.size, np.inf)
    upper[: len(settled)] = right[: len(settled)]
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = members + 1, right.size
    lp.col_cost_ = np.append(np.zeros(members), 1.0)
    lp.col_lower_, lp.col_upper_ = np.full(members + 1, -np.inf), np.full(members + 1, np.inf)
    lp.row_lower_, lp.row_upper_ = right, upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    filled = table != 0
    lp.a_matrix_.start_ = np.append(0, np.cumsum(filled.sum(axis=1))).astype(np.int32)
    lp.a_matrix_.index_, lp.a_matrix_.value_ = np.nonzero(filled)[1].astype(np.int32), table[filled]
    columns, duals = optimum(lp, "sharing the saving", "shapley or core_price")
    edges = np.cumsum([len(settled), *(len(r) for r in rows)])
    return float(columns[-1]), columns[:-1], [duals[a:b] for a, b in pairwise(edges)]


def _indicator(groups: list[int], members: int) -> Array:
    """Who is in each group. (R, N)"""
    pattern = np.array(groups, np.int64).reshape(-1, 1)
    return ((pattern >> np.arange(members)) & 1).astype(np.float64)


def _reached(free: Array, groups: int) -> Mask:
    """Groups whose share still depends on directions that are free. (2^N,)"""
    from .._games import sums_of_groups

    size = np.zeros(groups)
    for direction in free:
        size += sums_of_groups(direction) ** 2
    reached: Mask = size > FINE
    return reached
