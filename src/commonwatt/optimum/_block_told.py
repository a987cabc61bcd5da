"""A problem as the structured interior point method is told it: the same optimum, with less to tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..flow import Array
from ._block_meters import own
from .engine import Duals, Plan
from .limits import Metered, Peak, Tier
from .problem import Problem


def told(problem: Problem) -> Problem:
    """The same problem without charges that no plan changes, and behind one meter where that is as good."""
    peaks = tuple(_raised(problem, peak) for peak in problem.peaks if counts(problem, peak))
    tiers = tuple(tier for tier in problem.tiers if counts(problem, tier))
    return _behind_one_meter(replace(problem, peaks=peaks, tiers=tiers))


def counts(problem: Problem, charge: Peak | Tier) -> bool:
    """Whether what a charge costs depends on the plan: its meter can show something, above the peak already locked."""
    most = _most(problem, charge)
    if isinstance(charge, Tier):
        return bool((most * charge.slots).any())
    return charge.rate != 0 and float((charge.weight * most).max(initial=0.0)) > _raised(problem, charge).locked_kw


def _raised(problem: Problem, peak: Peak) -> Peak:
    """A peak of a member's own meter without what no plan avoids; slots that never exceed that do not count."""
    if not own(peak):
        return peak
    locked = max(peak.locked_kw, float(_least(problem, peak).max(initial=0.0)))
    return replace(peak, locked_kw=locked, weight=np.where(peak.weight * _most(problem, peak) > locked, peak.weight, 0))


def _least(problem: Problem, peak: Peak) -> Array:
    """Power that a member draws whatever it does, discharging all it can. (T,)"""
    discharge = problem.stores.by_member(problem.stores.discharge_max_kwh, problem.shape[1])
    net = np.maximum(problem.base_kwh - discharge - problem.unserved_max_kwh, 0.0)
    least: Array = peak.weight * net[:, peak.members].sum(axis=1)
    return least


def _most(problem: Problem, charge: Metered) -> Array:
    """Most that a charge's meter can show. (T,) [kWh]"""
    if charge.reads != "residual":
        return problem.meter_range(charge)[0]
    own: Array = (problem.want_max_kwh * problem.own)[:, charge.members].sum(axis=1)
    return own


def _behind_one_meter(problem: Problem) -> Problem:
    """The same problem where a common tariff lets the pool buy and sell for all; else the problem itself.

    Whoever buys from the grid at a price that all others pay as well may as well buy for them.
    """
    buy, sell = problem.buy[:, 0], problem.sell[:, 0]
    common = bool((problem.buy == buy[:, None]).all() and (problem.sell == sell[:, None]).all())
    if problem.one_meter or not common or not problem.inside.all():
        return problem
    one = replace(problem, one_meter=True, coupling_buy=buy, coupling_sell=sell)
    as_read = all(charge.reads == "wires" and not one.lost_share(charge) for charge in one.charges)
    return one if as_read and paying(one) else problem


def paying(problem: Problem) -> bool:
    """Whether sharing is always worth its losses and its fee, behind one meter."""
    pool = problem.pool
    return bool((problem.coupling_sell <= pool.efficiency * (problem.coupling_buy - pool.fee_per_kwh)).all())


def one_way(problem: Problem, plan: Plan) -> Problem:
    """The problem in which every shared battery goes the way that it went more in a plan, slot by slot."""
    stores, level = problem.stores, plan.level_kwh
    change = level - stores.keep * np.vstack([stores.start_kwh[None, :], level[:-1]]) + stores.drain_kwh
    charge, discharge = np.array(stores.charge_max_kwh), np.array(stores.discharge_max_kwh)
    for joint in problem.joints:
        upwards = change[:, joint.rows].sum(axis=1) >= 0
        charge[:, joint.rows] *= upwards[:, None]
        discharge[:, joint.rows] *= ~upwards[:, None]
    return replace(problem, stores=replace(stores, charge_max_kwh=charge, discharge_max_kwh=discharge))


def in_full(problem: Problem, duals: Duals) -> Duals:
    """Duals of the problem as told for the problem itself.

    Charges that no plan changes put no price on any slot, blocks of energy that nobody takes the lowest that they have;
    what no plan avoids bears what is left of a peak's rate.
    """
    peaks, tiers = ([counts(problem, charge) for charge in charges] for charges in (problem.peaks, problem.tiers))
    slots = problem.shape[0]
    peak, tier, tier_in = np.zeros((slots, len(peaks))), np.zeros(len(tiers)), np.zeros((slots, len(tiers)))
    peak[:, np.flatnonzero(peaks)] = duals.peak
    for p, charge in enumerate(problem.peaks):
        if own(charge):
            _add_rest(charge, _least(problem, charge), peak[:, p])
    for m, blocks in enumerate(problem.tiers):
        tier[m] = min(float(blocks.rate.min()), 0.0) * (blocks.reads == "residual")
    tier[np.flatnonzero(tiers)], tier_in[:, np.flatnonzero(tiers)] = duals.tier, duals.tier_in
    return replace(duals, peak=peak, tier=tier, tier_in=tier_in)


def _add_rest(peak: Peak, least: Array, borne: Array) -> None:
    """Adds what is left of the rate to the slot in which the most cannot be avoided."""
    at = int(np.argmax(least))
    if least[at] > peak.locked_kw:
        shares = np.divide(borne, peak.weight, out=np.zeros_like(borne), where=peak.weight > 0)
        borne[at] += max(peak.rate - float(shares.sum()), 0.0) * peak.weight[at]
