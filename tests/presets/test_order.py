"""Planned with trade never costs more than planned without, and that never more than simple rules; at equal storage."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from commonwatt.flow import State
from commonwatt.limits import Limits
from commonwatt.optimum.bill import cost
from commonwatt.optimum.problem import build
from commonwatt.optimum.solve import solve
from commonwatt.optimum.upper import Feasible
from commonwatt.scenario import load
from commonwatt.simulate import simulate

HOMES, STEPS = 4, 24


def drawn(seed, share, **parts):
    """The preset on a few homes of a seed, a part of them in the shared battery, behind other limits."""
    study = load("trading_system")
    source = study.base.source.model_copy(update={"members": HOMES, "slots": STEPS})
    shared, own = study.base.devices
    devices = shared.model_copy(update={"share": share, "capacity_kwh": 12.0}), own
    base = study.base.model_copy(update={"seed": seed, "source": source, "devices": devices, **parts})
    return study.model_copy(update={"base": base}).scenarios()


def as_plan(problem, schedule):
    """What a rule did, as a plan of the problem."""
    return Feasible(
        charge_kwh=schedule.charge_kwh[:, problem.device], discharge_kwh=schedule.discharge_kwh[:, problem.device],
        level_kwh=schedule.level_kwh[:, problem.device], curtailed_kwh=schedule.curtailed_kwh[:, problem.member],
        unserved_kwh=schedule.unserved_kwh[:, problem.member],
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000), share=st.sampled_from([0.0, 0.4, 1.0]), fee=st.sampled_from([0.0, 0.01, 0.08]),
    import_kw=st.sampled_from([None, 0.5, 1.2, 3.0]), export_kw=st.sampled_from([None, 0.0, 2.0, 6.0]),
)  # fmt: skip
def test_optimum_with_trade_is_at_most_optimum_without_is_at_most_the_baseline(seed, share, fee, import_kw, export_kw):
    """On plan objectives: energy, fees and unserved load; final levels at least the baseline's."""
    limits = Limits(import_cap_kw=import_kw, export_cap_kw=export_kw)
    scenarios = drawn(seed, share, limits=limits)
    community = scenarios["baseline"].community()
    (window,) = simulate(scenarios["baseline"], community)
    pool = scenarios["optimised"].pool.model_copy(update={"fee_per_kwh": fee})
    prices = scenarios["optimised"].model_copy(update={"pool": pool}).prices(community)
    found = []
    for p2p in (False, True):
        problem = build(
            community, prices, State.initial(community), p2p=p2p, final_kwh=window.schedule.level_kwh[-1] - 1e-9
        )
        found.append(solve(problem).certificate.cost)
        if not p2p:
            baseline = cost(problem, as_plan(problem, window.schedule))
    tolerance = 1e-6 * max(1.0, abs(baseline))
    assert found[1] <= found[0] + tolerance
    assert found[0] <= baseline + tolerance


@settings(max_examples=8, deadline=None)
@example(seed=36, import_kw=1.5, export_kw=0.0)
@given(seed=st.integers(0, 10_000), import_kw=st.sampled_from([0.6, 1.5]), export_kw=st.sampled_from([0.0, 1.0]))
def test_both_runs_keep_the_limits_and_say_what_they_cut(seed, import_kw, export_kw):
    """Net flows within the limits; a plan that knows the future cuts nothing where no limit is reached."""
    scenarios = drawn(seed, 0.4, limits=Limits(import_cap_kw=import_kw, export_cap_kw=export_kw))
    known = scenarios["optimised"].model_copy(update={"forecast": scenarios["baseline"].forecast})
    for scenario in (*scenarios.values(), known):
        schedules = [window.schedule for window in simulate(scenario)]
        net = np.concatenate([(s.import_kwh - s.export_kwh).sum(axis=1) for s in schedules])
        assert net.max() <= import_kw + 1e-6
        assert -net.min() <= export_kw + 1e-6
        if scenario is scenarios["optimised"]:
            continue
        cut = np.concatenate([(s.unserved_kwh + s.curtailed_kwh).sum(axis=1) for s in schedules])
        tight = (net >= import_kw - 1e-6) | (-net >= export_kw - 1e-6)
        assert not cut[~tight].max(initial=0.0) > 1e-6
