"""CityLearn's folders: a small one of our own, and five real homes where they are at hand."""

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from commonwatt import quality
from commonwatt.errors import DataError
from commonwatt.flow import Streams
from commonwatt.sources.citylearn import CityLearn

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "citylearn2022"
NEW = "month,hour,day_type,daylight_savings_status,indoor,non_shiftable_load,dhw_demand,solar_generation"
OLD = "Month,Hour,Day Type,Daylight Savings Status,Indoor Temperature (C),Equipment Electric Power (kWh),DHW Heating (kWh),Solar Generation (W/kW)"  # noqa: E501
STORAGE = {"capacity": 6.4, "efficiency": 0.81, "loss_coefficient": 0.01, "nominal_power": 5.0}
HOURS = 50
"""From 31 July 2022 (a Sunday), 23 to 24 h."""


def rows(load=1.5, dhw=0.0):
    out = []
    for k in range(HOURS):
        hour, day = (k - 1) % 24 + 1, (k + 23) // 24
        out.append(f"{7 if k == 0 else 8},{hour},{(6 + day) % 7 + 1},0,,{load},{dhw},{100 * (hour == 12)}")
    return out


def write(path, header=NEW, **changes):
    for name in ("a", "b"):
        (path / f"{name}.csv").write_text("\n".join([header, *rows(**changes)]))
    (path / "carbon.csv").write_text("\n".join(["carbon_intensity", *["0.2"] * HOURS]))
    (path / "pricing.csv").write_text("\n".join(["electricity_pricing,predicted", *["0.3,"] * HOURS]))
    (path / "weather.csv").write_text("\n".join(["outdoor_dry_bulb_temperature", *["20.5"] * HOURS]))
    entry = {
        "carbon_intensity": "carbon.csv", "pricing": "pricing.csv", "weather": "weather.csv",
        "pv": {"attributes": {"nominal_power": 4.0}}, "electrical_storage": {"attributes": STORAGE},
    }  # fmt: skip
    buildings = {
        "A": {**entry, "include": True, "energy_simulation": "a.csv"},
        "B": {**entry, "include": True, "energy_simulation": "b.csv", "electrical_storage": None},
        "C": {"include": False, "energy_simulation": "c.csv"},
    }
    schema = {
        "simulation_start_time_step": 0, "simulation_end_time_step": HOURS - 1, "seconds_per_time_step": 3600,
        "buildings": buildings,
    }  # fmt: skip
    (path / "schema.json").write_text(json.dumps(schema))
    return schema


def read(path, **fields):
    return CityLearn(path=path, **fields).community(Streams(1))


@pytest.mark.parametrize("header", [NEW, OLD])
def test_both_header_vintages(tmp_path, header):
    write(tmp_path, header)
    community = read(tmp_path)
    assert community.names == ("A", "B")
    assert community.shape == (HOURS, 2)
    assert (community.load_kw == 1.5).all()
    assert community.pv_kw[community.clock.hour == 11].tolist() == [[0.4, 0.4]] * 2
    assert community.pv_kw.sum() == pytest.approx(0.4 * 4)
    assert {name: signal[0] for name, signal in community.signals.items()} == {
        "carbon_kg_per_kwh": 0.2, "import_price": 0.3, "temperature_c": 20.5,
    }  # fmt: skip


def test_hour_24_ends_the_day_and_weekdays_find_the_year(tmp_path):
    write(tmp_path)
    clock = read(tmp_path).clock
    assert clock.start == datetime.fromisoformat("2022-07-31T23:00:00-08:00")
    assert clock.stamps[1] == np.datetime64("2022-08-01T00:00")
    notes = read(tmp_path).notes
    assert "no year: 2022 assumed: 100.0% of the rows' weekdays agree" in notes[0]
    assert "no clock changes: local time in Etc/GMT+8" in notes[1]
    assert read(tmp_path, year=2019).clock.start.year == 2019


def test_efficiency_of_the_cycle_is_split_in_two(tmp_path):
    write(tmp_path)
    devices = read(tmp_path).flexibility
    assert devices.owner.tolist() == [0]
    assert (devices.charge_efficiency[0], devices.discharge_efficiency[0]) == (pytest.approx(0.9), pytest.approx(0.9))
    assert devices.leakage[0] == pytest.approx(0.01)
    assert (devices.level_min_kwh[0, 0], devices.level_max_kwh[0, 0], devices.level_start_kwh[0]) == (0, 6.4, 0)
    assert read(tmp_path, batteries=False).flexibility.devices == 0


def test_steps_of_the_schema_cut_the_rows(tmp_path):
    schema = write(tmp_path) | {"simulation_start_time_step": 1, "simulation_end_time_step": 24}
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    community = read(tmp_path)
    assert community.clock.slots == 24
    assert community.signals["import_price"].size == 24
    assert community.clock.start.isoformat() == "2022-08-01T00:00:00-08:00"


def test_heat_is_left_out_and_said(tmp_path):
    write(tmp_path, dhw=2.0)
    assert any("is heat, not electricity, and left out: A, B" in note for note in read(tmp_path).notes)


def test_inputs_are_what_the_schema_names(tmp_path):
    write(tmp_path)
    names = [path.name for path in CityLearn(path=tmp_path).inputs()]
    assert names == ["a.csv", "b.csv", "carbon.csv", "pricing.csv", "schema.json", "weather.csv"]
    assert CityLearn(path=tmp_path / "nowhere").inputs() == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "text"),
    [
        ("a.csv", ",1.5,", ",x,", "a.csv row 2, column non_shiftable_load: 'x'"),
        ("a.csv", ",1.5,", ",-1,", "a.csv row 2, column non_shiftable_load: -1.0 (§3: energy is never negative)"),
        ("a.csv", "solar_generation", "solar", "a.csv row 1: no column 'solar_generation'"),
        ("a.csv", "8,2,", "8,3,", "a.csv column hour"),
        ("b.csv", "8,2,", "8,3,", "b.csv: column hour differs from a.csv"),
        ("b.csv", "8,2,1,0,,1.5,0.0,0\n", "", "b.csv: 49 rows"),
        ("carbon.csv", "0.2\n", "", "carbon.csv: 49 rows"),
        ("schema.json", "a.csv", "../a.csv", "'../a.csv' (a file of this folder)"),
        ("schema.json", "b.csv", "z.csv", "z.csv: no such file"),
        ("schema.json", '"nominal_power": 4.0', '"nominal_power": "4"', "nominal_power: '4' (§3"),
        ("schema.json", '"efficiency": 0.81', '"efficiency": 1.2', "efficiency: 1.2 (§3"),
        ("schema.json", "buildings", "houses", "schema.json: no buildings"),
        ("schema.json", "{", "[", "schema.json row 1"),
    ],
)
def test_mistakes_are_named(tmp_path, file, old, new, text):
    write(tmp_path)
    good = (tmp_path / file).read_text()
    assert old in good
    (tmp_path / file).write_text(good.replace(old, new, 1))
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert text in str(caught.value)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real homes are not at {REAL.name}")
def test_five_real_homes_keep_their_energy():
    import pandas as pd

    community = read(REAL)
    assert community.shape == (8760, 5)
    for n, name in enumerate(community.names):
        frame = pd.read_csv(REAL / f"{name}.csv")
        rated = community.traits["pv_kwp"][n]
        assert community.load_kw[:, n].sum() == pytest.approx(frame["non_shiftable_load"].sum(), rel=1e-12)
        assert community.pv_kw[:, n].sum() == pytest.approx(frame["solar_generation"].sum() * rated / 1000, rel=1e-12)
    assert community.load_kw[:, 0].sum() == pytest.approx(10583, abs=1)
    assert community.pv_kw[:, 0].sum() / 4 == pytest.approx(1803, abs=1)
    assert (community.clock.weekday[:2] == [6, 0]).all()


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real homes are not at {REAL.name}")
def test_five_real_homes_have_one_zero_hour_and_dead_readings():
    findings = quality.check(read(REAL))
    zero = [finding for finding in findings if finding.what.startswith("zero load")]
    assert [(finding.member, finding.value) for finding in zero] == [("Building_5", 1.0)]
    assert "first 2022-08-27 11:00" in zero[0].what
    assert {finding.member for finding in findings} == {"Building_2", "Building_3", "Building_4", "Building_5"}
    assert all("load" in finding.what for finding in findings)
