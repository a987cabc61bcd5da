"""Where members meet, for the structured interior point method: columns of the community, and the rows they enter.

A cell is a group of members behind a limit of their own; without any, everybody is in one. Every cell has two rows per
slot, for what its members take and what they give, and two more for each shared battery, for what its accounts charge
and discharge. Prices follow from the duals y of rows `A x = right`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..flow import Array, Index, Mask
from ._block_batteries import Battery, alike
from ._block_kinds import CLASSES, STORE, Kind, Units, alone, classes
from ._block_meters import first_peaks, meters, own, single_peaks
from .limits import Metered, Peak
from .problem import Problem

DEMAND, SUPPLY = range(2)
"""Rows of a cell in every slot: what its members take, what they give."""


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Minimise cost x, 0 <= x <= high, A x = right; members put what flows into the first rows."""

    slots: int
    cells: int
    classes: int
    cost: Array
    high: Array
    guess: Array
    right: Array
    row: Index
    column: Index
    factor: Array
    numbers: dict[str, Index]
    """Rows by name."""
    peaks: Index
    """Columns of peaks of members' own meters."""

    def dual(self, y: Array, name: str) -> Array:
        """Duals of rows of a name."""
        found: Array = y[self.numbers[name]]
        return found

    def flows(self, y: Array) -> Array:
        """Duals of the rows that members put flows into. (cells, T, classes)"""
        return y[: self.cells * self.slots * self.classes].reshape(self.cells, self.slots, self.classes)

    def met(self, y: Array, name: str) -> Array:
        """Duals of the rows in which flows of a class from all cells meet. (T,)"""
        return self.dual(y, name) if self.cells > 1 else self.flows(y)[0, :, _names(self.classes).index(name)]


def cells(problem: Problem) -> Index:
    """The cell of each member: groups behind a limit of their own, and all others. (N,)"""
    cell = np.zeros(problem.shape[1], np.int64)
    for c, g in enumerate(groups(problem)):
        cell[problem.places.inside[g]] = c + 1
    return np.unique(cell, return_inverse=True)[1].astype(np.int64)


def groups(problem: Problem) -> list[int]:
    """Places with more than one member, but not all. (G,)"""
    inside = problem.places.inside
    some = problem.places.shared & ~inside.all(axis=1)
    return [int(g) for g in np.flatnonzero(some)]


def everywhere(problem: Problem) -> list[int]:
    """Places that all members stand behind, more than one."""
    return [int(g) for g in np.flatnonzero(problem.places.shared & problem.places.inside.all(axis=1))]


def _names(count: int) -> list[str]:
    """Of the rows in which flows meet, by class."""
    batteries = range((count - len(CLASSES)) // len(STORE))
    return ["demand", "supply", *(f"{way} {j}" for j in batteries for way in STORE)]


def understood(problem: Problem) -> bool:
    """Whether all that binds members together can be told by the flows at the coupling point and into groups."""
    if not alike(problem) or not single_peaks(problem):
        return False
    one_bus = problem.one_meter and bool(problem.inside.all())
    inside, some = problem.places.inside, groups(problem)
    nested = bool((inside[some].sum(axis=0) > 1).any()) if some else False
    single = inside.sum(axis=1) == 1
    if (bool(some or everywhere(problem)) and not one_bus) or nested or bool((single & ~alone(problem)).any()):
        return False
    return all(_told(problem, charge, one_bus) for charge in problem.charges)


def _told(problem: Problem, charge: Metered, one_bus: bool) -> bool:
    """Whether a charge reads the coupling point, and costs no less for the next kWh than for the last."""
    if one_bus and own(charge):
        return True
    if not one_bus or charge.reads == "residual" or not (charge.reads == "pool" or charge.members.all()):
        return False
    if isinstance(charge, Peak):
        return charge.rate >= 0
    rate: Array = charge.rate  # type: ignore[attr-defined]
    width: Array = charge.width_kwh  # type: ignore[attr-defined]
    return bool((np.diff(rate, prepend=0.0) >= 0).all()) and bool(np.isinf(width[-1]))


# --- columns and rows ------------------------------------------------------------------------------------------------


class _Sheet:
    """Collects columns and rows, in scaled units."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.columns: dict[str, Index] = {}
        self.rows: dict[str, Index] = {}
        self._columns: list[tuple[Array, ...]] = []
        self._right: list[Array] = []
        self._entries: list[tuple[Index, Index, Array]] = []
        self._size = [0, 0]

    def add_rows(self, name: str, right: Array) -> Index:
        """Rows with a right-hand side."""
        self.rows[name] = self._size[0] + np.arange(right.size)
        self._size[0] += right.size
        self._right.append(right)
        return self.rows[name]

    def add(self, name: str, cost: Array | float, guess: Array, high: Array | float = np.inf) -> Index:
        """Columns with cost, first guess and upper bound."""
        self.columns[name] = self._size[1] + np.arange(guess.size)
        self._size[1] += guess.size
        self._columns.append(tuple(np.broadcast_to(x, guess.shape).astype(float) for x in (cost, guess, high)))
        return self.columns[name]

    def enter(self, rows: Index, columns: Index, factor: Array | float) -> None:
        """Columns in rows."""
        row, column, factors = np.broadcast_arrays(rows, columns, np.asarray(factor, np.float64))
        self._entries.append((row.ravel(), column.ravel(), factors.ravel()))

    def enter_all(self, rows: Index, flows: dict[str, float]) -> None:
        """Columns by name, each slot's in its row, with their factors."""
        for name, factor in flows.items():
            self.enter(rows, self.columns[name], factor)

    def guess(self, flows: dict[str, float]) -> Array:
        """What the first guess of some columns comes to, slot by slot."""
        found = np.concatenate([part[1] for part in self._columns])
        total: Array = np.sum([factor * found[self.columns[name]] for name, factor in flows.items()], axis=0)
        return total

    def done(self, slots: int, count: int) -> Meeting:
        """All of it."""
        cost, guess, high = (np.concatenate([part[i] for part in self._columns]) for i in range(3))
        row, column, factor = (np.concatenate([part[i] for part in self._entries]) for i in range(3))
        return Meeting(
            slots=slots, cells=count, classes=self.classes, cost=cost, guess=guess, high=high,
            right=np.concatenate(self._right), row=row, column=column, factor=factor, numbers=self.rows,
            peaks=self.columns.get("own peaks", np.zeros(0, np.int64)),
        )  # fmt: skip


def meeting(problem: Problem, units: Units, found: Mapping[str, Kind], flows: Array, least: float) -> Meeting:
    """From all variables, first guesses of flows that meet (cells, T, classes), and how small a guess may be."""
    sheet, (count, slots, _) = _Sheet(classes(problem)), flows.shape
    mine = sheet.add_rows("flows", np.zeros(flows.size)).reshape(flows.shape)
    meets = [
        (mine[0, :, e] if count == 1 else sheet.add_rows(name, np.zeros(slots)))
        for e, name in enumerate(_names(sheet.classes))
    ]
    for c in range(count if count > 1 else 0):
        for e, row in enumerate(meets):
            column = sheet.add(f"flow {c} {e}", 0.0, np.maximum(flows[c, :, e], least))
            sheet.enter(mine[c, :, e], column, 1.0)
            sheet.enter(row, column, -1.0)
    _add_pool(sheet, problem, units, flows.sum(axis=0), (meets[DEMAND], meets[SUPPLY]), least)
    for j in range(len(problem.joints)):
        at = slice(len(CLASSES) + len(STORE) * j, len(CLASSES) + len(STORE) * (j + 1))
        _add_battery(sheet, Battery.of(problem, units, found, j), meets[at], flows[:, :, at].sum(axis=0), least)
    for g in everywhere(problem):
        net = {"grid_in": 1.0, "sent": problem.pool.efficiency - 1.0, "grid_out": -1.0}
        _add_limit(sheet, problem, units, g, net, least)
    cell = cells(problem)
    for g in groups(problem):
        c = int(cell[problem.places.inside[g]][0])
        net = {f"flow {c} {DEMAND}": 1.0, f"flow {c} {SUPPLY}": -1.0}
        _add_limit(sheet, problem, units, g, net, least)
    if meters(problem):
        sheet.add("own peaks", *first_peaks(problem, units, found))
    _add_peaks(sheet, problem, units, least)
    _add_tiers(sheet, problem, units, least)
    return sheet.done(slots, count)


def _add_pool(
    sheet: _Sheet, problem: Problem, units: Units, flows: Array, rows: tuple[Index, Index], least: float
) -> None:
    """What is sent inside, and what the pool deals with the grid."""
    want, give = (
        (most * problem.inside).sum(axis=1) > 0 for most in (problem.want_max_kwh, problem.give_max_kwh)
    )  # fmt: skip
    efficiency, fee = problem.pool.efficiency, problem.pool.fee_per_kwh * problem.pool.efficiency / units.price
    sent = 0.3 * np.minimum(flows[:, DEMAND], flows[:, SUPPLY]) + 10 * least
    column = sheet.add("sent", fee, sent, np.where(want & give, np.inf, 0.0))
    sheet.enter(rows[DEMAND], column, efficiency)
    sheet.enter(rows[SUPPLY], column, 1.0)
    if not problem.one_meter:
        return
    for name, way, can, cost in (
        ("grid_in", DEMAND, want, problem.coupling_buy), ("grid_out", SUPPLY, give, -problem.coupling_sell)
    ):  # fmt: skip
        rest = np.maximum(flows[:, way] - sent, least)
        sheet.enter(rows[way], sheet.add(name, cost / units.price, rest, np.where(can, np.inf, 0.0)), 1.0)


def _add_battery(sheet: _Sheet, battery: Battery, meets: list[Index], flows: Array, least: float) -> None:
    """What its accounts charge and discharge (T, 2) goes into one level."""
    row = sheet.add_rows(f"level {battery.number}", battery.right)
    for e, most in enumerate((battery.into, battery.out_of)):
        column = sheet.add(f"battery {battery.number} {e}", 0.0, np.maximum(flows[:, e], least), most)
        sheet.enter(meets[e], column, 1.0)
        sheet.enter(row, column, (-battery.gain, battery.loss)[e])
    level = sheet.add(f"level {battery.number}", 0.0, np.maximum(battery.held, least), battery.room)
    sheet.enter(row, level, 1.0)
    sheet.enter(row[1:], level[:-1], -battery.keep)


def _add_limit(sheet: _Sheet, problem: Problem, units: Units, g: int, net: dict[str, float], least: float) -> None:
    """What flows through a place: inwards with room, or outwards where it is limited outwards only."""
    most_in, most_out = problem.places.import_max_kwh[:, g], problem.places.export_max_kwh[:, g]
    some, inwards = limited(problem, g)
    sign = np.where(inwards, 1.0, -1.0)
    most, width = np.where(inwards, most_in, most_out)[some] / units.energy, (most_in + most_out)[some] / units.energy
    row = sheet.add_rows(f"place {g}", most)
    for name, factor in net.items():
        sheet.enter(row, sheet.columns[name][some], factor * sign[some])
    guess = np.maximum(most - (sign * sheet.guess(net))[some], least)
    sheet.enter(row, sheet.add(f"room {g}", 0.0, guess, width), 1.0)


def limited(problem: Problem, g: int) -> tuple[Mask, Mask]:
    """Slots in which a place has a limit, and in which one inwards. (T,) each"""
    inwards = np.isfinite(problem.places.import_max_kwh[:, g])
    return inwards | np.isfinite(problem.places.export_max_kwh[:, g]), inwards


def read(problem: Problem, charge: Metered) -> dict[str, float]:
    """Columns of what a charge at the coupling point reads."""
    if charge.reads == "pool":
        return {"grid_in": 1.0}
    lost = problem.lost_share(charge) + problem.pool.efficiency - 1.0
    return {"grid_in": 1.0, "grid_out": -1.0, "sent": lost}


def _add_peaks(sheet: _Sheet, problem: Problem, units: Units, least: float) -> None:
    """One column above every slot that counts."""
    for p, peak in enumerate(problem.peaks):
        if own(peak):
            continue
        some: Mask = peak.weight > 0
        flows = read(problem, peak)
        power, locked = (peak.weight * sheet.guess(flows))[some], peak.locked_kw / units.energy
        above = np.array([max(float(power.max(initial=0.0)) - locked, 0.0) + 10 * least])
        row = sheet.add_rows(f"peak {p}", np.full(power.size, locked))
        for name, factor in flows.items():
            sheet.enter(row, sheet.columns[name][some], factor * peak.weight[some])
        sheet.enter(row, sheet.add(f"peak {p}", peak.rate / units.price, above), -1.0)
        sheet.enter(row, sheet.add(f"below {p}", 0.0, np.maximum(locked + above[0] - power, least)), 1.0)


def _add_tiers(sheet: _Sheet, problem: Problem, units: Units, least: float) -> None:
    """Energy of a period block by block; where the meter turns, what it counts is above what flows."""
    for m, tier in enumerate(problem.tiers):
        flows, some = read(problem, tier), tier.slots
        metered, through = "grid_in", np.maximum(sheet.guess(flows)[some], least)
        total = sheet.add_rows(f"tier {m}", np.zeros(1))
        if tier.single:
            sheet.enter(total, sheet.columns[metered][some], 1.0)
        else:
            row = sheet.add_rows(f"metered {m}", np.zeros(through.size))
            for name, factor in flows.items():
                sheet.enter(row, sheet.columns[name][some], factor)
            counted = sheet.add(f"metered {m}", 0.0, through + least)
            sheet.enter(row, counted, -1.0)
            sheet.enter(row, sheet.add(f"over {m}", 0.0, np.full(through.size, least)), 1.0)
            sheet.enter(total, counted, 1.0)
        width = tier.width_kwh / units.energy
        most = float(through.sum()) + 10 * least
        block = np.minimum(0.5 * width, most)
        block[-1] = max(most - float(block[:-1].sum()), 10 * least)
        sheet.enter(total, sheet.add(f"block {m}", tier.rate / units.price, block, width), -1.0)
