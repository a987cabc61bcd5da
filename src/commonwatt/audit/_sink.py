"""The audit as a sink: takes records in order, says what does not hold."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import AuditError
from ..flow import Array, Community, Prices
from ..record import Record
from ._facts import Declared, Facts, Left
from ._invariants import INVARIANTS
from ._screens import screened

PER_SLOT = {"M0", "M1", "M2", "M3", "M4", "R1"}
"""Money that must agree slot by slot: measured by the slot's turnover, never the window's (§7)."""
ENERGY = "EGST"
"""First letters of what is measured in energy."""
RELATIVE = 1e-9
REPEATABLE = "D1"


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
    residuals: dict[str, float] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    _left: Left | None = None
    _sums: dict[str, Array] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """Checks one record; call in order."""
        start, stop = record.clock.first, record.clock.first + record.clock.slots
        left = self._left or Left.at_start(self.community)
        facts = Facts(
            self.community.window(start, stop), self.prices.window(start, stop), record, self.declared, left, self._sums
        )  # fmt: skip
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
        money = [v for k, v in self.residuals.items() if k[0] in "MCR"]
        energy = [v for k, v in self.residuals.items() if k[0] in ENERGY]
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
    return "energy" if name[0] in ENERGY else "slot" if name in PER_SLOT else "window"


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
