"""The levels that a plan may not fall below, found again slot by slot: only where one did is there anything to find."""

from __future__ import annotations

import numpy as np

from ..flow import Array
from ._plan_facts import PlanFacts

LEAST = 1e-12
"""What is no more than rounding. [kWh]"""


def least_levels(f: PlanFacts) -> Array:
    """Least levels, let down to what is still reached by charging all one can. (T, K) [kWh]

    That of a battery where leakage and drain win; that of a vehicle where it was held back before this plan was made.
    """
    device, obliged = f.now.flexibility, f.now.flexibility.obliged
    least = device.level_min_kwh
    if (f.plan.level_kwh >= least - LEAST).all():
        return least
    reached = _charged(f, device.charge_kw, np.where(obliged, device.level_max_kwh, least))
    bound = np.broadcast_to(obliged & (f.now.clock.first == 0), least.shape)
    return np.where(bound, least, np.minimum(least, reached))


def final_levels(f: PlanFacts) -> Array:
    """What has to be left in each store at the end, as far as it can be reached; -inf where nothing has. (K,) [kWh]

    What it held when the run began, unless what is left has a worth; for what is obliged to charge, what it would hold
    if it charged as usual.
    """
    device = f.now.flexibility
    free = np.full(device.devices, -np.inf) if f.plan.stored_value is not None else device.level_start_kwh
    due: Array = np.where(device.obliged, -np.inf, free)
    if device.obliged.any():
        usual = _charged(f, device.usual_charge_kw, device.level_max_kwh, least=0.0)[-1]
        due = np.where(device.obliged, usual, due)
    due = np.where(device.terminal_value > 0, -np.inf, due)
    if (f.plan.level_kwh[-1] >= due - LEAST).all():
        return due
    reached: Array = np.minimum(due, _charged(f, device.charge_kw, device.level_max_kwh)[-1])
    return reached


def _charged(f: PlanFacts, power: Array, most: Array, least: float = -np.inf) -> Array:
    """Levels if every store charges with that power, up to `most`. (T, K) [kWh]"""
    device, found, level = f.now.flexibility, np.empty(f.plan.level_kwh.shape), f.level
    for t in range(len(found)):
        gained = power[t] * f.hours * device.charge_efficiency[t]
        level = level * (1.0 - device.leakage) - device.drain_kwh[t] + gained
        found[t] = level = np.maximum(np.minimum(level, most[t]), least)
    return found
