"""What cannot be: named before anything is solved where one store is to blame, else by the limits that conflict.

Elastic programming: every limit may be broken at a price per kWh; what then is broken is the smallest relaxation.
Limits are dropped one by one as long as the rest still conflicts; what remains is a smallest conflicting set (Chinneck,
Feasibility and Infeasibility in Optimization, 2008, ch. 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ContractError, InfeasibleError
from ..flow import Array, Index
from ._matrix import Matrix, by_column, matrix
from .problem import Problem
from .stores import emptiest, fullest

TOLERANCE = 1e-9
"""Largest violation of an envelope that is rounding. [kWh], times the largest level"""
BROKEN = 1e-7
"""Smallest violation that is one, as a share of the largest flow. [-]"""
SHOWN = 5
CAPACITY = 10.0
"""Price of what a store would have to hold beyond its size; any other excess costs 1. [1/kWh]"""


def check(problem: Problem) -> None:
    """Raises InfeasibleError naming every store that cannot keep its bounds: member, device, slot, energy missing.

    ContractError for what is no number.
    """
    stores = problem.stores
    _finite(problem)
    _crossed(problem)
    if not stores.level_min_kwh.size:
        return
    fine = TOLERANCE * np.maximum(1.0, np.abs(stores.level_max_kwh).max(axis=0, initial=0.0))
    lines = []
    short, full = stores.level_min_kwh - fullest(stores), emptiest(stores) - stores.level_max_kwh
    for side, missing, rule in (("below", short, "reach"), ("above", full, "come down to")):
        for k in np.flatnonzero((missing > fine).any(axis=0)):
            t = int(np.argmax(missing[:, k] > fine[k]))
            limit = (stores.level_min_kwh if side == "below" else stores.level_max_kwh)[t, k]
            lines.append(
                f"{_store(problem, int(k))} cannot {rule} {limit:.6g} kWh by the end of "
                f"slot {problem.first + t}: {missing[t, k]:.6g} kWh {'short' if side == 'below' else 'too much'} "
                "(§10); raise its power, give it more time or move the limit"
            )
    if lines:
        raise InfeasibleError("\n".join(_few(lines)))


def _finite(problem: Problem) -> None:
    """Raises ContractError for values that are no numbers."""
    tables = {name: getattr(problem, name) for name in ("load_kwh", "pv_kwh", "buy", "sell", "coupling_buy")}
    tables |= {name: value for name, value in vars(problem.stores).items() if name.endswith(("_kwh", "gain", "keep"))}
    bad = [name for name, values in tables.items() if not np.isfinite(values).all()]
    bad += [f"limits of {n}" for n in problem.places.names if np.isnan(problem.places.import_max_kwh).any()]
    if bad:
        raise ContractError(f"{', '.join(bad)}: not finite (§11: no NaN reaches a plan); check what the data come from")


def _crossed(problem: Problem) -> None:
    """Raises InfeasibleError for bounds that leave nothing between them."""
    stores, places, lines = problem.stores, problem.places, []
    fine = TOLERANCE * np.maximum(1.0, np.abs(stores.level_max_kwh).max(axis=0, initial=0.0))
    for k in np.flatnonzero((stores.level_min_kwh > stores.level_max_kwh + fine).any(axis=0)):
        t = int(np.argmax(stores.level_min_kwh[:, k] > stores.level_max_kwh[:, k] + fine[k]))
        low, high = stores.level_min_kwh[t, k], stores.level_max_kwh[t, k]
        lines.append(
            f"levels of the {_store(problem, int(k))} from {low:.6g} to {high:.6g} kWh in slot {problem.first + t}"
        )
    against = np.flatnonzero((places.import_max_kwh + places.export_max_kwh < 0).any(axis=0))
    lines += [f"limits of {places.names[g]} leave no net flow" for g in against]
    if lines:
        raise InfeasibleError("\n".join(_few([f"{line} (§10: bounds cross); move one of them" for line in lines])))


def conflict(problem: Problem) -> InfeasibleError | None:
    """What stands in each other's way: a smallest conflicting set of limits and a smallest relaxation; None if nothing.

    Limits are those of places, of stores' levels, of shared batteries, and the ban on resale.
    """
    elastic = _Elastic(problem)
    excess, blamed = elastic.solve(frozenset())
    if excess.max(initial=0.0) <= BROKEN * elastic.unit:
        return None
    families = elastic.families
    relaxed = [_relaxation(problem, families, f, excess) for f in range(len(families)) if families[f].broken(excess)]
    dropped: set[int] = set(range(len(families))) - blamed
    for f in sorted(blamed):
        rest, _ = elastic.solve(frozenset(dropped | {f}))
        if rest.max(initial=0.0) > BROKEN * elastic.unit:
            dropped.add(f)
    kept = [families[f].name for f in range(len(families)) if f not in dropped]
    lines = [
        f"no plan keeps {' and '.join(_few(kept))} (§10: limits are hard); the smallest relaxation is",
        *_few([f"  {line}" for line in relaxed]),
    ]
    return InfeasibleError("\n".join(lines))


@dataclass(frozen=True)
class _Family:
    """One limit over all slots: its excess in the columns of the elastic program."""

    name: str
    slot: Index
    column: Index
    row: Index
    price: float
    """Of a kWh of excess: dearer where only another device would help."""

    def broken(self, excess: Array) -> bool:
        """Whether it does not hold."""
        return bool(excess[self.column].any())


class _Elastic:
    """The problem with an excess for every limit, at a price of 1 per kWh; nothing else costs."""

    def __init__(self, problem: Problem) -> None:
        bare = matrix(problem)
        sizes = problem.want_max_kwh, problem.give_max_kwh, problem.stores.level_max_kwh
        self.unit = max(*(float(np.max(size, initial=0.0)) for size in sizes)) or 1.0
        self.families, self._first = list[_Family](), bare.size
        self._entries = list[tuple[Index, Index, Array]]()
        self._rows, self._low, self._high = bare.row_high.size, [bare.row_low], [bare.row_high]
        self._collect(problem, bare)
        self._highs = self._fed(bare)

    def solve(self, free: frozenset[int]) -> tuple[Array, set[int]]:
        """Excess by column [kWh], with some families for nothing; and the families that bear a price."""
        cost = np.zeros(self._columns)
        for f, family in enumerate(self.families):
            cost[family.column] = 0.0 if f in free else family.price
        self._highs.changeColsCost(cost.size, np.arange(cost.size, dtype=np.int32), cost)
        self._highs.run()
        solution = self._highs.getSolution()
        value, dual = np.asarray(solution.col_value), np.asarray(solution.row_dual)
        excess = np.where(value * cost > BROKEN, value * self.unit, 0.0)
        return excess, {f for f, family in enumerate(self.families) if (np.abs(dual[family.row]) > TOLERANCE).any()}

    @property
    def _columns(self) -> int:
        return self._first + sum(family.column.size for family in self.families)

    def _family(self, name: str, slot: Index, row: Index, sign: float, price: float = 1.0) -> None:
        """A limit with one row per slot, which its excess helps by `sign`."""
        column = self._columns + np.arange(slot.size)
        self._entries.append((column, row, np.full(slot.size, sign)))
        self.families.append(_Family(name, slot, column, row, price))

    def _collect(self, problem: Problem, bare: Matrix) -> None:
        place = bare.rows["place"]
        for g, name in enumerate(problem.places.names):
            mine = place.at % place.shape[1] == g
            slot, row = place.at[mine] // place.shape[1], place.first + np.flatnonzero(mine)
            self._family(f"the import limit of {name}", slot, row, -1.0)
            self._family(f"the export limit of {name}", slot, row, 1.0)
        if not problem.resale:
            own = bare.rows["resale"]
            rows = own.first + np.arange(own.at.size)
            self._family("the ban on resale", own.at // own.shape[1], rows, -1.0)
        for j in range(len(problem.joints)):
            rows = bare.rows["joint_level"].first + j + len(problem.joints) * np.arange(problem.shape[0])
            self._family("the most that a shared battery holds", np.arange(problem.shape[0]), rows, -1.0, CAPACITY)
            self._family("the least that a shared battery holds", np.arange(problem.shape[0]), rows, 1.0)
        for k in range(problem.stores.shape[1]):
            self._store(problem, bare, k)

    def _store(self, problem: Problem, bare: Matrix, k: int) -> None:
        """Levels that must lie higher than 0, and highest levels, as rows of their own."""
        stores, level = problem.stores, bare.blocks["level"].number[:, k]
        for bound, low, sign, word in (
            (stores.level_min_kwh, True, 1.0, "least"), (stores.level_max_kwh, False, -1.0, "highest")
        ):  # fmt: skip
            slot = np.flatnonzero(bound[:, k] > 0) if low else np.arange(len(level))
            row = self._rows + np.arange(slot.size)
            self._entries.append((level[slot], row, np.ones(slot.size)))
            self._low.append(bound[slot, k] if low else np.full(slot.size, -np.inf))
            self._high.append(np.full(slot.size, np.inf) if low else bound[slot, k])
            self._rows += slot.size
            self._family(f"the {word} level of the {_store(problem, k)}", slot, row, sign, 1.0 if low else CAPACITY)

    def _fed(self, bare: Matrix) -> Any:
        import highspy

        column = np.concatenate([np.repeat(np.arange(bare.size), np.diff(bare.start)), *(e[0] for e in self._entries)])
        row = np.concatenate([bare.index, *(e[1] for e in self._entries)])
        factor = np.concatenate([bare.value, *(e[2] for e in self._entries)])
        low, high = np.zeros(self._columns), np.full(self._columns, np.inf)
        low[: bare.size], high[: bare.size] = bare.low / self.unit, bare.high / self.unit
        level = bare.blocks.get("level")
        if level:
            low[level.number.ravel()], high[level.number.ravel()] = 0.0, np.inf
        highs, lp = highspy.Highs(), highspy.HighsLp()  # type: ignore[no-untyped-call]
        highs.setOptionValue("output_flag", False)
        lp.num_col_, lp.num_row_ = self._columns, self._rows
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = np.zeros(self._columns), low, high
        lp.row_lower_, lp.row_upper_ = (np.concatenate(side) / self.unit for side in (self._low, self._high))
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        start, index, value = by_column(column, row, factor, self._columns)
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = start, index, value
        highs.passModel(lp)
        return highs


def _relaxation(problem: Problem, families: list[_Family], f: int, excess: Array) -> str:
    """What must give way how far, and where most."""
    family = families[f]
    amount = excess[family.column]
    worst, slots = int(np.argmax(amount)), int((amount > 0).sum())
    where = f"in slot {problem.first + family.slot[worst]}"
    where = where if slots == 1 else f"in {slots} slots, most {where}: {amount[worst]:.6g} kWh"
    return f"{family.name} by {amount.sum():.6g} kWh {where}"


def _store(problem: Problem, k: int) -> str:
    return f"{problem.stores.kind[k]} of {problem.names[problem.stores.owner[k]]}"


def _few(lines: list[str]) -> list[str]:
    more = [f"... and {len(lines) - SHOWN} more of this kind"] if len(lines) > SHOWN else []
    return [*lines[:SHOWN], *more]
