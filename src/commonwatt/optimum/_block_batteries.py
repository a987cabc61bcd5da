"""Shared batteries in the structured interior point method: one level where the accounts meet, beside their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..flow import Array
from ._block_kinds import Kind, Units
from .problem import Problem


def alike(problem: Problem) -> bool:
    """Whether shared batteries have one account per member each, no account is in two, and all of one work alike."""
    stores, rows = problem.stores, [joint.rows for joint in problem.joints]
    several = np.concatenate([np.empty(0, np.int64), *rows])
    like = all(
        bool((table[..., mine] == table[..., mine[:1]]).all())
        for mine in rows for table in (stores.gain, stores.loss, stores.keep)
    )  # fmt: skip
    single = all(np.unique(stores.owner[mine]).size == mine.size for mine in rows)
    return like and single and np.unique(several).size == several.size


@dataclass(frozen=True, kw_only=True)
class Battery:
    """What accounts of one battery do together, scaled. (T,) each"""

    number: int
    into: Array
    """Most that they may charge besides what is settled."""
    out_of: Array
    """Most that they may discharge besides what is settled."""
    room: Array
    """Between the least and the highest level."""
    held: Array
    """First guess of the level above the least."""
    gain: Array
    loss: float
    keep: float
    right: Array
    """What changes the level above the least, whatever they do."""

    @classmethod
    def of(cls, problem: Problem, units: Units, found: Mapping[str, Kind], j: int) -> Battery:
        """That of a number. What accounts keep by themselves is no limit of the battery: its least level lies lower."""
        joint, stores = problem.joints[j], problem.stores
        rows, least = joint.rows, np.array(joint.level_min_kwh)
        gain, loss, keep = stores.gain[:, rows[0]], float(stores.loss[rows[0]]), float(stores.keep[rows[0]])
        implied = stores.level_min_kwh[:, rows].sum(axis=1) >= least
        least -= np.where(implied, np.maximum(joint.level_max_kwh - least, units.energy), 0.0)
        held = found["level"].guess[:, rows].sum(axis=1) - least / units.energy
        most, settled = list[Array](), list[Array]()
        for way, able in (("charge", joint.charge_max_kwh), ("discharge", joint.discharge_max_kwh)):
            kind = found[way]
            fixed = np.where(kind.free, 0.0, np.broadcast_to(kind.low, kind.high.shape))[:, rows].sum(axis=1)
            settled.append(fixed)
            most.append(np.where(kind.free[:, rows].any(axis=1), np.maximum(able / units.energy - fixed, 0.0), 0.0))
        before = np.concatenate([[float(stores.start_kwh[rows].sum())], least[:-1]])
        change = keep * before - least - stores.drain_kwh[:, rows].sum(axis=1)
        return cls(
            number=j, into=most[0], out_of=most[1], room=(joint.level_max_kwh - least) / units.energy, held=held,
            gain=gain, loss=loss, keep=keep, right=change / units.energy + gain * settled[0] - loss * settled[1],
        )  # fmt: skip
