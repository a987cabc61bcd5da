"""Peaks of single members' meters in the structured interior point method.

Such a meter is told as one more store of its member, which keeps nothing: its level is what the meter could show more
before the peak rises, and what flows in is what it gives. The peak itself is a column of the community that enters the
level rows of that store (see `_block_border`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..flow import Array, Index, Mask
from ._block_kinds import Kind, Units
from .limits import Metered, Peak
from .problem import Problem
from .stores import Stores

ROOM = 4.0
"""A meter could show that many times what flows at most."""


def own(charge: Metered) -> bool:
    """Whether it reads the connection of one member."""
    return charge.reads == "wires" and int(charge.members.sum()) == 1


def meters(problem: Problem) -> list[int]:
    """Numbers of the peaks of members' own meters."""
    return [p for p, peak in enumerate(problem.peaks) if own(peak)]


def with_meters(problem: Problem, found: dict[str, Kind], units: Units) -> tuple[Problem, dict[str, Kind]]:
    """The problem and its variables with one more store for each peak of a member's own meter."""
    numbers, slots = meters(problem), problem.shape[0]
    if not numbers:
        return problem, found
    owner = np.array([int(np.flatnonzero(problem.peaks[p].members)[0]) for p in numbers])
    into = found["pool_in"]
    weight = np.stack([problem.peaks[p].weight for p in numbers], axis=1)
    most, counted = into.high[:, owner], weight > 0
    power = np.maximum((weight * most).max(axis=0), locked(problem, units))
    inert = ROOM * (most + 1.0)
    room = np.where(counted, ROOM * power / np.where(counted, weight, 1.0) + most, 2.0 * inert)
    guess = np.where(counted, 0.5 * power / np.where(counted, weight, 1.0), inert) - into.guess[:, owner]
    nothing = Kind(high=np.zeros(most.shape), guess=np.zeros(most.shape))
    more = {"level": Kind(high=room, guess=guess), "charge": nothing, "discharge": nothing}
    kinds = {**found, **{name: _beside(found[name], kind) for name, kind in more.items()}}
    drain = np.where(counted, 0.0, -inert * units.energy)
    stores = _joined(problem.stores, owner, drain, room * units.energy, slots)
    return replace(problem, stores=stores), kinds


def locked(problem: Problem, units: Units) -> Array:
    """Peaks that the period has already seen, scaled. (P,)"""
    return np.array([problem.peaks[p].locked_kw for p in meters(problem)]) / units.energy


def _beside(kind: Kind, more: Kind) -> Kind:
    shape = kind.high.shape
    cost = None if kind.cost is None else np.hstack([np.broadcast_to(kind.cost, shape), np.zeros(more.high.shape)])
    return Kind(
        low=np.hstack([np.broadcast_to(kind.low, shape), np.zeros(more.high.shape)]),
        high=np.hstack([kind.high, more.high]), guess=np.hstack([kind.guess, more.guess]), cost=cost,
    )  # fmt: skip


def _joined(stores: Stores, owner: Index, drain: Array, room: Array, slots: int) -> Stores:
    """Stores, and meters behind them: what they keep is nothing."""
    count = owner.size
    none, one, empty = np.zeros((slots, count)), np.ones((slots, count)), np.zeros(count)
    tables = {
        "charge_max_kwh": none, "discharge_max_kwh": none, "level_min_kwh": none, "level_max_kwh": room,
        "drain_kwh": drain, "gain": one,
    }  # fmt: skip
    rows = {"loss": np.ones(count), "keep": empty, "start_kwh": empty, "wear": empty, "value": empty}
    return Stores(
        owner=np.concatenate([stores.owner, owner]), kind=(*stores.kind, *("meter",) * count),
        **{name: np.hstack([getattr(stores, name), table]) for name, table in tables.items()},
        **{name: np.concatenate([getattr(stores, name), row]) for name, row in rows.items()},
    )  # fmt: skip


def first_peaks(problem: Problem, units: Units, found: Mapping[str, Kind]) -> tuple[Array, Array]:
    """Cost and first guess of how far each of them rises above what is locked. (P,) each"""
    peaks = [problem.peaks[p] for p in meters(problem)]
    into = found["pool_in"]
    owner = [int(np.flatnonzero(peak.members)[0]) for peak in peaks]
    power = [float((peak.weight * into.guess[:, n]).max()) for peak, n in zip(peaks, owner, strict=True)]
    guess = np.maximum(1.2 * np.array(power) - locked(problem, units), 0.1 * np.array(power))
    return np.array([peak.rate for peak in peaks]) / units.price, guess


def single_peaks(problem: Problem) -> bool:
    """Whether no member has two peaks of its own, and no own meter is read for anything else."""
    owners: list[Mask] = [charge.members for charge in problem.charges if own(charge)]
    peaks = all(isinstance(charge, Peak) and charge.rate > 0 for charge in problem.charges if own(charge))
    return peaks and (not owners or int(np.sum(owners, axis=0).max()) == 1)
