"""Time: local days of any length, periods that close where they end, and windows that know where they are (§1)."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonwatt.clock import Clock, Period, time_zone
from commonwatt.errors import DataError

QUARTER = timedelta(minutes=15)


def clock_of(start: datetime, slots: int, minutes: float = 15) -> Clock:
    return Clock(start, timedelta(minutes=minutes), slots, str(start.tzinfo))


def local(*when: int, zone: str = "Europe/Berlin") -> datetime:
    return datetime(*when, tzinfo=ZoneInfo(zone))  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("zone", "day", "quarters"),
    [
        ("Europe/Berlin", date(2025, 3, 30), 92),
        ("Europe/Berlin", date(2025, 10, 26), 100),
        ("Europe/Berlin", date(2025, 6, 2), 96),
        ("America/New_York", date(2025, 3, 9), 92),
        ("Australia/Lord_Howe", date(2025, 4, 6), 98),
        ("Asia/Kolkata", date(2025, 3, 30), 96),
        ("UTC", date(2025, 3, 30), 96),
    ],
)
def test_a_local_day_may_have_92_to_100_quarters(zone: str, day: date, quarters: int) -> None:
    clock = clock_of(local(day.year, day.month, day.day, zone=zone), 300)
    assert (clock.date == np.datetime64(day)).sum() == quarters
    assert clock.stretches("day")[0] == (0, quarters, True)


def test_wall_clock_hours_in_spring_and_autumn() -> None:
    """02:00 is missing in March; 02:00 to 03:00 comes twice in October."""
    spring = clock_of(local(2025, 3, 30), 23, minutes=60)
    assert spring.hour.astype(int).tolist() == [0, 1, *range(3, 24)]
    autumn = clock_of(local(2025, 10, 26), 25, minutes=60)
    assert autumn.hour.astype(int).tolist() == [0, 1, 2, 2, *range(3, 24)]


def test_hours_of_quarters_and_of_zones_with_half_hours() -> None:
    clock = Clock(datetime(2025, 1, 1, tzinfo=UTC), QUARTER, 3, "Asia/Kolkata")
    assert clock.hour.tolist() == [5.5, 5.75, 6.0]
    assert clock.hours == 0.25


def test_utc_is_even_whatever_the_zone_does() -> None:
    clock = clock_of(local(2025, 3, 29), 300)
    assert clock.utc.size == clock.stamps.size == 301
    assert (np.diff(clock.utc) == np.timedelta64(15, "m")).all()


def test_an_offset_in_the_start_is_honoured() -> None:
    """The same moment, however it is written."""
    written = [
        datetime(2025, 6, 2, 10, tzinfo=UTC),
        local(2025, 6, 2, 12),
        local(2025, 6, 2, 6, zone="America/New_York"),
    ]
    clocks = [Clock(start, QUARTER, 4, "Europe/Berlin") for start in written]
    assert all(np.array_equal(clock.stamps, clocks[0].stamps) for clock in clocks)
    assert clocks[0].hour[0] == 12


def test_weekdays() -> None:
    clock = clock_of(local(2025, 6, 2), 14, minutes=720)
    assert clock.weekday.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]


def test_stamps_agree_with_the_standard_library() -> None:
    for zone in ("Europe/Berlin", "America/St_Johns", "Pacific/Auckland", "Africa/Casablanca"):
        clock = clock_of(local(2025, 1, 1, zone=zone), 24 * 365, minutes=60)
        for slot in range(0, clock.slots, 97):
            moment = (clock.start.astimezone(UTC) + slot * clock.slot).astimezone(ZoneInfo(zone))
            assert clock.stamps[slot].item() == moment.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("period", "stops"), [("day", [24, 48, 72]), ("month", [24, 72]), ("year", [24, 72]), ("horizon", [72])]
)
def test_periods_close_where_they_end(period: Period, stops: list[int]) -> None:
    """New Year's Eve and the two days after it; the last slot closes everything."""
    clock = clock_of(local(2024, 12, 31, zone="UTC"), 72, minutes=60)
    assert [stop for _, stop, closes in clock.stretches(period) if closes] == stops
    assert all(closes for _, _, closes in clock.stretches(period))


def test_a_window_leaves_its_last_period_open() -> None:
    window = clock_of(local(2025, 6, 2), 200).window(90, 100)
    assert (window.first, window.slots, window.horizon) == (90, 10, 200)
    assert window.stretches("day") == [(0, 6, True), (6, 10, False)]
    assert window.stretches("horizon") == [(0, 10, False)]
    assert window.window(2, 4).first == 92


def test_a_period_that_ends_with_the_window_closes() -> None:
    clock = clock_of(local(2025, 6, 2), 192)
    assert clock.window(0, 96).stretches("day") == [(0, 96, True)]
    assert clock.window(0, 95).stretches("day") == [(0, 95, False)]


EPOCH = datetime(1995, 1, 1, tzinfo=UTC)
STARTS = st.integers(0, 40 * 365 * 1440).map(lambda minutes: EPOCH + timedelta(minutes=minutes))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])


@settings(deadline=None, max_examples=60)
@given(STARTS, ZONES, st.sampled_from([5, 15, 60]), st.integers(1, 400), st.data())
def test_windows_say_the_same_as_the_whole(start: datetime, zone: str, minutes: int, slots: int, data: Any) -> None:
    whole = Clock(start, timedelta(minutes=minutes), slots, zone)
    cuts = sorted({0, slots, *data.draw(st.lists(st.integers(0, slots), max_size=5))})
    windows = [whole.window(a, b) for a, b in itertools.pairwise(cuts)]
    for name in ("hour", "date", "weekday"):
        assert np.array_equal(np.concatenate([getattr(w, name) for w in windows]), getattr(whole, name))
    fresh = [Clock(w.start, w.slot, w.slots, w.zone) for w in windows]
    assert all(np.array_equal(a.stamps, b.stamps) for a, b in zip(windows, fresh, strict=True))
    for period in ("day", "month", "year", "horizon"):
        closing = [w.first + stop for w in windows for _, stop, closes in w.stretches(period) if closes]
        assert closing == [stop for _, stop, closes in whole.stretches(period) if closes]
        for window in windows:
            stretches = window.stretches(period)
            assert [a for a, _, _ in stretches] == [0, *(b for _, b, _ in stretches[:-1])]
            assert stretches[-1][1] == window.slots


@settings(deadline=None, max_examples=40)
@given(STARTS, ZONES, st.integers(1, 3000))
def test_stamps_never_lag_behind_their_offset(start: datetime, zone: str, slots: int) -> None:
    """Halving finds every change of the clock."""
    clock = Clock(start, timedelta(hours=1), slots, zone)
    for slot in {0, slots // 3, slots - 1, slots}:
        moment = (start + slot * clock.slot).astimezone(ZoneInfo(zone))
        assert clock.stamps[slot].item() == moment.replace(tzinfo=None)


def test_no_slots() -> None:
    clock = clock_of(local(2025, 6, 2), 0)
    assert clock.hour.size == clock.date.size == 0
    assert clock.stamps.size == 1


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Clock(datetime(2025, 1, 1), QUARTER, 4), "carries a time zone"),  # noqa: DTZ001
        (lambda: Clock(datetime(2025, 1, 1, tzinfo=UTC), timedelta(0), 4), "above 0"),
        (lambda: Clock(datetime(2025, 1, 1, tzinfo=UTC), -QUARTER, 4), "above 0"),
        (lambda: Clock(datetime(2025, 1, 1, tzinfo=UTC), QUARTER, 4, "Europe/Atlantis"), "Europe/Atlantis"),
        (lambda: time_zone("../../etc/passwd"), "IANA"),
        (lambda: time_zone(""), "IANA"),
    ],
)
def test_what_is_no_clock_is_refused(build: Any, says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        build()
    assert "§1" in str(caught.value)
