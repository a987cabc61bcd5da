"""Whether a plan of the whole run, made on the truth and carried out as decided, was billed what it said it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..accounts import Account
from ..flow import Array, Charge
from ..noun import still
from ..rules import ahead
from ._facts import Facts
from ._plan_facts import PlanFacts

SAME = 1e-9
"""What is done may differ from what was decided, as a share of the largest flow, at least of 1 kWh."""


@dataclass
class Carried:
    """A plan of the whole run, and what was billed for it so far."""

    plan: PlanFacts
    paid: float = 0.0
    turnover: float = 0.0
    kept: bool = True
    """Whether all that was decided was done so far, inside the pool too."""

    @classmethod
    def of(cls, plan: PlanFacts, slots: int) -> Carried | None:
        """None for a plan that saw less than the run, something else than the truth, or other terms than hold."""
        now, terms, made, pool = plan.now, plan.terms, plan.plan, plan.terms.pool
        whole = now.clock.first == 0 and now.clock.slots == slots and np.isfinite(made.proof.cost)
        true = np.array_equal(made.load_kwh, now.load_kwh) and np.array_equal(made.pv_kwh, now.pv_kwh)
        same = np.array_equal(made.buy, terms.buy) and np.array_equal(made.sell, terms.sell)
        shares = made.together or not terms.trading
        simple = terms.routes is None and not (pool.paired or pool.standby or pool.most_kw or terms.fees)
        return cls(plan) if whole and true and same and shares and simple else None

    def take(self, f: Facts) -> None:
        """Adds what was done and paid in a record."""
        first = f.record.clock.first
        self.kept = self.kept and self._as_decided(f, slice(first, first + f.record.clock.slots))
        kept_back = f["account_money"][:, Account.OPERATOR.column].sum()
        fees = sum(float(money.sum()) for name, money in f.due_fees.items() if name.endswith(">operator"))
        mine = f.entries.kept(np.isin(f.entries.reason, [charge.reason for charge in self._spoken_of]))
        owed = mine.owed(first, f.now.shape)
        self.paid += float(f.items.sum()) - (float(kept_back) - fees) + float(owed.sum())
        self.turnover += float(np.abs(f.items).sum() + np.abs(owed).sum())

    def residual(self, sums: Mapping[str, Array]) -> float | None:
        """What was billed, with wear, unserved load and what is left counted as the plan does, less the plan's cost.

        None where something else was done, or where a charge goes by what earlier periods left behind.
        """
        plan, charges = self.plan, self.plan.terms.charges
        if not self.kept or not all(_ends(charge, sums.get(f"charge.{k}")) for k, charge in enumerate(charges)):
            return None
        worn = ((plan.charge + plan.discharge) * plan.now.flexibility.wear).sum()
        dark = plan.now.connection.unserved_value * plan.plan.unserved_kwh.sum()
        left = (plan.left_price * plan.plan.level_kwh[-1]).sum()
        return float(self.paid + worn + dark - left - plan.plan.proof.cost)

    @cached_property
    def _spoken_of(self) -> list[Charge]:
        """Charges that a plan can change: all but those owed whatever meters read."""
        clock, charges = self.plan.now.clock, self.plan.terms.charges
        return [charge for charge in charges if any(terms for _, _, terms in ahead(charge, clock, None, 1) or ())]

    def _as_decided(self, f: Facts, slots: slice) -> bool:
        """Whether devices, curtailment, service and what goes through the pool are those of the plan."""
        plan, decided = self.plan, self.plan.plan
        least = SAME * max(1.0, *(float(np.max(f[c], initial=0.0)) for c in ("import_kwh", "export_kwh", "level_kwh")))
        pairs = [
            (f["level_kwh"], decided.level_kwh), (f["curtailed_kwh"], decided.curtailed_kwh),
            (f["unserved_kwh"], decided.unserved_kwh),
        ]  # fmt: skip
        if not (still(f["bought_kwh"]) and still(f["sold_kwh"]) and not decided.pooled_kwh.any()):
            by_member = self._by_member
            shares = (f["bought_kwh"], plan.bought), (f["sold_kwh"], plan.sold)
            pairs += [pair if by_member else (pair[0].sum(axis=1), pair[1].sum(axis=1)) for pair in shares]
        return all(bool((np.abs(done - planned[slots]) <= least).all()) for done, planned in pairs)

    @property
    def _by_member(self) -> bool:
        """Whether it matters who takes from the pool and who gives to it: where own tariffs or own meters differ."""
        terms = self.plan.terms
        if terms.one_meter:
            return False
        common = all(bool((price == price[:, :1]).all()) for price in (terms.buy, terms.sell))
        return not common or any(charge.netted for charge in terms.charges)


def _ends(charge: Charge, left: Array | None) -> bool:
    """Whether a charge owes no more for what it carries over its period's end (none: not known)."""
    return left is not None and bool((charge.amounts(left) == charge.amounts(np.zeros_like(left))).all())
