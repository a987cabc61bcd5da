"""The joint plan in CVXPY, as a careful user writes it: whole tables at once, sparse sums, HiGHS behind it."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from commonwatt.optimum.problem import Problem

Array = NDArray[np.float64]


def missing() -> str:
    """Why it cannot be run; empty where it can."""
    return "" if importlib.util.find_spec("cvxpy") else "CVXPY is not installed (make peers installs it in .venv-peers)"


class Model:
    """Members with batteries, cars and shiftable load behind one meter; buying and selling prices are parameters."""

    def __init__(self, given: Problem) -> None:
        import cvxpy as cp
        from scipy import sparse

        self._cp = cp
        p, s, (slots, members) = given, given.stores, given.shape
        want, give, thrown = (cp.Variable((slots, members), nonneg=True) for _ in range(3))
        charge, discharge, level = (cp.Variable(s.shape, nonneg=True) for _ in range(3))
        taken, given_out, sent = (cp.Variable(slots, nonneg=True) for _ in range(3))
        self.buy, self.sell = cp.Parameter(slots, nonneg=True), cp.Parameter(slots, nonneg=True)
        count = s.shape[1]
        owns = sparse.csr_matrix((np.ones(count), (np.arange(count), s.owner)), shape=(count, members))
        moved = discharge - charge
        change = cp.multiply(s.gain, charge) - cp.multiply(np.tile(s.loss, (slots, 1)), discharge) - s.drain_kwh
        kept = np.tile(s.keep, (slots - 1, 1))
        cost = self.buy @ taken - self.sell @ given_out + p.pool.fee_per_kwh * p.pool.efficiency * cp.sum(sent)
        self.task = cp.Problem(cp.Minimize(cost), [
            want - give - thrown + moved @ owns == p.base_kwh, thrown <= p.curtail_max_kwh,
            charge <= s.charge_max_kwh, discharge <= s.discharge_max_kwh,
            level >= s.level_min_kwh, level <= s.level_max_kwh,
            level[0] == s.keep * s.start_kwh + change[0],
            level[1:] == cp.multiply(kept, level[:-1]) + change[1:],
            taken + p.pool.efficiency * sent == cp.sum(want, axis=1), given_out + sent == cp.sum(give, axis=1),
        ])  # fmt: skip
        self.buy.value, self.sell.value = p.coupling_buy, p.coupling_sell

    def solved(self, buy: Array | None = None, sell: Array | None = None) -> float:
        """The least cost at these prices [money]; a start from the last solution slows HiGHS down here, so none."""
        if buy is not None and sell is not None:
            self.buy.value, self.sell.value = buy, sell
        self.task.solve(solver=self._cp.HIGHS, warm_start=False)
        value: Any = self.task.value
        return float(value)
