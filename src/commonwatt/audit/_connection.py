"""Whether what the grid lets through was kept, read off the meters again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..flow import Array, Connection
from ..noun import over_members
from ._facts import Facts
from ._invariants import below, invariant

ROUNDING = 1e-12
"""Of a sum over members, as a share of what is added up."""
AT_LIMIT = 1e-6
"""How near to a limit counts as there, as a share of it (at least of 1 kWh)."""


@invariant("G1")
def _limits(f: Facts) -> Array | None:
    """Net import and export keep to the limits of every member, every group and the coupling point."""
    if f.now.connection.is_open:
        return None
    columns = []
    for _, net, moved, (most_in, most_out) in _places(f):
        columns.append(below(net, most_in + ROUNDING * moved) + below(-net, most_out + ROUNDING * moved))
    return np.hstack(columns)


@invariant("G2")
def _needed(f: Facts) -> Array | None:
    """Load goes unserved only behind an import limit that is reached."""
    if f.now.connection.is_open:
        return None
    reached = np.zeros(f.now.shape, np.bool_)
    for members, net, _, (most, _) in _places(f):
        full = net + AT_LIMIT * np.maximum(net, 1.0) >= most
        reached |= full @ members if members is not None else full
    return f["unserved_kwh"] * ~reached


def _places(f: Facts) -> Iterator[tuple[np.ndarray | None, Array, Array, tuple[Array | float, Array | float]]]:
    """Members, groups, the coupling point: who counts there (P, N), net import, all that moves (T, P), limits."""
    limits, crossed = f.now.connection, (f["import_kwh"], f["export_kwh"])
    yield None, crossed[0] - crossed[1], crossed[0] + crossed[1], kwh(limits, "member_", f.hours)
    if limits.group is not None:
        members = limits.group == np.arange(len(limits.group_names))[:, None]
        taken, given = (_sums(way, members) for way in crossed)
        yield members, taken - given, taken + given, kwh(limits, "group_", f.hours)
    members = np.ones((1, f.members), np.bool_)
    taken, given = (_sums(way, members) for way in crossed)
    yield members, taken - given, taken + given, kwh(limits, "", f.hours)


def _sums(values: Array, members: np.ndarray) -> Array:
    """Sums over the members of each place. (T, N), (P, N) -> (T, P)"""
    return np.stack([over_members(values[:, those]) for those in members], axis=1)


def kwh(limits: Connection, level: str, hours: float) -> tuple[Array | float, Array | float]:
    """Import and export limits of a level; infinite where there is none."""
    caps = [getattr(limits, f"{level}{way}_cap_kw") for way in ("import", "export")]
    rows = [np.inf if cap is None else (cap if level else cap[:, None]) * hours for cap in caps]
    return rows[0], rows[1]
