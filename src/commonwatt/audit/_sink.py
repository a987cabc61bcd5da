"""The audit as a sink: takes records in order, says what does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import AuditError
from ..flow import Array, Community, Index, Planned, Prices
from ..record import Record
from ._carried import Carried
from ._facts import Declared, Facts, Left
from ._invariants import INVARIANTS
from ._plan_facts import PlanFacts
from ._plans import PLANNED, Examined, examined
from ._screens import screened

PER_SLOT = {"M0", "M1", "M2", "M3", "M4", "R1"}
"""Money that must agree slot by slot: measured by the slot's turnover, never the window's (§7)."""
ENERGY = "EGST"
"""First letters of what is measured in energy."""
RELATIVE = 1e-9
REPEATABLE = "D1"
REMEDY = "name another dispatch.engine, and report this with its scenario"
"""What to do about a plan that does not hold."""


@dataclass(frozen=True)
class Verdict:
    """What the audit found."""

    holds: bool
    checked: tuple[str, ...]
    """Identifiers of the invariants that applied."""
    broken: dict[str, str]
    """By identifier: where, by how much, and what it means."""
    energy_kwh: float
    """Largest residual of energy."""
    money: float
    """Largest residual of money."""
    currency: str = "money"

    @property
    def line(self) -> str:
        """One line for the screen."""
        count = len(self.checked)
        sizes = f"largest residual {self.energy_kwh:.0e} kWh, {self.money:.0e} {self.currency}"
        return f"audit: {count - len(self.broken)} of {count} hold, {sizes}"

    def also(self, name: str) -> Verdict:
        """The same with one more invariant that holds."""
        return replace(self, checked=(*self.checked, name))

    def check(self) -> None:
        """Raises AuditError where something is broken."""
        if self.broken:
            raise AuditError("\n".join([self.line, *self.broken.values()]))


@dataclass
class Audit:
    """A sink: checks every record against the community, the terms and the records before it."""

    community: Community
    prices: Prices
    declared: Declared
    currency: str = "money"
    whose: str = ""
    """Whose plans are examined, where it is not the run itself."""
    residuals: dict[str, float] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    _left: Left | None = None
    _sums: dict[str, Array] = field(default_factory=dict)
    _carried: Carried | None = None

    def take(self, record: Record) -> None:
        """Checks one record; call in order."""
        start, stop = record.clock.first, record.clock.first + record.clock.slots
        left = self._left or Left.at_start(self.community)
        facts = Facts(
            self.community.window(start, stop), self.prices.window(start, stop), record, self.declared, left, self._sums
        )  # fmt: skip
        if record.plan:
            self._begun(record.plan, start, left)
        known, still_open = screened(facts), float(sum(np.abs(s).sum() for s in self._sums.values()))
        scales: dict[str, Array] = {}
        for name, (check, meaning) in INVARIANTS.items():
            if known.get(name, np.inf) <= RELATIVE:
                self.residuals[name] = max(self.residuals.get(name, 0.0), known[name])
                continue
            residual = check(facts)
            if residual is not None:
                scales = scales or _scales(facts, still_open)
                self._judge(name, meaning, residual, scales[_measure(name)], start)
        self._left = Left.by(record)
        if self._carried:
            self._carried.take(facts)
            if stop == self.community.shape[0]:
                self._billed(self._carried)

    def examine(self, plan: Planned, first: int, level: Array, banned: Index, sums: Mapping[str, Array]) -> PlanFacts:
        """Reckons up a plan made in slot `first`, from levels (K,), bans (N,) and sums of open periods on."""
        slots = slice(first, first + len(plan.load_kwh))
        now, terms = self.community.window(slots.start, slots.stop), self.prices.window(slots.start, slots.stop)
        facts = PlanFacts(now, terms, plan, level, banned, sums)
        with np.errstate(all="ignore"):  # what is not finite comes out as infinite
            found = examined(facts)
        if found:
            self._judge_plan(facts, found)
        return facts

    def _begun(self, plan: Planned, first: int, left: Left) -> None:
        """A plan made in a record's first slot: checked at once, and kept only if bills have to be held against it."""
        facts = self.examine(plan, first, left.level, left.banned, self._sums)
        self._carried = Carried.of(facts, self.community.shape[0])

    def _judge_plan(self, f: PlanFacts, found: Examined) -> None:
        first, most = f.now.clock.first, self.declared.tolerance * found.energy
        plan = f"the plan of slot {first}{self.whose}"
        missed = next((p for p in found.promises if p.worst > most), max(found.promises, key=lambda p: p.worst))
        self._enter("P1", missed.worst, most, f"{plan}, {missed.place(first)}")
        money = RELATIVE * (1.0 + found.cost.turnover)
        told = f"{plan}: {found.cost.total:.9g} {self.currency}, not {f.plan.proof.cost:.9g}"
        self._enter("P2", abs(found.cost.total - f.plan.proof.cost), money, told)
        proof = f.plan.proof
        bounds = f"{plan}: {proof.lower:.9g} to {proof.cost:.9g} {self.currency}, gap {proof.gap:.2g}, {proof.status}"
        self._enter("P3", found.claimed, money, bounds)

    def _billed(self, carried: Carried) -> None:
        """The last record is in: what all bills come to, against the plan's cost."""
        over = carried.residual(self._sums)
        if over is not None:
            cost = carried.plan.plan.proof.cost
            told = f"{cost + over:.9g} {self.currency} in the end, not {cost:.9g}"
            self._enter("P4", abs(over), RELATIVE * (1.0 + carried.turnover), told)

    def _enter(self, name: str, size: float, most: float, told: str) -> None:
        """Notes by how much something is off that is said of a plan, and that it is broken where that is too much."""
        size = size if np.isfinite(size) else np.inf
        self.residuals[name] = max(self.residuals.get(name, 0.0), size)
        if (size > most or not np.isfinite(size)) and name not in self.broken:
            self.broken[name] = f"{name} broken, {told}: off by {size:.3g} ({PLANNED[name]} §7); {REMEDY}"

    def repeated(self, first: Record, again: Record) -> None:
        """Enters whether a stretch simulated twice, cut differently, gave the same bits (D1)."""
        differing = 0
        for name, values in first.columns.items():
            other = again.columns[name][: len(values)]
            differing += int((values[: len(other)] != other).sum())
        meaning = "The same scenario gives the same bits, however its windows are cut."
        self._judge(REPEATABLE, meaning, np.array([float(differing)]), np.ones(1), first.clock.first)

    def verdict(self) -> Verdict:
        """What was found so far."""
        measured = {k: v for k, v in self.residuals.items() if k != REPEATABLE}
        money = [v for k, v in measured.items() if _measure(k) != "energy"]
        energy = [v for k, v in measured.items() if _measure(k) == "energy"]
        return Verdict(
            holds=not self.broken, checked=tuple(self.residuals), broken=dict(self.broken),
            energy_kwh=max(energy, default=0.0), money=max(money, default=0.0), currency=self.currency,
        )  # fmt: skip

    def _judge(self, name: str, meaning: str, residual: Array, scale: Array, start: int) -> None:
        high, low = (float(edge) for edge in (np.max(residual, initial=0.0), np.min(residual, initial=0.0)))
        worst = max(high, -low) if np.isfinite(high) and np.isfinite(low) else np.inf
        self.residuals[name] = max(self.residuals.get(name, 0.0), worst)
        relative = self.declared.tolerance if _measure(name) == "energy" else RELATIVE
        if worst <= relative or name in self.broken:
            return
        size = np.abs(np.nan_to_num(residual, nan=np.inf))
        scale = np.where(np.isfinite(scale), scale, 0.0)
        over = size - relative * scale.reshape(-1, *[1] * (size.ndim - 1))
        if (over > 0).any():
            at = np.unravel_index(int(over.argmax()), size.shape)
            place = f"slot {start + int(at[0])}" + (f", column {int(at[1])}" if size.ndim > 1 else "")
            self.broken[name] = f"{name} broken at {place}: off by {size[at]:.3g} ({meaning})"


def _measure(name: str) -> str:
    if name[0] in ENERGY or name == "P1":
        return "energy"
    return "slot" if name in PER_SLOT else "plan" if name in PLANNED else "window"


def _scales(f: Facts, still_open: float) -> dict[str, Array]:
    """What a tolerance is a share of: the highest flow; each slot's turnover; the window's."""
    flow = max(1.0, *(float(np.max(f[c], initial=0.0)) for c in ("import_kwh", "export_kwh", "level_kwh")))
    turnover = np.abs(f.items).sum(axis=1)
    if f.entries.rows:
        np.add.at(turnover, f.entries.slot - f.record.clock.first, f.entries.amount)
    held = np.abs(f["wallet_money"]).max(axis=1, initial=0.0) + np.abs(f["till_money"]).max(axis=1, initial=0.0)
    slot = 1.0 + turnover + 1e-6 * held
    whole = 1.0 + float(turnover.sum()) + still_open
    return {"energy": np.array([flow]), "slot": slot, "window": np.array([whole])}
