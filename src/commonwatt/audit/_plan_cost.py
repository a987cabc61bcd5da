"""What a plan costs at its terms, added up again: energy, pool, charges, wear, what is unserved and what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..flow import Array
from ..rules import PeakTerm, TierTerm, ahead
from ._plan_facts import PlanFacts


@dataclass(frozen=True)
class Cost:
    """Money by who owes it: members each for themselves (N,), and all together."""

    own: Array
    joint: float
    turnover: float
    """All amounts, whichever way they go."""

    @property
    def total(self) -> float:
        """What the plan costs."""
        return float(self.own.sum()) + self.joint


def reckoned(f: PlanFacts) -> Cost:
    """The cost of a plan. [money]"""
    device, (taken, given), (grid_in, grid_out) = f.now.flexibility, f.outside, f.coupling
    energy, brought = taken * f.plan.buy, given * f.plan.sell
    own, charges = (energy - brought).sum(axis=0), _charged(f)
    own = own + f.now.connection.unserved_value * f.plan.unserved_kwh.sum(axis=0)
    worn = ((f.charge + f.discharge) * device.wear).sum(axis=0)
    left = f.left_price * f.plan.level_kwh[-1]
    np.add.at(own, device.owner, worn - left)
    money = grid_in * f.terms.coupling_buy, grid_out * f.terms.coupling_sell, f.terms.pool.fee_per_kwh * f.matched
    joint = float((money[0] - money[1] + money[2]).sum())
    for amounts in charges:
        own, joint = (own, joint + float(amounts.sum())) if amounts.size == 1 else (own + amounts, joint)
    parts = (energy, brought, *money, *charges, worn, left)
    return Cost(own, joint, float(sum(np.abs(part).sum() for part in parts)))


def _charged(f: PlanFacts) -> list[Array]:
    """What every part of every charge owes in the periods ahead, meter by meter; the coupling point's alone is (1,)."""
    found, members = list[Array](), f.now.shape[1]
    for k, charge in enumerate(f.terms.charges):
        columns = members + f.terms.one_meter * (members * charge.netted + 1)
        for first, shown in _meters(f, netted=charge.netted):
            mine = slice(first, first + shown.shape[1])
            for start, stop, terms in ahead(charge, f.now.clock, f.sums.get(f"charge.{k}"), columns) or ():
                found += [_owed(term, shown[start:stop], mine) for term in terms]
    return found


def _meters(f: PlanFacts, *, netted: bool) -> list[tuple[int, Array]]:
    """What meters show as import (T, M), each with the number of its first column as settlement orders them."""
    members, own = f.now.shape[1], f.outside[0] if netted else f.want
    if not f.joint:
        return [(((members + 1) if netted else 1) if f.terms.one_meter else 0, own)]
    if netted:
        return [(0, own), (members, f.coupling[0][:, None])]
    lost = f.matched / f.terms.pool.efficiency - f.matched
    return [(0, np.maximum(f.net.sum(axis=1) + lost, 0.0)[:, None])]


def _owed(term: PeakTerm | TierTerm, shown: Array, meters: slice) -> Array:
    """By each meter, for what it shows (T, M) in a stretch of one period. [money]"""
    if isinstance(term, PeakTerm):
        highest = (term.weight[:, None] * shown).max(axis=0, initial=0.0)
        return np.asarray(term.rate * np.maximum(highest, term.locked_kw[meters]))
    used, above = term.used_kwh[meters], term.above_kwh[:, None]
    over = np.maximum(used + shown.sum(axis=0) - above, 0.0) - np.maximum(used - above, 0.0)
    return np.asarray((term.step[:, None] * over).sum(axis=0))


def turned_over(f: PlanFacts) -> Array:
    """A thousandth of load, PV and room of each member at the highest price: the least that a gap is a share of. (N,)

    The highest price of energy; where energy costs nothing anywhere, of what is unserved and of charges.
    """
    device, terms = f.now.flexibility, f.terms
    energy = f.plan.load_kwh.sum(axis=0) + f.plan.pv_kwh.sum(axis=0)
    np.add.at(energy, device.owner, np.abs(device.level_max_kwh).max(axis=0, initial=0.0))
    prices = f.plan.buy, f.plan.sell, terms.coupling_buy, terms.coupling_sell, device.wear, f.left_price
    highest = max(terms.pool.fee_per_kwh, *(float(np.abs(price).max(initial=0.0)) for price in prices))
    return np.asarray(1e-3 * (highest or max(f.now.connection.unserved_value, _rates(f))) * energy)


def _rates(f: PlanFacts) -> float:
    """The highest that a kWh more can cost in charges. [money/kWh]"""
    clock, charges = f.now.clock, f.terms.charges
    periods = [period for charge in charges for period in ahead(charge, clock, None, 1) or ()]
    return max((_rate(term) for _, _, terms in periods for term in terms), default=0.0)


def _rate(term: PeakTerm | TierTerm) -> float:
    if isinstance(term, PeakTerm):
        return float(term.rate * term.weight.max(initial=0.0))
    return float(np.abs(np.cumsum(term.step)).max(initial=0.0))
