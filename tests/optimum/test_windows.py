"""Long horizons by windows: the plan is near the best one, and the certificate of the whole says how near."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from tests._communities import make_community
from tests.optimum.test_limits import behind, everybody, tiered

from commonwatt.flow import Pool, Prices, State
from commonwatt.optimum import highs, windows
from commonwatt.optimum.certificate import certify
from commonwatt.optimum.problem import build
from commonwatt.optimum.solve import solve

SLOTS = 600


def homes(seed, **parts):
    """Six days of members with batteries and vehicles behind one meter, dear evenings and cheap nights."""
    community = make_community(seed, members=5, slots=SLOTS)
    hour = np.arange(SLOTS) / 4 % 24
    buy = np.where((hour >= 17) & (hour < 21), 0.35, np.where(hour < 6, 0.15, 0.25))
    prices = replace(Prices.common(buy, 0.4 * buy, community.shape), one_meter=True, pool=Pool(efficiency=0.95))
    return build(community, prices, State.initial(community), p2p=True, curtail=True, **parts)


def charged(given):
    """A limit of all together, a charge on their peak, and blocks of the first member's energy."""
    peak = float(np.maximum(given.base_kwh.sum(axis=1), 0).max())
    given = tiered(behind(given, most_in=0.9 * peak), [50.0], [0.0, 0.05])
    return replace(given, peaks=(everybody(given, weight=4.0, rate=0.4),))


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(windows, "STEP", 96)
    monkeypatch.setattr(windows, "OVERLAP", 288)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("parts", [{}, {"stored_value": 0.8}], ids=["as full as before", "worth at the end"])
def test_where_slots_meet_in_stores_alone_the_plan_is_nearly_the_best(seed, parts):
    given = homes(seed, **parts)
    best = solve(given, 1e-6, engine="highs").certificate
    found = certify(given, windows.solve(given, 1e-6), 1e-3)[1]
    fine = 1e-6 * abs(best.cost)
    assert found.lower - fine <= best.cost <= found.cost + fine
    assert found.status == "proven"


def test_where_a_charge_spans_all_windows_the_bound_still_holds():
    given = charged(homes(1))
    best = solve(given, 1e-6, engine="highs").certificate
    solved = solve(given, 0.05, engine="windows").certificate
    fine = 1e-6 * abs(best.cost)
    assert solved.engine == "windows"
    assert solved.lower - fine <= best.cost <= solved.cost + fine
    assert solved.cost <= best.cost + 0.05 * abs(best.cost)


def test_windows_cover_the_horizon_once_and_look_beyond_what_they_add(monkeypatch):
    for slots in (1, 95, 288, 289, 383, 384, 600, 2880):
        found = windows._stretches(slots)
        assert found[0][0] == 0
        assert found[-1][1] == slots
        for (begin, end), (after, _) in itertools.pairwise(found):
            assert after - begin == windows.STEP
            assert end - after == windows.OVERLAP


def test_a_short_horizon_is_one_window():
    given = homes(0)
    given = replace(given.window(0, 96), stores=given.stores.window(0, 96))
    assert windows.solve(given, 1e-6).iterations == highs.solve(given, 1e-6).iterations
