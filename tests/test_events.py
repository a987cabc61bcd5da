"""Outages and maintenance: listed or drawn, for any community."""

import dataclasses
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from commonwatt._events import Events, device_outage, pool_maintenance
from commonwatt.clock import Clock
from commonwatt.envelope import Flexibility, Sessions
from commonwatt.errors import ScenarioError
from commonwatt.flow import Community, Streams


@pytest.fixture
def community():
    clock = Clock(datetime(2025, 1, 1, tzinfo=UTC), timedelta(hours=1), 48)
    capacity = np.array([10.0])
    battery = Flexibility.batteries(48, np.array([1]), capacity, charge_kw=capacity / 2, discharge_kw=capacity / 2)
    sessions = Sessions(
        member=np.array([1]), arrival=np.array([0.0]), departure=np.array([10.0]),
        energy_kwh=np.array([20.0]), power_kw=np.array([4.0]), v2g_kw=np.array([3.0]),
    )  # fmt: skip
    devices = Flexibility.joined(battery, Flexibility.vehicles(clock, sessions))
    pv = np.ones((48, 3)) * [1.0, 0.0, 2.0]
    return Community.of(clock, np.ones((48, 3)), pv, names=("a", "b", "c"), flexibility=devices)


def test_an_outage_stops_pv_only_there_and_then(community):
    after = device_outage(community, "c", "pv", 5, 8)
    assert np.flatnonzero(after.pv_kw[:, 2] == 0).tolist() == [5, 6, 7]
    assert (after.pv_kw[:, 0] == 1).all()
    assert (community.pv_kw[:, 2] == 2).all()


@pytest.mark.parametrize(("device", "column"), [("battery", 0), ("vehicle", 1)])
def test_an_outage_stops_one_device(community, device, column):
    after = device_outage(community, "b", device, 2, 4).flexibility
    for name in ("charge_kw", "discharge_kw", "usual_charge_kw"):
        before, now = getattr(community.flexibility, name), getattr(after, name)
        assert (now[2:4, column] == 0).all()
        assert np.array_equal(np.delete(now, column, axis=1), np.delete(before, column, axis=1))
        assert np.array_equal(now[4:], before[4:])


def test_maintenance_closes_the_pool(community):
    after = pool_maintenance(community, 3, 6)
    assert np.flatnonzero(~after.market_open).tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda c: device_outage(c, "x", "pv", 0, 1), "'x' (a member of the community); write one of a, b, c"),
        (lambda c: device_outage(c, "b", "pv", 0, 1), "device_outage of b: no pv"),
        (lambda c: device_outage(c, "a", "battery", 0, 1), "device_outage of a: no battery"),
        (lambda c: device_outage(c, "a", "toaster", 0, 1), "no toaster"),
        (lambda c: device_outage(c, "a", "pv", 5, 5), "device_outage of a: slots 5 to 5"),
        (lambda c: pool_maintenance(c, 40, 49), "pool_maintenance: slots 40 to 49 (a window within 0 to 48)"),
    ],
)
def test_mistakes_are_named(community, call, text):
    with pytest.raises(ScenarioError) as caught:
        call(community)
    assert text in str(caught.value)


def test_listed_by_slot_and_by_time(community):
    events = Events.model_validate(
        {
            "outages": [{"member": "c", "device": "pv", "start": 2, "stop": 4}],
            "maintenance": [{"start": "2025-01-01T06:30:00+01:00", "stop": "2025-01-01T08:30:00+01:00"}],
        }
    )
    after = events.applied(community, Streams(1))
    assert np.flatnonzero(after.pv_kw[:, 2] == 0).tolist() == [2, 3]
    assert np.flatnonzero(~after.market_open).tolist() == [5, 6, 7]
    assert Events.model_validate_json(events.model_dump_json()) == events


def test_a_window_outside_the_run_is_named(community):
    events = Events.model_validate({"maintenance": [{"start": 50, "stop": 60}]})
    with pytest.raises(ScenarioError, match=r"events.maintenance\[0\]: 50 to 60 \(a window within"):
        events.applied(community, Streams(1))
    with pytest.raises(ValidationError):
        Events.model_validate({"maintenance": [{"start": "2025-01-01T06:30:00", "stop": 9}]})


def test_drawn_events_have_their_own_streams(community):
    two, three = (
        Events(drawn_outages=n, outage_hours=6, drawn_maintenance=n, maintenance_slots=4).applied(community, Streams(3))
        for n in (2, 3)
    )
    assert ((two.pv_kw == 0) <= (three.pv_kw == 0)).all()
    assert (~two.market_open <= ~three.market_open).all()
    assert 6 <= int((two.pv_kw[:, [0, 2]] == 0).sum()) <= 12
    assert 4 <= int((~two.market_open).sum()) <= 8
    again = Events(drawn_outages=2, outage_hours=6).applied(community, Streams(3))
    assert np.array_equal(again.pv_kw, two.pv_kw)
    other = Events(drawn_outages=2, outage_hours=6).applied(community, Streams(3, draw=1))
    assert not np.array_equal(other.pv_kw, two.pv_kw)


def test_drawn_outages_need_someone_who_has_the_device(community):
    bare = dataclasses.replace(community, flexibility=Flexibility.none(48))
    with pytest.raises(ScenarioError, match="nobody has a battery"):
        Events(drawn_outages=1, drawn_device="battery").applied(bare, Streams(1))


def test_outages_longer_than_the_run_take_all_of_it(community):
    after = Events(drawn_outages=3, outage_hours=1000).applied(community, Streams(1))
    assert (after.pv_kw.sum(axis=0) == 0).any()


def test_nothing_listed_changes_nothing(community):
    assert Events().applied(community, Streams(1)) is community
