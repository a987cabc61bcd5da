"""The plan of one that knows what comes: what regret is measured by."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .audit import Audit
from .desk import Desk
from .flow import Community, Prices
from .optimum.stores import stored_worth
from .proof import Certificate
from .record import Record
from .scenario import Scenario
from .simulate import simulate
from .totals import Best, Totals

COMPARED = frozenset({"bill_money", "charge_kwh", "discharge_kwh", "unserved_kwh", "level_kwh", "till_money"})
"""Columns that regret is made of."""


@dataclass(frozen=True)
class Foresight:
    """The best plan of a scenario, carried out like any other, and its proof."""

    best: Best
    proof: Certificate
    currency: str

    @classmethod
    def of(cls, scenario: Scenario, community: Community, prices: Prices, audit: Audit, desk: Desk) -> Foresight:
        """Raises ScenarioError for terms that nobody can plan against, AuditError where its books do not close."""
        totals, proofs = Totals(only=COMPARED), list[Certificate]()
        for window in simulate(scenario.foreseen(), community, prices=prices, desk=desk):
            record = Record.of(window)
            totals.take(record)
            audit.take(record)
            proofs += [record.plan.proof] if record.plan else []
        audit.verdict().check()
        return cls(Best(totals, stored_worth(community, prices, 1.0)), proofs[0], scenario.currency)

    @property
    def line(self) -> str:
        """What regret is measured by."""
        stored = self.best.stored_price[self.best.stored_price > 0]
        price = f"{stored.mean():.4g} {self.currency} per kWh on average" if stored.size else "nothing"
        gap = f"{self.proof.gap:.0e}" if math.isfinite(self.proof.gap) else "unknown"
        plan = f"the plan of perfect foresight is {self.proof.status}, gap {gap}"
        return f"regret: energy left in store counts for {price}; {plan}"
