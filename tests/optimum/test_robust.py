"""What may go wrong: engines that break down or lie, no time, a stop, odd sizes, too tight limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests._communities import make_community, scenario
from tests.optimum._instances import Reference, instance, limited
from tests.optimum.test_limits import behind, everybody, near
from tests.optimum.test_small import battery, problem

from commonwatt.dispatch.community_optimal import CommunityOptimal
from commonwatt.errors import InfeasibleError
from commonwatt.flow import Prices, State
from commonwatt.markets.pool import CommunityPool
from commonwatt.optimum import highs, rule
from commonwatt.optimum.certificate import certify
from commonwatt.optimum.engine import Plan
from commonwatt.optimum.problem import build
from commonwatt.optimum.solve import ENGINES, solve
from commonwatt.run import run
from commonwatt.watch import Watch


def one_day(slots=24, members=4, seed=1):
    """A day that takes HiGHS a while: a community with batteries, a peak to shave, limits."""
    rng = np.random.default_rng(seed)
    store = battery(slots, tuple(range(members)), capacity=5.0, power=2.0, charge_efficiency=0.95)
    given = problem(rng.uniform(-3, 3, (slots, members)), rng.uniform(0.1, 0.4, slots), np.full(slots, 0.05), store,
                    p2p=True, one_meter=True)  # fmt: skip
    return behind(replace(given, peaks=(everybody(given, rate=0.5),)), most_in=4.0 * members, most_out=1.5 * members)


# --- engines that fail -----------------------------------------------------------------------------------------------


def breaks_down(*_):
    raise FloatingPointError("overflow")


def says_nan(given, *_):
    plan = Plan.rest(given, "dp", "optimal")
    return replace(plan, level_kwh=np.full(plan.level_kwh.shape, np.nan))


def boasts(given, *_):
    return Plan.rest(given, "dp", "optimal")


@pytest.mark.parametrize(("engine", "said"), [
    (breaks_down, "proven; dp: failed (FloatingPointError: overflow)"), (says_nan, "proven; dp: optimal"),
    (boasts, "proven; dp: optimal"),
])  # fmt: skip
def test_where_an_engine_fails_highs_is_asked_and_the_certificate_says_so(engine, said, monkeypatch):
    given = problem([[1], [3]], [0.1, 0.3], [0.0, 0.0], battery(2))
    right = solve(given).certificate
    monkeypatch.setitem(ENGINES, "dp", engine)
    solved = solve(given, 1e-9)
    assert solved.certificate.engine == "highs"
    assert solved.certificate.status == said
    assert solved.certificate.cost == pytest.approx(right.cost)
    np.testing.assert_allclose(solved.level_kwh, solve(given, engine="highs").level_kwh)


def test_where_all_fail_the_rule_is_followed_and_nothing_is_claimed(monkeypatch):
    given = one_day()
    monkeypatch.setitem(ENGINES, "highs", breaks_down)
    proof = solve(given).certificate
    assert np.isfinite(proof.cost)
    assert proof.status.startswith("open")


def test_an_engine_that_does_not_suit_is_not_believed():
    given = one_day()
    proof = solve(given, engine="dp").certificate
    assert proof.status == "proven; dp: optimal"
    assert proof.cost == pytest.approx(solve(given).certificate.cost)


def test_the_rule_keeps_every_bound_and_is_never_better_than_the_optimum():
    for seed in range(60):
        given = limited(seed)
        _, proof = certify(given, rule.solve(given, 1e-6), 1e-6)
        best = solve(given, 1e-6).certificate
        if np.isfinite(proof.cost):
            assert proof.cost >= best.lower - near(given, best.cost), seed
    given = one_day()
    asked = solve(given, engine="rule").certificate
    assert asked.engine == "rule"
    assert asked.cost >= solve(given).certificate.cost


# --- time and stops --------------------------------------------------------------------------------------------------


def test_a_stop_leaves_a_certified_plan_or_ends_the_run():
    given, asked = one_day(96, 8), []

    def stop():
        asked.append(1)
        return True

    solved = solve(given, 1e-9, watch=Watch(cancel=stop))
    assert asked
    assert solved.certificate.status.startswith("open (cancelled")
    assert np.isfinite(solved.certificate.cost)
    assert solved.certificate.cut_short

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(given, 1e-9, watch=Watch(cancel=interrupted))


def test_a_long_solve_tells_how_far_it_is():
    told = []
    solve(one_day(96, 8), 1e-9, watch=Watch(progress=lambda steps, gap: told.append(steps)))
    assert len(told) > 1
    assert sorted(told)[-1] > 100


def test_a_run_whose_planner_was_stopped_still_closes_its_books():
    community = make_community(2)
    document = scenario(dispatch=CommunityOptimal(), market=CommunityPool())
    result = run(document, community=community, watch=Watch(cancel=lambda: True))
    assert result.solver["status"].startswith("open (cancelled")
    assert result.verdict.holds


@pytest.mark.parametrize("seconds", [0.001, 0.1])
def test_no_time_leaves_a_certified_plan(seconds):
    proof = solve(one_day(96, 8), 1e-9, seconds).certificate
    assert np.isfinite(proof.cost)
    assert proof.lower <= proof.cost


# --- odd problems ----------------------------------------------------------------------------------------------------


def check(given):
    proof, best = solve(given, 1e-6).certificate, Reference(given).solve()
    assert proof.status == "proven"
    assert proof.lower <= best + near(given, best)
    assert proof.cost == pytest.approx(best, abs=near(given, best))
    return proof


def test_nothing_at_all():
    assert check(problem(np.zeros((3, 2)), [0.2] * 3, [0.1] * 3, p2p=True)).cost == 0
    assert check(problem(np.zeros((3, 2)), [0.0] * 3, [0.0] * 3, battery(3, (0, 1)), p2p=True)).cost == 0
    assert check(problem([[1.0], [2.0]], [0.0] * 2, [0.0] * 2, battery(2))).cost == 0


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1e3, 1e6])
def test_units_do_not_matter(unit):
    for seed in (3, 5, 8, 13):
        small = check(limited(seed, scale=1.0))
        large = limited(seed, scale=unit)
        assert solve(large, 1e-6).certificate.status == "proven", seed
        assert check(large).cost == pytest.approx(small.cost * unit, rel=1e-4, abs=near(large, small.cost * unit))


def test_no_pv_no_battery_and_ties():
    flat = problem([[1, 1], [1, 1], [1, 1]], [0.2] * 3, [0.2] * 3, battery(3, (0, 1)), p2p=True)
    assert check(flat).cost == pytest.approx(1.2)
    assert check(problem([[1, 1]], [0.2], [0.1])).cost == pytest.approx(0.4)


def test_limits_of_nothing():
    """Not a kWh in or out: each slot lives on what is there."""
    given = problem([[2, -3], [2, 0]], [0.3] * 2, [0.1] * 2, battery(2, (1,), soc_start=0.0), p2p=True)
    given = behind(given, 0.0, 0.0)
    proof = check(given)
    assert proof.cost == pytest.approx((2 - 1) * 5)


def test_equal_members_get_equal_plans_in_any_order():
    given = one_day()
    twice = solve(given), solve(given)
    assert np.array_equal(twice[0].level_kwh, twice[1].level_kwh)
    community = make_community(6)
    prices = Prices.common(0.3, 0.1, community.shape)
    first = solve(build(community, prices, State.initial(community), p2p=True))
    again = solve(build(community, prices, State.initial(community), p2p=True))
    assert np.array_equal(first.charge_kwh, again.charge_kwh)


def test_what_cannot_be_is_told_before_anything_is_solved(monkeypatch):
    monkeypatch.setitem(ENGINES, "highs", breaks_down)
    late = battery(3, soc_start=0.0, power=1.0)
    low = np.zeros((3, 1))
    low[2] = 3.5
    late = replace(late, level_min_kwh=low, obliged=np.array([True]), kind=np.array(["vehicle"]))
    given = problem([[1]] * 3, [0.2] * 3, [0.1] * 3, late, p2p=True)
    with pytest.raises(InfeasibleError, match=r"vehicle of member_1 cannot reach 3.5 kWh"):
        solve(given)


def test_infeasible_random_problems_name_a_conflict():
    """Limits shrunk and no load to leave unserved: what cannot be is named, and what is not named can be."""
    named = 0
    for seed in range(40):
        given = instance(seed, scale=1.0)
        given = replace(behind(given, 0.2, 0.2), unserved_max_kwh=np.zeros(given.shape), curtail=False)
        best = Reference(given).solve()
        if np.isfinite(best):
            assert solve(given, 1e-6).certificate.status == "proven", seed
        else:
            with pytest.raises(InfeasibleError, match=r"no plan (keeps|was found)"):
                solve(given)
            named += 1
    assert named > 5
    assert highs.solve(given, 1e-6).engine == "highs"
