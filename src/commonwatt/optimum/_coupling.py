"""Rows and columns of what binds members together: places, peaks, tiers, shared batteries, and the ban on resale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..flow import Array, Index, Mask
from .limits import Metered
from .problem import Problem

Numbers = Mapping[str, Index]
"""Of every block's table, the column at each place; -1 where there is none."""


@dataclass(frozen=True, kw_only=True)
class Triplets:
    """Entries of the matrix; none where a column is -1."""

    column: Index
    row: Index
    factor: Array


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows of one kind: where in their table they stand, bounds and entries."""

    at: Index
    first: int
    shape: tuple[int, int]
    low: Array
    high: Array
    triplets: tuple[Triplets, ...]

    def read(self, values: Array) -> Array:
        """Their part of values by row, as a table; 0 where there is no row."""
        table = np.zeros(self.shape[0] * self.shape[1])
        table[self.at] = values[self.first : self.first + self.at.size]
        return table.reshape(self.shape)


class _Numbered:
    """Rows of a table, numbered where there are any."""

    def __init__(self, where: Mask, first: int) -> None:
        self.at, self.first, self.shape = np.flatnonzero(where), first, (where.shape[0], where.shape[1])
        number = np.full(where.size, -1)
        number[self.at] = first + np.arange(self.at.size)
        self.number: Index = number.reshape(where.shape)
        self._parts: list[Triplets] = []

    def add(self, columns: Index, rows: Index, factor: Array | float) -> None:
        """Columns, each in its row, all shapes alike."""
        columns, rows, factors = np.broadcast_arrays(columns, rows, np.asarray(factor, np.float64))
        used = (columns >= 0) & (rows >= 0)
        self._parts.append(Triplets(column=columns[used], row=rows[used], factor=factors[used]))

    def rows(self, low: Array, high: Array) -> Rows:
        """With bounds, given as tables."""
        bounds = (np.broadcast_to(bound, self.shape).ravel()[self.at] for bound in (low, high))
        return Rows(
            at=self.at, first=self.first, shape=self.shape, low=next(bounds), high=next(bounds),
            triplets=tuple(self._parts),
        )  # fmt: skip


def columns(problem: Problem) -> dict[str, tuple[tuple[int, int], Array, Array, Array]]:
    """By name: shape, lower and upper bounds, costs. Peaks (1, P), blocks of all tiers (1, B), joint meters (T, M)."""
    found = {}
    if problem.peaks:
        locked = np.array([peak.locked_kw for peak in problem.peaks])
        most = [float((p.weight * problem.meter_range(p)[0]).max(initial=0.0)) for p in problem.peaks]
        rates = np.array([peak.rate for peak in problem.peaks])
        found["peak"] = (1, locked.size), locked, np.maximum(locked, most), rates
    if problem.tiers:
        energy = [problem.meter_range(tier)[0] * tier.slots for tier in problem.tiers]
        width = np.concatenate([np.minimum(t.width_kwh, e.sum()) for t, e in zip(problem.tiers, energy, strict=True)])
        found["block"] = (1, width.size), 0.0 * width, width, np.concatenate([tier.rate for tier in problem.tiers])
        high = np.stack(energy, axis=1) * np.array([not tier.single for tier in problem.tiers])
        found["metered"] = (high.shape[0], high.shape[1]), 0.0 * high.ravel(), high.ravel(), 0.0 * high.ravel()
    return found


def rows(problem: Problem, numbers: Numbers, first: int) -> dict[str, Rows]:
    """All of them by name, numbered from `first` on."""
    found: dict[str, Rows] = {}
    for make in (_places, _peaks, _tiers, _joints, _resale):
        for name, kind in make(problem, numbers, first):
            found[name] = kind
            first += kind.at.size
    return found


def _places(problem: Problem, numbers: Numbers, first: int) -> Iterator[tuple[str, Rows]]:
    places = problem.places
    finite = np.isfinite(places.import_max_kwh) | np.isfinite(places.export_max_kwh)
    limit = _Numbered(finite, first)
    for g, who in enumerate(places.inside):
        for columns, factor in _net(numbers, who):
            limit.add(columns, limit.number[:, g, None], factor)
    yield "place", limit.rows(-places.export_max_kwh, places.import_max_kwh)


def _net(numbers: Numbers, who: Mask) -> Iterator[tuple[Index, float]]:
    """Columns of what members take, and give, with their signs."""
    for name, factor in (("own_in", 1.0), ("pool_in", 1.0), ("own_out", -1.0), ("pool_out", -1.0)):
        yield numbers[name][:, who], factor


def read(problem: Problem, numbers: Numbers, charge: Metered) -> Iterator[tuple[Index, float]]:
    """Columns of what a charge's meter shows, with their signs."""
    if charge.reads == "pool":
        if "grid_in" in numbers:
            yield numbers["grid_in"], 1.0
    elif charge.reads == "residual":
        yield numbers["own_in"][:, charge.members], 1.0
    else:
        yield from (part for part in _net(numbers, charge.members) if part[1] > 0 or not charge.single)
        if problem.lost_share(charge):
            yield numbers["sent"], problem.lost_share(charge)


def _peaks(problem: Problem, numbers: Numbers, first: int) -> Iterator[tuple[str, Rows]]:
    if not problem.peaks:
        return
    weight = np.stack([peak.weight for peak in problem.peaks], axis=1)
    below = _Numbered(weight > 0, first)
    for p, peak in enumerate(problem.peaks):
        for columns, factor in read(problem, numbers, peak):
            below.add(columns, below.number[:, p, None], factor * peak.weight[:, None])
    below.add(numbers["peak"], below.number, -1.0)
    yield "peak", below.rows(np.full(below.shape, -np.inf), np.zeros(below.shape))


def _tiers(problem: Problem, numbers: Numbers, first: int) -> Iterator[tuple[str, Rows]]:
    if not problem.tiers:
        return
    joint = np.stack([tier.slots & (not tier.single) for tier in problem.tiers], axis=1)
    above = _Numbered(joint, first)
    total = _Numbered(np.ones((1, len(problem.tiers)), np.bool_), first + above.at.size)
    block = 0
    for m, tier in enumerate(problem.tiers):
        row = total.number[:, m, None]
        if tier.single:
            for columns, factor in read(problem, numbers, tier):
                total.add(columns[tier.slots], row, factor)
        else:
            for columns, factor in read(problem, numbers, tier):
                above.add(columns, above.number[:, m, None], factor)
            above.add(numbers["metered"][:, m], above.number[:, m], -1.0)
            total.add(numbers["metered"][tier.slots, m], row[:, 0], 1.0)
        total.add(numbers["block"][:, block : block + tier.rate.size], row, -1.0)
        block += tier.rate.size
    most_out = np.stack([problem.meter_range(tier)[1] for tier in problem.tiers], axis=1)
    yield "metered", above.rows(-most_out, np.zeros(above.shape))
    yield "tier", total.rows(np.zeros(total.shape), np.zeros(total.shape))


def _joints(problem: Problem, numbers: Numbers, first: int) -> Iterator[tuple[str, Rows]]:
    """Sums of levels within the battery's bounds; charge and discharge as parts of its power, together at most 1."""
    if not problem.joints:
        return
    low, high, into, out_of = (
        np.stack([getattr(joint, name) for joint in problem.joints], axis=1)
        for name in ("level_min_kwh", "level_max_kwh", "charge_max_kwh", "discharge_max_kwh")
    )
    level = _Numbered(np.ones(low.shape, np.bool_), first)
    power = _Numbered((into > 0) | (out_of > 0), first + level.at.size)
    most = np.maximum(into, out_of)
    for j, joint in enumerate(problem.joints):
        level.add(numbers["level"][:, joint.rows], level.number[:, j, None], 1.0)
        for name, able in (("charge", into[:, j]), ("discharge", out_of[:, j])):
            factor = np.divide(most[:, j], able, out=np.zeros_like(able), where=able > 0)
            power.add(numbers[name][:, joint.rows], power.number[:, j, None], factor[:, None])
    yield "joint_level", level.rows(low, high)
    yield "joint_power", power.rows(np.full(most.shape, -np.inf), most)


def _resale(problem: Problem, numbers: Numbers, first: int) -> Iterator[tuple[str, Rows]]:
    if problem.resale:
        return
    given = _Numbered(problem.give_max_kwh > 0, first)
    for name in ("own_out", "pool_out", "curtail"):
        given.add(numbers[name], given.number, 1.0)
    yield "resale", given.rows(np.full(problem.shape, -np.inf), problem.pv_kwh)
