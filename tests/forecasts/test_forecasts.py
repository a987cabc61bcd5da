"""Forecasters against hand-made days, and what they know of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests._communities import common, hand_made, make_community

from commonwatt.errors import MissingExtra
from commonwatt.flow import Streams
from commonwatt.forecasts.gradient_boosting import GradientBoosting
from commonwatt.forecasts.noisy import Noisy
from commonwatt.forecasts.perfect import Perfect
from commonwatt.forecasts.persistence import Persistence
from commonwatt.forecasts.seasonal_naive import SeasonalNaive

DAY = 24


def believed(forecast, community, start, stop):
    return forecast.outlook(community, common(0.3, 0.1, community), start, stop).community


def days(*loads):
    """One member with a constant load a day, hour by hour."""
    return hand_made(np.repeat(np.array(loads, dtype=float), DAY)[:, None])


def repeating(count, seed=0, members=2):
    """The same day again and again, with PV at noon."""
    rng, hour = np.random.default_rng(seed), np.arange(count * DAY) % DAY
    load = np.tile(rng.uniform(0.2, 2.0, (DAY, members)), (count, 1))
    pv = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0)[:, None] * np.arange(members)
    return replace(hand_made(load), pv_kw=pv)


# --- seasonal naive --------------------------------------------------------------------------------------------------


def test_the_mean_of_the_last_days_is_expected():
    community = days(1, 2, 6, 9)
    assert (believed(SeasonalNaive(history=2), community, 3 * DAY, 4 * DAY).load_kw == (2 + 6) / 2).all()
    assert (believed(SeasonalNaive(history=7), community, 3 * DAY, 4 * DAY).load_kw == (1 + 2 + 6) / 3).all()


def test_a_forecast_within_a_day_uses_the_hours_of_today_that_have_passed():
    community = days(1, 2, 6, 9)
    found = believed(SeasonalNaive(history=1), community, 2 * DAY + 5, 3 * DAY + 10).load_kw[:, 0]
    assert found[: DAY - 5].tolist() == [2.0] * (DAY - 5), "hours 5 to 23 were last seen a day ago"
    assert found[DAY - 5 : DAY].tolist() == [6.0] * 5, "hours 0 to 4 were seen today"
    assert found[DAY:].tolist() == [2.0] * 5, "two days ahead, the last day known"


def test_before_a_season_has_passed_the_mean_so_far_is_expected():
    community = hand_made(np.arange(30.0)[:, None])
    found = believed(SeasonalNaive(), community, 4, 30).load_kw[:, 0]
    assert found[:20].tolist() == [1.5] * 20
    assert found[20:24].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert not believed(SeasonalNaive(), community, 0, 8).load_kw.any()


def test_a_week_repeats_by_weekday():
    week = [1, 2, 3, 4, 5, 6, 7]
    community = days(*week, *week)
    found = believed(SeasonalNaive(season="week", history=1), community, 7 * DAY, 14 * DAY)
    assert np.array_equal(found.load_kw, community.load_kw[7 * DAY :])


def test_one_day_of_history_is_persistence_once_a_day_is_known():
    community = make_community(1)
    mine, theirs = (believed(f, community, 100, 110) for f in (SeasonalNaive(history=1), Persistence()))
    assert np.array_equal(mine.load_kw, theirs.load_kw)
    assert np.array_equal(mine.pv_kw, theirs.pv_kw)


# --- noisy -----------------------------------------------------------------------------------------------------------


def test_errors_grow_with_the_root_of_the_lead_and_are_unbiased():
    community = replace(hand_made(np.ones((30 * DAY, 40))), streams=Streams(5))
    noisy = Noisy(around="truth", error=0.02)
    found = np.stack([believed(noisy, community, start, start + DAY).load_kw for start in range(0, 29 * DAY, DAY)])
    off = found - 1.0
    spread = off.std(axis=(0, 2))
    np.testing.assert_allclose(spread, 0.02 * np.sqrt(np.arange(1, DAY + 1)), rtol=0.1)
    assert abs(off.mean()) < 0.005


def test_the_error_depends_on_time_not_on_the_number_of_slots():
    hourly = replace(hand_made(np.ones((DAY, 400))), streams=Streams(5))
    quarters = replace(hand_made(np.ones((4 * DAY, 400)), minutes=15), streams=Streams(6))
    noisy = Noisy(around="truth", error=0.05)
    by_hour, by_quarter = believed(noisy, hourly, 0, DAY), believed(noisy, quarters, 0, 4 * DAY)
    assert by_hour.load_kw[3].std() == pytest.approx(0.1, rel=0.15)
    assert by_quarter.load_kw[15].std() == pytest.approx(0.1, rel=0.15)


def test_noise_is_the_seeds_and_every_members_own():
    community = replace(make_community(1), streams=Streams(1))
    mine, again = (believed(Noisy(around="truth"), community, 10, 40) for _ in range(2))
    other = believed(Noisy(around="truth"), replace(community, streams=Streams(2)), 10, 40)
    assert np.array_equal(mine.load_kw, again.load_kw)
    assert not np.array_equal(mine.load_kw, other.load_kw)
    few = replace(
        community, names=community.names[:2], load_kw=community.load_kw[:, :2], pv_kw=community.pv_kw[:, :2],
        series={}, traits={}, flexibility=community.flexibility.kept(community.flexibility.owner < 2),
    )  # fmt: skip
    assert np.array_equal(believed(Noisy(around="truth"), few, 10, 40).load_kw, mine.load_kw[:, :2])


def test_only_around_the_truth_it_is_an_oracle():
    assert Noisy(around="truth").oracle
    assert not Noisy().oracle
    community = make_community(1)
    calm = Noisy(error=0.0)
    assert np.array_equal(
        believed(calm, community, 100, 110).load_kw, believed(Persistence(), community, 100, 110).load_kw
    )
    assert np.array_equal(
        believed(Noisy(error=0.0, around="truth"), community, 100, 110).pv_kw,
        believed(Perfect(), community, 100, 110).pv_kw,
    )


# --- gradient boosting -----------------------------------------------------------------------------------------------


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.ensemble", None)
    with pytest.raises(MissingExtra, match=r"gradient_boosting needs .* pip install 'commonwatt\[forecast\]'"):
        believed(GradientBoosting(), days(1, 2), 24, 48)


def test_it_learns_a_day_that_repeats():
    pytest.importorskip("sklearn.ensemble", reason="the extra [forecast] is not installed")
    community = repeating(20)
    found = believed(GradientBoosting(), community, 18 * DAY + 5, 19 * DAY + 5)
    truth = community.window(18 * DAY + 5, 19 * DAY + 5)
    assert np.abs(found.load_kw - truth.load_kw).mean() < 0.05
    assert np.abs(found.pv_kw - truth.pv_kw).mean() < 0.05
    assert not found.pv_kw[:, 0].any(), "who has no PV gets none"


def test_it_learns_what_averages_do_not_see():
    """A load that alternates from day to day: the mean of the last week is wrong every time."""
    pytest.importorskip("sklearn.ensemble", reason="the extra [forecast] is not installed")
    community = days(*[1, 3] * 15)
    start = 28 * DAY
    found, naive = (believed(f, community, start, start + DAY) for f in (GradientBoosting(), SeasonalNaive()))
    truth = community.load_kw[start : start + DAY]
    assert np.abs(found.load_kw - truth).mean() < 0.1
    assert np.abs(naive.load_kw - truth).mean() > 0.9


def test_in_the_first_days_it_is_seasonal_naive():
    pytest.importorskip("sklearn.ensemble", reason="the extra [forecast] is not installed")
    community = days(*range(1, 9))
    mine, theirs = (believed(f, community, 5 * DAY, 6 * DAY) for f in (GradientBoosting(), SeasonalNaive()))
    assert np.array_equal(mine.load_kw, theirs.load_kw)


def test_two_threads_or_one_give_the_same_bits():
    pytest.importorskip("sklearn.ensemble", reason="the extra [forecast] is not installed")
    from threadpoolctl import threadpool_limits

    from commonwatt.forecasts.gradient_boosting import _learnt

    found = []
    for threads in (1, 2):
        _learnt.cache_clear()
        with threadpool_limits(threads):
            found.append(believed(GradientBoosting(trees=10), repeating(12, members=3), 10 * DAY, 11 * DAY).load_kw)
    assert np.array_equal(*found)
