"""Rows that no plan breaks which runs every meter and every store one way at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..flow import Array, Index
from .problem import Problem

Entry = tuple[Index, Array | float]


class Cuts:
    """Rows that hold for all exclusive plans of a member in a slot, and with one store are all there are.

    With charge c up to C, discharge d up to D and a surplus s before: what flows in is at most c (C - s) / C plus what
    is thrown away, and c + d s / D is at most s plus what flows in and load unserved (s no more than C). With a deficit
    the same, with charge and discharge, in and out, thrown away and unserved exchanged. Only where it could
    pay to break them.
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
        self.curtail = _entries((np.where(long, one, two), -1.0))
        self.unserved = _entries((np.where(long, two, one), -1.0))
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
