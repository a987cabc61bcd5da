"""Storage that stands by, offered where buyers want more than sellers have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..exchange import LEAST_KWH
from ..flow import Pool, Positions


def offered(positions: Positions, pool: Pool) -> Positions:
    """The same with what members offer from storage, as the pool's terms ask for it."""
    rule, hours = pool.standby, positions.clock.hours
    if rule is None:
        return positions
    from ._calls import offers_in_turn

    short = positions.demand - positions.supply * pool.efficiency
    short = np.where(short > rule.threshold_kw * hours, short / pool.efficiency, 0.0)
    idle = np.maximum(positions.want_kwh, positions.have_kwh) <= LEAST_KWH
    most = np.inf if pool.most_kw is None else pool.most_kw * hours
    offers = offers_in_turn(positions.standby_kwh * idle, short, rule.share, most)
    return replace(positions, have_kwh=np.where(offers > 0, offers, positions.have_kwh))
