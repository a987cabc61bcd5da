"""What one problem leaves to the next: the same optimum in less work, and of tariffs on one community the same bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.optimum.test_robust import one_day
from tests.optimum.test_small import battery, problem

from commonwatt.optimum import highs, reuse
from commonwatt.optimum.certificate import certify
from commonwatt.optimum.reuse import Kept, Sweep
from commonwatt.optimum.solve import solve
from commonwatt.pool import Pool
from commonwatt.scenario import Study
from commonwatt.store import read_manifest
from commonwatt.studies import run_study


def rolled(given, by):
    """The same members some slots later, from another level."""
    turned = {name: np.roll(getattr(given, name), -by, axis=0) for name in ("load_kwh", "pv_kwh", "buy", "sell")}
    turned |= {name: np.roll(getattr(given, name), -by) for name in ("coupling_buy", "coupling_sell")}
    start = given.stores.start_kwh + 0.1 * by
    return replace(given, **turned, stores=replace(given.stores, start_kwh=start))


def tariffs(given, count):
    """The same members at other prices, and at one price all day, where many plans are best."""
    rng = np.random.default_rng(7)
    for number in range(count):
        slots = given.shape[0]
        buy = np.full(slots, 0.3) if number == 1 else rng.uniform(0.1, 0.4, slots)
        yield replace(given, coupling_buy=buy, coupling_sell=0.3 * buy)


def equals(slots=24, members=4):
    """Members who are all alike: whoever plans for them has a choice."""
    net = np.repeat(np.random.default_rng(3).uniform(-2, 2, (slots, 1)), members, axis=1)
    store = battery(slots, tuple(range(members)), capacity=4.0, power=2.0, charge_efficiency=0.95)
    return problem(net, np.full(slots, 0.3), np.full(slots, 0.1), store, p2p=True, one_meter=True)


def bits(solved):
    """All of a plan, its shadow prices included."""
    proof = solved.certificate
    tables = (solved.level_kwh, solved.charge_kwh, solved.discharge_kwh, solved.curtailed_kwh, solved.unserved_kwh,
              proof.energy_price, proof.stored_price, proof.limit_price)  # fmt: skip
    return [table.tobytes() for table in tables], proof.cost, proof.lower, proof.status, proof.iterations


# --- windows that roll on ---------------------------------------------------------------------------------------------


def test_a_kept_model_finds_what_a_new_one_finds():
    kept, steps = Kept(), [0, 0]
    for by in range(4):
        given = rolled(one_day(), by)
        ours, theirs = solve(given, 1e-9, kept=kept), solve(given, 1e-9, kept=highs.solve)
        assert ours.certificate.status == theirs.certificate.status == "proven"
        assert ours.certificate.cost == pytest.approx(theirs.certificate.cost, rel=1e-9)
        steps[0] += ours.certificate.iterations
        steps[1] += theirs.certificate.iterations
    assert kept.rebuilt == 1
    assert steps[0] < steps[1]


def test_a_problem_of_another_shape_is_built_anew():
    kept = Kept()
    for given in (one_day(24), one_day(12), one_day(12, 3)):
        assert solve(given, 1e-9, kept=kept).certificate.status == "proven"
    assert kept.rebuilt == 3


def test_the_same_problem_twice_is_no_work_and_the_same_cost():
    kept, given = Kept(), one_day()
    first, again = (solve(given, 1e-9, kept=kept).certificate for _ in range(2))
    assert again.cost == pytest.approx(first.cost, rel=1e-12)
    assert again.iterations < 0.8 * first.iterations
    assert highs.solve(given, 1e-9).iterations > 0


# --- tariffs on one community -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [one_day(96), equals()], ids=["limits", "equals"])
def test_all_tariffs_start_from_one_place_and_reach_the_optimum(given):
    sweep, steps = Sweep(), [0, 0]
    for priced in tariffs(given, 5):
        ours, theirs = (certify(priced, engine(priced, 1e-9), 1e-9)[1] for engine in (sweep, highs.solve))
        assert ours.status == theirs.status == "proven"
        assert ours.cost == pytest.approx(theirs.cost, rel=1e-9)
        steps[0] += ours.iterations
        steps[1] += theirs.iterations
    assert sweep.prepared == 1
    assert steps[0] < 0.7 * steps[1]


@pytest.mark.parametrize("given", [one_day(), equals()], ids=["limits", "equals"])
def test_no_bit_of_a_plan_depends_on_what_was_planned_before(given):
    priced = list(tariffs(given, 5))
    alone = [bits(solve(one, 1e-9)) for one in priced]
    for order in (range(5), range(4, -1, -1), (2, 2, 0, 1, 4, 3)):
        sweep = Sweep()
        for k in order:
            assert bits(solve(priced[k], 1e-9, kept=sweep)) == alone[k], (k, order)


def test_whatever_has_a_price_may_change_and_nothing_else():
    given, sweep = one_day(), Sweep()
    dearer = replace(given, peaks=tuple(replace(peak, rate=2.0 * peak.rate) for peak in given.peaks))
    worn = replace(given, stores=replace(given.stores, wear=given.stores.wear + 0.01))
    taxed = replace(given, pool=Pool(efficiency=given.pool.efficiency, fee_per_kwh=0.01), unserved_price=7.0)
    for same in (given, dearer, worn, taxed):
        sweep(same, 1e-9)
    assert sweep.prepared == 1
    lossy = replace(given, pool=Pool(efficiency=0.9))
    emptier = replace(given, stores=replace(given.stores, start_kwh=0.9 * given.stores.start_kwh))
    for other in (replace(given, load_kwh=1.01 * given.load_kwh), lossy, emptier):
        sweep(other, 1e-9)
    assert sweep.prepared == 4


def test_a_place_to_start_from_that_was_forgotten_is_found_again(monkeypatch):
    monkeypatch.setattr(reuse, "MOST", 1000)
    pair, sweep = [one_day(), one_day(seed=2)], Sweep()
    first = [bits(solve(given, 1e-9, kept=sweep)) for given in pair]
    assert [bits(solve(given, 1e-9, kept=sweep)) for given in pair] == first
    assert sweep.prepared == 4


def test_within_a_limit_of_time_nothing_is_prepared():
    sweep, given = Sweep(), one_day()
    plan = sweep(given, 1e-9, seconds=600.0)
    assert sweep.prepared == 0
    np.testing.assert_array_equal(plan.level_kwh, highs.solve(given, 1e-9).level_kwh)


def test_a_search_that_was_stopped_leaves_nothing_behind():
    sweep, given = Sweep(), one_day(192, 8)
    alone = bits(solve(given, 1e-9))
    assert sweep(given, 1e-9, cancel=lambda: True).status == "cancelled"
    assert bits(solve(given, 1e-9, kept=sweep)) == alone


# --- studies ----------------------------------------------------------------------------------------------------------


def study(names):
    """One community under some tariffs."""
    kinds = {
        "flat": {"kind": "flat"}, "low": {"kind": "time_of_use", "export_ratio": 0.1},
        "peak": {"kind": "demand_charge"},
    }  # fmt: skip
    document = {
        "kind": "study",
        "base": {"source": {"kind": "sample", "members": 4, "slots": 48}, "dispatch": {"kind": "community_optimal"},
                 "devices": [{"kind": "shiftable_load", "share": 0.1}], "regret": True},
        "axes": {"tariff": [kinds[name] for name in names], "market": [{"kind": "pool"}, {"kind": "none"}]},
    }  # fmt: skip
    return Study.model_validate(document)


def kept_files(given, folder):
    """What a study keeps of each run, by identity: bills, and the checksums of all tables."""
    found = {}
    runs = run_study(given, series=folder).runs.values()
    for run, place in zip(runs, sorted(folder.iterdir()), strict=True):
        files = read_manifest(place)["files"]
        tables = {name: files[name] for name in files if name.endswith((".parquet", ".csv"))}
        found[run.identity] = run.bills.tobytes(), run.summary()["solver"], run.metrics["regret"], tables
    return found


def test_a_run_alone_has_the_bits_of_one_in_any_study(tmp_path):
    """Nor do further processes change any: tests/test_workers.py."""
    names = ("flat", "low", "peak")
    whole = kept_files(study(names), tmp_path / "whole")
    assert len(whole) == 2 * len(names)
    assert kept_files(study(names[::-1]), tmp_path / "reversed") == whole
    for identity, alone in kept_files(study(("low",)), tmp_path / "alone").items():
        assert alone == whole[identity]
