"""One model kept over windows and tariffs: the same optimum as with a new one, and less work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.optimum.test_robust import one_day

from commonwatt.optimum import highs
from commonwatt.optimum.reuse import Kept
from commonwatt.optimum.solve import solve


def rolled(given, by):
    """The same members some slots later, from another level."""
    turned = {name: np.roll(getattr(given, name), -by, axis=0) for name in ("load_kwh", "pv_kwh", "buy", "sell")}
    turned |= {name: np.roll(getattr(given, name), -by) for name in ("coupling_buy", "coupling_sell")}
    start = given.stores.start_kwh + 0.1 * by
    return replace(given, **turned, stores=replace(given.stores, start_kwh=start))


def tariffs(given, count):
    rng = np.random.default_rng(7)
    for _ in range(count):
        buy = rng.uniform(0.1, 0.4, given.shape[0])
        yield replace(given, coupling_buy=buy, coupling_sell=0.3 * buy)


@pytest.mark.parametrize("problems", [
    [rolled(one_day(), by) for by in range(4)], list(tariffs(one_day(), 4)),
], ids=["windows", "tariffs"])  # fmt: skip
def test_a_kept_model_finds_what_a_new_one_finds(problems):
    kept, steps = Kept(), [0, 0]
    for problem in problems:
        ours, theirs = solve(problem, 1e-9, kept=kept), solve(problem, 1e-9)
        assert ours.certificate.status == theirs.certificate.status == "proven"
        assert ours.certificate.cost == pytest.approx(theirs.certificate.cost, rel=1e-9)
        steps[0] += ours.certificate.iterations
        steps[1] += theirs.certificate.iterations
    assert kept.rebuilt == 1
    assert steps[0] < steps[1]


def test_a_problem_of_another_shape_is_built_anew():
    kept = Kept()
    for problem in (one_day(24), one_day(12), one_day(12, 3)):
        assert solve(problem, 1e-9, kept=kept).certificate.status == "proven"
    assert kept.rebuilt == 3


def test_the_same_problem_twice_is_no_work_and_the_same_cost():
    kept, given = Kept(), one_day()
    first, again = (solve(given, 1e-9, kept=kept).certificate for _ in range(2))
    assert again.cost == pytest.approx(first.cost, rel=1e-12)
    assert again.iterations < 0.8 * first.iterations
    assert highs.solve(given, 1e-9).iterations > 0
