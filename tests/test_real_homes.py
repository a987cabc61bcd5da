"""Five metered homes: an audited benchmark of the whole year, its plain numbers by other means, forecasts."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests._command import call

import commonwatt as cw
from commonwatt.errors import DataError
from commonwatt.run import References
from commonwatt.scenario import Scenario

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "citylearn2022"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no folder {FOLDER.name} beside the repository")
RATIO = 0.4


@pytest.fixture(scope="module")
def alone():
    """Nothing is done: batteries rest, nothing is shared, prices are those of the folder."""
    source = {"kind": "citylearn", "path": FOLDER}
    return cw.run(Scenario(source=source, tariff={"kind": "series", "export_ratio": RATIO}))


@pytest.fixture(scope="module")
def tables():
    """Net load of each home [kWh], price, carbon: read by pandas alone."""
    buildings = json.loads((FOLDER / "schema.json").read_text())["buildings"]
    net = pd.DataFrame({
        name: pd.read_csv(FOLDER / f"{name}.csv").pipe(
            lambda t, kw: t.non_shiftable_load - t.solar_generation * kw / 1000, b["pv"]["attributes"]["nominal_power"]
        )
        for name, b in buildings.items() if b["include"]
    })  # fmt: skip
    price = pd.read_csv(FOLDER / "pricing.csv").electricity_pricing
    carbon = pd.read_csv(FOLDER / "carbon_intensity.csv").carbon_intensity
    return net, price, carbon


def test_no_action_imports_what_a_line_of_pandas_says(alone, tables):
    net, _, _ = tables
    frame = alone.frame()
    assert len(net) == 8760
    np.testing.assert_allclose(frame.import_kwh, net.clip(lower=0).sum()[frame.index], rtol=1e-9)
    np.testing.assert_allclose(frame.export_kwh, (-net).clip(lower=0).sum()[frame.index], rtol=1e-9)


def test_no_action_costs_what_a_line_of_pandas_says(alone, tables):
    net, price, _ = tables
    frame = alone.frame()
    cost = net.clip(lower=0).mul(price, axis=0).sum() - RATIO * (-net).clip(lower=0).mul(price, axis=0).sum()
    np.testing.assert_allclose(frame.bill, cost[frame.index], rtol=1e-9)
    assert alone.metrics["total_cost"] == pytest.approx(cost.sum())


def test_no_action_emits_what_a_line_of_pandas_says(alone, tables):
    net, _, carbon = tables
    assert alone.metrics["emissions"] == pytest.approx(net.clip(lower=0).mul(carbon, axis=0).sum().sum())


def test_the_year_is_audited_and_ranked(tmp_path):
    answer = call("benchmark", "--community", FOLDER, "--output", tmp_path / "out", cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert "audit: 60 of 60 runs close" in answer.out
    assert "warning: Building_5: zero load in 1 slot, once, first 2022-08-27 11:00" in " ".join(answer.out.split())
    frame = pd.read_csv(tmp_path / "out" / "ranking.csv")
    assert frame["rank"].max() == 50
    assert frame.emissions.notna().all()
    assert (frame.losers <= 5).all()


def test_what_looks_wrong_is_named():
    community = Scenario(source={"kind": "citylearn", "path": FOLDER}).community()
    findings = {(f.member, f.severity) for f in cw.quality.check(community)}
    assert {(f"Building_{k}", "warning") for k in (2, 3, 4, 5)} <= findings


# --- rolling on with forecasts ---------------------------------------------------------------------------------------

BLIND = {"persistence": {}, "seasonal_naive": {}, "noisy": {}, "gradient_boosting": {}}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BLIND)
def test_no_forecast_knows_the_homes_and_none_does_better_than_foresight(kind):
    if kind == "gradient_boosting":
        pytest.importorskip("sklearn.ensemble", reason="the extra [forecast] is not installed")
    parts = {
        "source": {"kind": "citylearn", "path": FOLDER, "slots": 12 * 24},
        "tariff": {"kind": "time_of_use"}, "market": {"kind": "pool"}, "regret": True,
        "dispatch": {"kind": "community_optimal", "prediction": 24, "commit": 4},
    }  # fmt: skip
    community, references = Scenario(**parts).community(), References()
    blind, seeing = (
        cw.run(Scenario(**parts, forecast={"kind": name}), community=community, references=references)
        for name in (kind, "perfect")
    )
    assert blind.forecast["load_kw"]["mae_kw"] > 0.1
    assert blind.forecast["pv_kw"]["mae_kw"] > 0.01
    assert seeing.forecast["load_kw"]["mae_kw"] == 0
    assert not np.array_equal(blind.facts.run.by_member["charge_kwh"], seeing.facts.run.by_member["charge_kwh"])
    assert blind.metrics["regret"] > seeing.metrics["regret"] >= -1e-6


def test_a_part_of_the_files_is_a_run_of_its_own():
    whole, part = (
        Scenario(source={"kind": "citylearn", "path": FOLDER, **cut}).community()
        for cut in ({}, {"first_slot": 48, "slots": 24})
    )
    assert np.array_equal(part.load_kw, whole.load_kw[48:72])
    assert (part.clock.first, part.clock.horizon) == (0, 24)
    assert part.clock.start == whole.clock.stamps[48].astype(object).replace(tzinfo=part.clock.start.tzinfo)
    with pytest.raises(DataError, match=r"slots 8750 to 8774 \(§2: the files have 8760 rows\); take fewer"):
        Scenario(source={"kind": "citylearn", "path": FOLDER, "first_slot": 8750, "slots": 24}).community()
