"""The calibrated community: like metered homes in its figures, and the same home whoever else is asked for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from commonwatt.clock import Clock
from commonwatt.flow import Community
from commonwatt.habits.driving import Stays, stays
from commonwatt.habits.weeks import slot_at, weeks
from commonwatt.noun import Array
from commonwatt.sources._appliances import HOURS_OF_YEAR, mean_household
from commonwatt.sources._climates import CLIMATES, ClimateName
from commonwatt.sources._sky import Sky, erbs, sky
from commonwatt.sources._statistics import coincidence, hourly, lag_correlation, pair_correlation, variation
from commonwatt.sources._steps import Steps
from commonwatt.sources.synthetic import Synthetic
from commonwatt.streams import Streams

DAY = 96
YEAR = Synthetic(members=40, days=364, start=date(2025, 1, 6), zone="Etc/GMT-1")


def built(seed: int = 1, **fields: Any) -> Community:
    return Synthetic(**fields).community(Streams(seed))


@pytest.fixture(scope="module")
def year() -> Community:
    return YEAR.community(Streams(3))


def median(figure: Any, profiles: Array) -> float:
    return float(np.median([figure(profiles[:, n]) for n in range(profiles.shape[1])]))


def test_figures_by_hand() -> None:
    profiles = np.array([[1.0, 3.0], [3.0, 1.0], [1.0, 3.0], [3.0, 1.0]])
    assert lag_correlation(profiles[:, 0]) == pytest.approx(-1)
    assert lag_correlation(profiles[:, 0], 2) == pytest.approx(1)
    assert variation(profiles[:, 0]) == pytest.approx(0.5)
    assert pair_correlation(profiles) == pytest.approx(-1)
    assert coincidence(profiles) == pytest.approx(4 / 6)
    assert hourly(profiles, 2).tolist() == [[2.0, 2.0], [2.0, 2.0]]


# --- sky -------------------------------------------------------------------------------------------------------------


def year_of_sky(climate: ClimateName, seed: int) -> Sky:
    clock = Synthetic(days=365, start=date(2025, 1, 1), zone="UTC", members=1)._clock()
    steps = Steps.of(clock)
    return sky(CLIMATES[climate], steps.utc, steps.number, Streams(seed))


def sky_figures(view: Sky) -> list[float]:
    """GHI [kWh/m2], mean, standard deviation and persistence of daily clearness, mean and 95 % of quarterly ramps."""
    clear, index = view.clear_w_m2, view.clearness()
    lit = (view.sun[2] > 0.1).reshape(-1, DAY)
    ghi, clear = (index * clear).reshape(-1, DAY), clear.reshape(-1, DAY)
    daily = (ghi * lit).sum(axis=1) / (clear * lit).sum(axis=1)
    ramp = np.abs(np.diff(np.where(lit, index.reshape(-1, DAY), np.nan), axis=1))
    ramp = ramp[~np.isnan(ramp)]
    return [ghi.sum() / 4000, daily.mean(), daily.std(), lag_correlation(daily), ramp.mean(), np.quantile(ramp, 0.95)]


@pytest.mark.parametrize(
    ("climate", "measured"),
    [
        ("temperate_oceanic", (990, 0.531, 0.253, 0.098, 0.341)),
        ("mediterranean", (1478, 0.687, 0.291, 0.068, 0.336)),
    ],
)
def test_sky_is_as_bright_as_variable_and_as_persistent_as_measured(
    climate: ClimateName, measured: tuple[float, ...]
) -> None:
    figures = np.mean([sky_figures(year_of_sky(climate, seed)) for seed in range(8)], axis=0)
    ghi, mean, spread, persistence, ramp, high_ramp = figures
    assert ghi == pytest.approx(measured[0], rel=0.05)
    assert mean == pytest.approx(measured[1], rel=0.06)
    assert spread == pytest.approx(measured[2], rel=0.15)
    assert 0.22 < persistence < 0.45
    assert ramp == pytest.approx(measured[3], rel=0.25)
    assert high_ramp == pytest.approx(measured[4], rel=0.25)


def test_sun_stands_where_the_almanac_says() -> None:
    view = year_of_sky("temperate_oceanic", 0)
    highest = np.degrees(np.arcsin(view.sun[2].reshape(-1, DAY).max(axis=1)))
    assert highest[171] == pytest.approx(90 - 51.296 + 23.44, abs=0.1)  # 21 June
    assert highest[354] == pytest.approx(90 - 51.296 - 23.44, abs=0.1)  # 21 December
    assert np.linalg.norm(view.sun, axis=0) == pytest.approx(np.ones(view.sun.shape[1]))
    noon = view.sun[1].reshape(-1, DAY)[:, 40:56].mean()
    morning, evening = view.sun[0].reshape(-1, DAY)[:, 30].mean(), view.sun[0].reshape(-1, DAY)[:, 66].mean()
    assert noon < 0 < morning
    assert evening < 0


def test_diffuse_part_falls_with_clearness() -> None:
    assert erbs(np.array([0.0, 0.22, 0.8, 1.2])) == pytest.approx([1.0, 0.98, 0.165, 0.165], abs=0.01)


def test_temperature_follows_season_hour_and_clearness() -> None:
    community = built(days=365, start=date(2025, 1, 1), zone="UTC", members=1)
    air = community.signals["temperature_c"].reshape(-1, DAY)
    assert air.mean() == pytest.approx(11.4, abs=1.0)
    assert air[182:212].mean() - air[:30].mean() == pytest.approx(16.6, abs=4.0)
    assert np.all(air[:, 60].mean() > air[:, 12].mean())


# --- photovoltaics ---------------------------------------------------------------------------------------------------


def test_pv_yields_are_central_european_and_roofs_share_their_sky(year: Community) -> None:
    owners = year.traits["pv_kwp"] > 0
    specific = year.pv_kw[:, owners].sum(axis=0) / 4 / year.traits["pv_kwp"][owners]
    assert 750 < np.median(specific) < 1050
    assert np.all((specific > 500) & (specific < 1150))
    assert pair_correlation(hourly(year.pv_kw[:, owners], 4)) == pytest.approx(0.93, abs=0.05)
    assert np.all(year.pv_kw[:, ~owners] == 0)
    assert np.all(year.pv_kw <= year.traits["pv_kwp"] / 1.2 + 1e-9)
    assert np.all(year.pv_kw >= 0)


# --- load ------------------------------------------------------------------------------------------------------------


def test_a_load_is_as_rough_and_as_peaky_as_metered_homes(year: Community) -> None:
    load, by_hour = year.load_kw, hourly(year.load_kw, 4)
    assert 0.65 < median(lag_correlation, load) < 0.9
    assert 0.75 < median(variation, load) < 1.2
    assert 0.25 < median(lambda x: variation(x.reshape(-1, DAY).mean(axis=1)), load) < 0.65
    assert 0.36 < median(lag_correlation, by_hour) < 0.76
    assert 7 < median(lambda x: float(x.max() / x.mean()), load) < 18
    assert 3.5 < median(lambda x: float(np.quantile(x, 0.99) / x.mean()), load) < 6
    assert 0.55 < median(lambda x: float(np.median(x) / x.mean()), load) < 0.85
    assert 0.2 < median(lambda x: float(np.abs(np.diff(x)).mean() / x.mean()), load) < 0.43
    assert load.min() > 0


def test_homes_are_alike_only_in_part(year: Community) -> None:
    by_hour = hourly(year.load_kw, 4)[:, :17]
    assert 0.11 < pair_correlation(by_hour) < 0.3
    assert 0.3 < coincidence(by_hour) < 0.55


def test_a_home_uses_its_yearly_energy(year: Community) -> None:
    used = year.load_kw.mean(axis=0) * HOURS_OF_YEAR / year.traits["annual_load_kwh"]
    assert used.mean() == pytest.approx(1.0, abs=0.05)
    assert used == pytest.approx(np.ones(used.size), abs=0.2)


def test_all_homes_together_follow_the_standard_profile(year: Community) -> None:
    together = year.load_kw.sum(axis=1)
    local = year.clock.stamps[:-1]
    quarter = (year.clock.hour * 4).astype(np.int64)
    expected = mean_household(local.astype("M8[D]"), quarter)
    assert np.corrcoef(together, expected)[0, 1] > 0.65
    by_day = [x.reshape(-1, DAY).mean(axis=0) for x in (together, expected)]
    assert np.corrcoef(*by_day)[0, 1] > 0.98
    assert expected.mean() == pytest.approx(1.0, abs=0.01)


def test_mean_household_knows_seasons_and_sundays() -> None:
    quarter = np.arange(DAY)
    winter, summer = (mean_household(np.datetime64(day), quarter) for day in ("2025-01-15", "2025-07-16"))
    sunday = mean_household(np.datetime64("2025-01-19"), quarter)
    assert winter.mean() > 1.2 * summer.mean()
    assert np.argmax(winter) < np.argmax(summer)
    assert sunday[46:50].mean() > 1.3 * winter[46:50].mean()
    mild = mean_household(np.datetime64("2025-01-15"), quarter, 0.5)
    assert summer.mean() < mild.mean() < winter.mean()


# --- vehicles --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def charging() -> tuple[Stays, int]:
    number = weeks(np.datetime64("2025-01-06"), np.datetime64("2025-12-28"), after=1)
    return stays(Streams(1), list(range(120)), number), 7 * (len(number) - 1)


def test_vehicles_charge_as_a_cooperative_did(charging: tuple[Stays, int]) -> None:
    found, days = charging
    hour, stay = found.arrival_h % 24, found.departure_h - found.arrival_h
    assert np.median(found.energy_kwh) == pytest.approx(8.2, rel=0.15)
    assert np.quantile(found.energy_kwh, 0.95) == pytest.approx(31, rel=0.15)
    assert abs(int(np.bincount(hour.astype(np.int64)).argmax()) - 16) <= 1
    assert np.median(stay[hour >= 15]) == pytest.approx(12.3, rel=0.15)
    assert np.corrcoef(stay, found.energy_kwh)[0, 1] == pytest.approx(0.33, abs=0.1)
    assert np.median(1 - found.energy_kwh / 3.6 / stay) == pytest.approx(0.68, abs=0.1)
    yearly = np.bincount(found.owner, found.energy_kwh) / days * 365
    assert yearly.mean() == pytest.approx(2570, rel=0.2)
    assert yearly.std() == pytest.approx(1280, rel=0.3)
    assert hour.size / 120 / days == pytest.approx(0.63, abs=0.07)


def test_a_vehicle_is_in_one_session_at_a_time_and_can_be_served(charging: tuple[Stays, int]) -> None:
    found, _ = charging
    same = found.owner[1:] == found.owner[:-1]
    assert np.all(found.arrival_h[1:][same] > found.departure_h[:-1][same])
    assert np.all(found.energy_kwh <= found.power_kw * (found.departure_h - found.arrival_h))
    assert np.all(found.energy_kwh > 0)


def test_vehicles_become_devices() -> None:
    community = built(ev_share=0.5, days=14, v2g_kw=3.0)
    device = community.flexibility
    vehicle = device.kind == "vehicle"
    assert 4 <= vehicle.sum() <= 5
    assert device.discharge_kw[:, vehicle].max() == pytest.approx(3.0)
    assert device.usual_charge_kw[:, vehicle].sum() > 0
    assert np.all(device.usual_charge_kw <= device.charge_kw + 1e-9)
    usual, drained = (device.usual_charge_kw * community.clock.hours, device.drain_kwh)
    held_at_end = (usual - drained).sum(axis=0)
    assert np.all((held_at_end > -1e-9) & (held_at_end <= device.capacity_kwh + 1e-9))


# --- the same home, whoever else is asked for ------------------------------------------------------------------------


def assert_same(a: Community, b: Community, slots: int, members: int) -> None:
    assert a.names[:members] == b.names[:members]
    for x, y in ((a.load_kw, b.load_kw), (a.pv_kw, b.pv_kw)):
        assert np.array_equal(x[:slots, :members], y[:slots, :members])
    for name in a.signals:
        assert np.array_equal(a.signals[name][:slots], b.signals[name][:slots])
    for name in a.traits:
        assert np.array_equal(a.traits[name][:members], b.traits[name][:members])


def test_same_seed_same_bytes_other_seed_other_homes() -> None:
    one, two, three = built(1, ev_share=0.5), built(1, ev_share=0.5), built(2, ev_share=0.5)
    assert_same(one, two, 672, 10)
    assert np.array_equal(one.flexibility.usual_charge_kw, two.flexibility.usual_charge_kw)
    assert not np.array_equal(one.load_kw, three.load_kw)
    assert not np.array_equal(one.pv_kw, three.pv_kw)


def test_more_members_change_no_home() -> None:
    few, many = built(members=10, ev_share=0.4), built(members=31, ev_share=0.4)
    assert_same(few, many, 672, 10)
    mine = many.flexibility.owner < 10
    assert np.array_equal(few.flexibility.owner, many.flexibility.owner[mine])
    assert np.array_equal(few.flexibility.usual_charge_kw, many.flexibility.usual_charge_kw[:, mine])
    assert np.array_equal(few.flexibility.capacity_kwh, many.flexibility.capacity_kwh[mine])


@pytest.mark.parametrize("start", [date(2025, 6, 2), date(2025, 10, 22)])
def test_a_longer_run_begins_with_the_same_week(start: date) -> None:
    week, month = built(start=start, ev_share=1.0), built(start=start, ev_share=1.0, days=30)
    assert_same(week, month, week.clock.slots, 10)
    names = [[f"{k}{o}" for k, o in zip(c.flexibility.kind, c.flexibility.owner, strict=True)] for c in (week, month)]
    there = [names[1].index(name) for name in names[0]]
    for table in ("charge_kw", "usual_charge_kw", "level_max_kwh"):
        short, long = (getattr(c.flexibility, table)[: week.clock.slots] for c in (week, month))
        assert np.array_equal(short, long[:, there])


def test_a_week_is_the_same_wherever_the_run_starts() -> None:
    week, month = built(start=date(2025, 6, 16)), built(start=date(2025, 6, 2), days=30)
    later = slice(14 * DAY, 21 * DAY)
    assert week.load_kw == pytest.approx(month.load_kw[later], rel=1e-9, abs=1e-9)
    assert week.pv_kw == pytest.approx(month.pv_kw[later], rel=1e-9, abs=1e-9)


def test_pv_vehicles_and_batteries_do_not_change_the_load_nor_the_sky() -> None:
    plain, full = built(pv_share=0.0), built(pv_share=1.0, ev_share=1.0, battery_share=1.0, pv_max_kwp=12.0)
    large = built(pv_share=1.0, load_max_kwh=9000.0, pv_max_kwp=12.0)
    assert np.array_equal(plain.load_kw, full.load_kw)
    assert plain.pv_kw.sum() == 0
    assert np.array_equal(full.pv_kw, large.pv_kw)
    assert plain.flexibility.devices == 0


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [5, 10, 30, 60])
def test_any_slot_length_holds_the_same_energy(minutes: int) -> None:
    usual, other = built(), built(slot_minutes=minutes)
    assert other.clock.slots == 7 * 1440 // minutes
    daily = [c.load_kw.reshape(7, -1, 10).sum(axis=1) * c.clock.hours for c in (usual, other)]
    assert daily[0] == pytest.approx(daily[1], rel=1e-9)
    made = [c.pv_kw.sum(axis=0) * c.clock.hours for c in (usual, other)]
    assert made[0] == pytest.approx(made[1], rel=1e-9 if minutes % 15 == 0 else 5e-3)


@pytest.mark.parametrize(("start", "slots"), [(date(2025, 3, 24), 668), (date(2025, 10, 20), 676)])
def test_days_follow_the_wall_clock_and_the_sun_does_not(start: date, slots: int) -> None:
    local, steady = built(start=start), built(start=start, zone="Etc/GMT-1" if slots < 672 else "Etc/GMT-2")
    assert local.clock.slots == slots
    same = min(slots, 672)
    assert np.array_equal(local.pv_kw[:same], steady.pv_kw[:same])
    evening = local.clock.stamps[:-1] >= np.datetime64(start + timedelta(days=6), "s") + np.timedelta64(20, "h")
    at_home = steady.clock.stamps[:-1] >= np.datetime64(start + timedelta(days=6), "s") + np.timedelta64(20, "h")
    assert np.array_equal(local.load_kw[evening], steady.load_kw[at_home])


def test_local_times_become_slots_across_both_changes() -> None:
    spring, autumn = (Synthetic(start=day, days=1)._clock() for day in (date(2025, 3, 30), date(2025, 10, 26)))
    hours = np.array([1.5, 2.5, 3.0, 12.0, 25.0])
    assert slot_at(spring, np.datetime64("2025-03-30"), hours).tolist() == [6.0, 8.0, 8.0, 44.0, 96.0]
    assert slot_at(autumn, np.datetime64("2025-10-26"), hours).tolist() == [6.0, 10.0, 16.0, 52.0, 104.0]


# --- what one asks for -----------------------------------------------------------------------------------------------


def test_the_default_week_has_something_to_trade() -> None:
    community = built(seed=42)
    net = (community.pv_kw - community.load_kw) * community.clock.hours
    surplus, need = np.maximum(net, 0.0).sum(axis=1), np.maximum(-net, 0.0).sum(axis=1)
    assert np.minimum(surplus, need).sum() > 0.1 * need.sum()
    assert (community.traits["pv_kwp"] > 0).sum() == 7
    assert community.flexibility.owner.size == 4
    assert np.all(community.traits["pv_kwp"][community.flexibility.owner] > 0)
    assert set(community.traits["battery_kwh"]) <= {0.0, 5.0, 10.0, 13.5}
    assert community.load_kw.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("members", [1, 2, 3, 7, 20])
def test_shares_are_met_as_well_as_whole_homes_can(members: int) -> None:
    community = built(members=members, days=1, pv_share=0.5)
    assert abs((community.traits["pv_kwp"] > 0).sum() - 0.5 * members) < 1


def test_sizes_keep_their_bounds() -> None:
    traits = built(members=60, days=1).traits
    peak = traits["pv_kwp"][traits["pv_kwp"] > 0]
    assert 3.0 <= peak.min() < 4.0 < 7.0 < peak.max() <= 8.0
    assert 1800 <= traits["annual_load_kwh"].min() < 2500 < 5000 < traits["annual_load_kwh"].max() <= 6000


@pytest.mark.parametrize(
    "fields",
    [
        {"slot_minutes": 7},
        {"pv_min_kwp": 9.0},
        {"load_min_kwh": 7000.0},
        {"members": 0},
        {"pv_share": 1.1},
        {"battery_sizes_kwh": ()},
        {"climate": "polar"},
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Synthetic(**fields)


def test_a_run_in_another_zone_keeps_the_climate_sky() -> None:
    clock: Clock = built(climate="mediterranean", zone="Asia/Kolkata", days=1).clock
    assert clock.zone == "Asia/Kolkata"
    assert clock.slots == DAY
