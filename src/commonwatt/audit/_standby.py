"""Storage that is called upon: what it could have given, who had to offer, and what came of it, from the records."""

from __future__ import annotations

import numpy as np

from ..exchange import DIGITS, LEAST_KWH
from ..flow import Array
from ..noun import over_members
from ._facts import Facts
from ._invariants import below, invariant


@invariant("S5")
def _called(f: Facts) -> Array | None:
    """What storage is called to deliver is sold and discharged at once, by who else neither buys nor sells."""
    if not f.calls:
        return None
    called = f["called_kwh"]
    residual = below(0.0, called) + below(called, f["sold_kwh"])
    given = f.now.flexibility.by_member(f["discharge_kwh"], f.members)
    mixed = abs(f["export_kwh"] - called) + f["import_kwh"] + below(called, given)
    return np.where(called > LEAST_KWH, residual + mixed, residual)


@invariant("S6")
def _offered(f: Facts) -> Array | None:
    """Storage is offered where buyers want more than sellers have, the fullest first, as far as the terms say."""
    rule, pool = f.terms.pool.standby, f.terms.pool
    if not f.calls or rule is None:
        return None
    export = f["export_kwh"] - f["called_kwh"]
    idle = (f["import_kwh"] <= LEAST_KWH) & (export <= LEAST_KWH) & f.record.access
    most = np.inf if pool.most_kw is None else pool.most_kw * f.hours
    wanted, sent = (over_members(np.minimum(kwh, most) * f.record.access) for kwh in (f["import_kwh"], export))
    short, standby = wanted - sent * f.efficiency, f.standby_kwh
    rank = np.argsort(-np.round(standby, DIGITS), axis=1, kind="stable")
    due = np.zeros(f.now.shape)
    for t in np.flatnonzero(short > rule.threshold_kw * f.hours).tolist():
        left = float(short[t]) / f.efficiency
        for n in rank[t, idle[t, rank[t]]].tolist():
            due[t, n] = min(rule.share * float(standby[t, n]), most, left)
            left -= due[t, n]
            if left <= 0:
                break
    return np.where(idle, f["ask_kwh"] - due, 0.0)
