"""Findings: what is broken is named, what is sound raises no alarm, and nothing is changed."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from commonwatt.clock import Clock
from commonwatt.flow import Community, Streams
from commonwatt.quality import as_data, check, report
from commonwatt.sources.sample import Sample
from commonwatt.sources.settlement_comparison import SettlementComparison
from commonwatt.sources.synthetic import Synthetic


def home(days=400, hours=1.0, load=None, pv=None, kwp=4.0):
    """One sound home: 0.5 kW on average, PV of 1,200 kWh/kWp."""
    slots = round(24 * days / hours)
    clock = Clock(datetime(2025, 1, 1, tzinfo=UTC), timedelta(hours=hours), slots)
    hour = clock.hour
    if load is None:
        load = 0.5 + 0.2 * np.sin(np.arange(slots))
    if pv is None:
        pv = kwp * 1200 / 365 / 7.64 * np.maximum(np.sin(np.pi * (hour - 6) / 12), 0)
    community = Community.of(clock, np.array(load)[:, None], np.array(pv)[:, None], names=("home",))
    return replace(community, traits={"pv_kwp": np.array([kwp])})


def words(community):
    return [finding.what for finding in check(community) if finding.severity == "warning"]


def test_a_sound_home_raises_no_alarm():
    assert check(home()) == ()


def test_generators_raise_no_alarm():
    for source in (
        Sample(),
        SettlementComparison(),
        Synthetic(days=7, ev_share=0.5),
        Synthetic(days=365, members=4, slot_minutes=60),
    ):
        assert not [f for f in check(source.community(Streams(2))) if f.severity == "warning"]


@pytest.mark.parametrize(("factor", "wrong"), [(1, False), (0.02, True), (0.45, True), (1.9, True)])
def test_yield(factor, wrong):
    community = home()
    found = words(replace(community, pv_kw=community.pv_kw * factor))
    assert bool(found) == wrong
    assert all(word.startswith("PV yield") for word in found)


def test_a_week_has_no_yield_but_says_so():
    community = home(days=7)
    weak = check(replace(community, pv_kw=community.pv_kw * 0.02))
    assert [(f.what, f.severity) for f in weak] == [("PV yield not checked: 7 days", "info")]


def test_peak_above_rating_and_dead_panels():
    community = home(days=10)
    assert words(replace(community, pv_kw=community.pv_kw * 1000))[0].startswith("PV peak")
    assert words(replace(community, pv_kw=community.pv_kw * 0)) == ["PV of 4 kWp makes nothing"]


def test_pv_at_night_and_all_day():
    community = home(days=10)
    shifted = np.roll(community.pv_kw, 11, axis=0)
    assert words(replace(community, pv_kw=shifted))[0].startswith("PV at night in ")
    hour = community.clock.hour
    always = np.where((hour >= 23) | (hour < 2), 0.0, 1.0)[:, None] * 2
    assert words(replace(community, pv_kw=np.where(hour[:, None] < 3, 0, always))) == []
    fine = home(days=2, hours=0.25)
    hour = fine.clock.hour
    long = np.where((hour >= 23) | (hour < 2.99), 0.0, 1.0)
    long[:12] = 0
    assert words(replace(fine, pv_kw=(long * (hour >= 2.5))[:, None])) == []


def test_flat_lines():
    load = np.array(home(days=5).load_kw[:, 0])
    load[30:56] = 0.4
    assert words(home(days=5, load=load)) == ["load constant for up to 26 h, once, first 2025-01-02 06:00"]
    load[30:56] = 0.0
    assert words(home(days=5, load=load))[0].startswith("load constant for up to 26 h")
    assert words(home(days=5, load=np.zeros(120), pv=np.zeros(120), kwp=0))[0] == "load is zero throughout"
    assert words(home(days=5, load=np.zeros(120))) == []


def test_gaps():
    load = np.array(home(days=5).load_kw[:, 0])
    load[[0, 119]] = 0
    assert words(home(days=5, load=load)) == []
    load[[40, 41, 60]] = 0
    load[70] = 1e-7
    assert words(home(days=5, load=load)) == [
        "zero load in 3 slots, 2 times, first 2025-01-02 16:00",
        "load below 1 W in 1 slot, once, first 2025-01-03 22:00",
    ]


@pytest.mark.parametrize(("factor", "severity"), [(0.1, "info"), (10, "info"), (1000, "warning"), (1e-3, "warning")])
def test_units(factor, severity):
    community = home(days=5)
    found = [f for f in check(replace(community, load_kw=community.load_kw * factor)) if f.what.startswith("mean load")]
    assert [finding.severity for finding in found] == [severity]


def test_peak():
    load = np.array(home(days=5).load_kw[:, 0])
    load[50] = 120
    assert any(word == "load peak 120 kW" for word in words(home(days=5, load=load)))


def test_report_and_data():
    findings = check(home(days=5, load=np.full(120, 900.0)))
    lines = report(findings)
    assert lines[0].startswith("warning: home: ")
    assert lines[-1].startswith("info: community: PV yield not checked")
    assert json.loads(json.dumps(as_data(findings)))[0].keys() == {"member", "what", "value", "rule", "severity"}
    assert report(findings * 30)[-1].startswith("... and ")
    assert report(()) == []
