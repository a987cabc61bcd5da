"""S1's own table: its columns, its published sums."""

import csv
import io

import numpy as np
import pytest

from commonwatt.presets._settlement_export import daily, daily_csv
from commonwatt.reports import figures
from commonwatt.reports._view import View

HEADER = "day,avg_load_kWh_per_house,avg_pv_kWh_per_prosumer,bill_conv_Rs,bill_mmr_Rs,bill_bs_Rs"
SUMS = {"bill_conv_Rs": 7010.373349, "bill_mmr_Rs": 6491.371178, "bill_bs_Rs": 6572.983493}


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_origin_s_columns_and_published_bills(settlement):
    text = daily_csv(settlement)
    assert text.splitlines()[0] == HEADER
    rows = table(text)
    assert [row["day"] for row in rows] == [str(day) for day in range(1, 31)]
    for name, total in SUMS.items():
        assert sum(float(row[name]) for row in rows) == pytest.approx(total, abs=1e-6)
    assert sum(float(row["avg_load_kWh_per_house"]) for row in rows) * 10 == pytest.approx(2203.46, abs=0.01)
    assert sum(float(row["avg_pv_kWh_per_prosumer"]) for row in rows) * 7 == pytest.approx(1412.95, abs=0.01)


def test_other_mechanisms_are_appended(make):
    results = make(tariffs=("flat",), markets=("none", "mid_market_rate"), days=2)
    rows = table(daily_csv(results))
    assert len(rows) == 2
    names = [name for name in rows[0] if name.startswith("bill_")]
    assert names == [
        "bill_flat_none_passive_Rs", "bill_flat_none_self_consumption_Rs",
        "bill_flat_mid_market_rate_passive_Rs", "bill_flat_mid_market_rate_self_consumption_Rs",
    ]  # fmt: skip


def test_days_add_up_to_the_run(small):
    days = daily(small)
    for name, run in small.runs.items():
        assert days.bills[name].sum() == pytest.approx(run.bills.sum(), abs=1e-9)
    load = days.load_kwh.sum() * len(next(iter(small.runs.values())).bills)
    assert load == pytest.approx(next(iter(small.runs.values())).facts.community.load_kwh.sum())
    assert (np.diff(days.dates) == np.timedelta64(1, "D")).all()


def test_the_two_charts_stand_on_the_page_of_few_scenarios(settlement):
    view, days = View(settlement), daily(settlement)
    for drawing in (figures.daily_energy(days), figures.daily_bills(view, days)):
        assert drawing is not None
        assert drawing.svg.startswith("<svg viewBox=")
        assert "var(--" in drawing.svg
        assert "#0a0b" not in drawing.svg
    assert [text for _, text in figures.daily_bills(view, days).key] == [
        "conventional",
        "mid market rate",
        "bill sharing",
    ]
