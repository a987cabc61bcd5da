"""A radial network as arrays: every bus but the first of each tree hangs on one branch, a line or a transformer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from ..noun import Array, Index, Mask


@dataclass(frozen=True)
class Transformers:
    """Data sheets of transformers, one each. Percentages as shares of 1."""

    rated_kva: Array
    high_v: Array
    low_v: Array
    impedance: Array
    """Short-circuit voltage. [-]"""
    resistance: Array
    """Its resistive part. [-]"""
    idle_kw: Array
    idle_current: Array
    """[-]"""


@dataclass(frozen=True)
class Lines:
    """Data of lines, one each, parallel ones together."""

    ohm: Array
    reactance_ohm: Array
    farad: Array
    rated_a: Array


@dataclass(frozen=True)
class Network:
    """Buses in an order in which each stands after the one that feeds it.

    `bus` (B,) are their numbers in the tables, `parent` (B,) the place in this order of the feeding bus (-1: fed from
    outside), `branch` (B,) the row of the line or transformer between, `is_line` (B,) which of the two. `points` are
    the places of buses to which somebody is connected.
    """

    bus: Index
    nominal_v: Array
    parent: Index
    branch: Index
    is_line: Mask
    points: Index
    lines: Lines
    transformers: Transformers

    @property
    def buses(self) -> int:
        """How many."""
        return int(self.bus.size)

    def place(self, number: int) -> int:
        """Where a bus stands in the order, by its number in the tables. Raises DataError for an unknown one."""
        found = np.flatnonzero(self.bus == number)
        if not found.size:
            known = ", ".join(map(str, self.bus[self.points][:8].tolist()))
            raise DataError(f"bus {number} (a bus of the network); buses with a connection are {known}, ...")
        return int(found[0])

    def label(self, place: int) -> str:
        """The branch that feeds a bus, by its kind and row in the tables."""
        return f"{'line' if self.is_line[place] else 'transformer'} {self.branch[place]}"

    def branch_ohm(self) -> tuple[Array, Array]:
        """Resistance and reactance of each bus's branch, a transformer's as seen from below; 0 for a root. (B,) each"""
        ohm, reactance = np.zeros(self.buses), np.zeros(self.buses)
        line, coil = self.rows()
        ohm[line], reactance[line] = self.lines.ohm[self.branch[line]], self.lines.reactance_ohm[self.branch[line]]
        sheet, row = self.transformers, self.branch[coil]
        base = sheet.low_v[row] ** 2 / (1000 * sheet.rated_kva[row])
        ohm[coil] = sheet.resistance[row] * base
        reactance[coil] = np.sqrt(np.maximum(sheet.impedance[row] ** 2 - sheet.resistance[row] ** 2, 0.0)) * base
        return ohm, reactance

    def ratio(self) -> Array:
        """Voltage below over voltage above each branch, without load, as shares of nominal voltages. (B,) [-]"""
        out = np.ones(self.buses)
        _, coil = self.rows()
        row = self.branch[coil]
        below = self.transformers.low_v[row] / self.nominal_v[coil]
        out[coil] = below / (self.transformers.high_v[row] / self.nominal_v[self.parent[coil]])
        return out

    def rated_kva(self) -> Array:
        """What each bus's branch may carry at nominal voltage; infinite for a root. (B,) [kVA]"""
        out = np.full(self.buses, np.inf)
        line, coil = self.rows()
        out[line] = np.sqrt(3) * self.nominal_v[line] * self.lines.rated_a[self.branch[line]] / 1000
        out[coil] = self.transformers.rated_kva[self.branch[coil]]
        return out

    def idle_kw(self) -> float:
        """What the transformers take without any load. [kW]"""
        return float(self.transformers.idle_kw.sum())

    def rows(self) -> tuple[Index, Index]:
        """Places of buses fed by lines, and by transformers."""
        fed = self.parent >= 0
        return np.flatnonzero(fed & self.is_line), np.flatnonzero(fed & ~self.is_line)


@dataclass(frozen=True)
class Flow:
    """What loads do to a network. Voltages and loadings (T, B) are shares of nominal and of rated values."""

    voltage: Array
    loading: Array
    """Of the branch that feeds each bus."""
    losses_kw: Array
    """Of all lines and transformers. (T,)"""
