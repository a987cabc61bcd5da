"""Runs side by side: the same clock, members and profiles, or refused; differences in total, per member, per slot."""

import csv
import json

import numpy as np
import pytest
from tests._command import call, refused

import commonwatt as cw
from commonwatt.errors import DataError, ScenarioError
from commonwatt.scenario import Scenario, Study
from commonwatt.studies.entries import QUANTITIES

BASE = {
    "source": {"kind": "sample", "members": 4, "slots": 48},
    "dispatch": {"kind": "self_consumption"},
    "tariff": {"kind": "flat", "buy": 0.3, "export_ratio": 0.2},
}


def scenario(name, **parts):
    return Scenario.model_validate({**BASE, "name": name, **parts})


APART, SHARED = scenario("apart"), scenario("shared", market={"kind": "pool_prorata"})


@pytest.fixture(scope="module")
def found():
    return cw.compare(APART, SHARED)


def document(path, given):
    path.write_text(json.dumps(given.model_dump(mode="json", serialize_as_any=True)))
    return path


def total(found, quantity, run):
    return next(row for row in found.totals() if row["quantity"] == quantity)[run]


# --- what it says -----------------------------------------------------------------------------------------------------


def test_differences_are_those_of_the_two_runs(found):
    one, two = cw.run(APART), cw.run(SHARED)
    members = [row for row in found.members() if row["scenario"] == "shared"]
    assert [row["bill_money"] for row in members] == pytest.approx(two.bills, rel=1e-12)
    assert [row["bill_money_difference"] for row in members] == pytest.approx(two.bills - one.bills, abs=1e-12)
    assert total(found, "total_cost", "shared - apart") == pytest.approx(-two.metrics["saving"], abs=1e-12)
    share = total(found, "bill_money", "shared / apart - 1")
    assert share == pytest.approx(-two.metrics["saving"] / abs(one.bills.sum()))


def test_energy_adds_up_in_every_cell(found):
    for entry in found.entries:
        c = entry.columns
        assert set(c) == set(QUANTITIES)
        into, out_of = c["grid_buy_kwh"] + c["p2p_buy_kwh"], c["grid_sell_kwh"] + c["p2p_sell_kwh"]
        stored = np.diff(c["stored_kwh"].sum(axis=1))
        spare = (into - out_of - entry.load_kwh + entry.pv_kwh).sum(axis=1)
        assert np.all(spare[1:] >= stored - 1e-9)
    apart, shared = found.entries
    assert not apart.columns["p2p_buy_kwh"].any()
    assert shared.total("p2p_buy_kwh") == pytest.approx(cw.run(SHARED).metrics["traded"])
    moved = shared.total("p2p_buy_kwh")
    assert apart.total("grid_buy_kwh") - shared.total("grid_buy_kwh") == pytest.approx(moved)


def test_slots_and_members_add_up_to_the_totals(found):
    for rows in (found.slots(), found.members()):
        for name in ("grid_buy_kwh", "bill_money"):
            changed = sum(row[f"{name}_difference"] for row in rows if row["scenario"] == "shared")
            assert changed == pytest.approx(total(found, name, "shared - apart"), abs=1e-9)
    assert [row["slot"] for row in found.slots()] == [*range(48)] * 2
    assert found.slots()[1]["time"] == "2025-06-02T00:15:00"


def test_a_level_is_what_is_there_at_the_end(found):
    stored = found.entries[0].columns["stored_kwh"]
    assert total(found, "stored_kwh", "apart") == pytest.approx(stored[-1].sum())


def test_behind_one_meter_only_what_is_matched_counts_as_trade():
    pooled = cw.compare(APART, scenario("pooled", market={"kind": "pool"}), SHARED)
    for name in ("grid_buy_kwh", "grid_sell_kwh", "p2p_buy_kwh", "p2p_sell_kwh"):
        assert total(pooled, name, "pooled") == pytest.approx(total(pooled, name, "shared"))
    assert any("different worlds" in note for note in pooled.notes)


def test_losses_stay_between_seller_and_buyer():
    lossy = cw.compare(APART, scenario("lossy", market={"kind": "pool_prorata"}, pool={"efficiency": 0.9}))
    bought, sold = (total(lossy, name, "lossy") for name in ("p2p_buy_kwh", "p2p_sell_kwh"))
    assert bought == pytest.approx(0.9 * sold)


def test_a_study_is_all_of_its_scenarios(found):
    study = Study.model_validate({"base": BASE, "axes": {"market": [{"kind": "none"}, {"kind": "pool_prorata"}]}})
    both = cw.compare(study)
    assert both.names == ("none", "pool_prorata")
    assert np.array_equal(both.entries[1].columns["bill_money"], found.entries[1].columns["bill_money"])


def test_runs_of_one_name_get_a_number():
    assert cw.compare(APART, APART).names == ("apart", "apart (2)")


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"seed": 1}, "load of"),
        ({"source": {**BASE["source"], "slots": 24}}, "number of slots is 48 in apart, 24 in other"),
        ({"source": {**BASE["source"], "members": 5}}, "number of members is 4 in apart, 5 in other"),
        ({"source": {"kind": "synthetic", "members": 4, "days": 2, "slot_minutes": 60}}, "length of a slot"),
        ({"currency": "INR"}, "currency is EUR in apart, INR in other"),
        ({"events": {"outages": [{"member": "home_02", "device": "pv", "start": 0, "stop": 48}]}}, "PV of home_02"),
        ({"devices": [{"kind": "central_battery"}]}, "number of members"),
    ],
)
def test_what_is_not_synchronised_is_refused(parts, said):
    with pytest.raises(ScenarioError, match="same clock, members and profiles") as error:
        cw.compare(APART, scenario("other", **parts))
    assert said in str(error.value)
    assert "give both the same source and seed" in str(error.value)


def test_the_first_difference_is_named_with_both_values():
    other = scenario("other", seed=1)
    with pytest.raises(ScenarioError, match="in slot 0 is ") as error:
        cw.compare(APART, other)
    loads = [s.community().load_kwh[0, 0] for s in (APART, other)]
    assert all(f"{load:.6g} kWh" in str(error.value) for load in loads)


def test_one_run_is_no_comparison():
    with pytest.raises(ScenarioError, match="compare: only apart"):
        cw.compare(APART)
    with pytest.raises(ScenarioError, match="compare: nothing"):
        cw.compare()


def test_load_that_may_shift_is_still_the_same_load():
    shifting = scenario("shifting", devices=[{"kind": "shiftable_load", "share": 0.2}])
    assert cw.compare(APART, shifting).names == ("apart", "shifting")


# --- stored runs, command and files -----------------------------------------------------------------------------------


def test_a_stored_run_is_what_it_was(tmp_path, found):
    document(tmp_path / "apart.json", APART)
    document(tmp_path / "shared.json", SHARED)
    assert call("run", "shared.json", "--output", "kept", "--quiet", cwd=tmp_path).code == 0
    again = cw.compare(tmp_path / "apart.json", tmp_path / "kept")
    for name in QUANTITIES:
        assert np.array_equal(again.entries[1].columns[name], found.entries[1].columns[name])
    assert again.totals() == found.totals()
    with pytest.raises(ScenarioError, match="--seed"):
        cw.compare(tmp_path / "apart.json", tmp_path / "kept", seed=3)
    (tmp_path / "kept" / "summary.csv").write_text("changed")
    with pytest.raises(DataError, match="has changed"):
        cw.compare(tmp_path / "apart.json", tmp_path / "kept")


def test_runs_kept_by_a_study_can_be_compared(tmp_path):
    study = Study.model_validate({
        "name": "both", "base": BASE, "axes": {"market": [{"kind": "none"}, {"kind": "pool_prorata"}]},
    })  # fmt: skip
    document(tmp_path / "both.json", study)
    for folder, flags in (("with", ["--series"]), ("without", [])):
        assert call("benchmark", "both.json", *flags, "--output", folder, "-q", cwd=tmp_path).code == 0
    assert len(cw.compare(tmp_path / "with").names) == 2
    with pytest.raises(ScenarioError, match="kept no runs"):
        cw.compare(tmp_path / "without")


def test_the_command_shows_and_writes_it(tmp_path, found):
    import pyarrow.parquet as pq

    document(tmp_path / "a.json", APART)
    document(tmp_path / "b.json", SHARED)
    shown = call("compare", "a.json", "b.json", "--output", "out", cwd=tmp_path)
    assert shown.code == 0
    for text in ("shared against apart", "grid buy kwh", "home_01", "apart: audit: ", "shared: audit: "):
        assert text in shown.out
    with (tmp_path / "out" / "members.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["bill_money"]) for row in rows] == [row["bill_money"] for row in found.members()]
    table = pq.read_table(tmp_path / "out" / "differences.parquet")
    expected = found.differences()["shared"]["grid_buy_kwh"]
    assert np.array_equal(table.column("grid_buy_kwh_difference").to_numpy().reshape(48, 4), expected)
    assert table.column("member").to_pylist()[:4] == list(found.entries[0].members)
    told = call("compare", "a.json", "b.json", "--json", "--output", "all.json", cwd=tmp_path)
    assert told.data == json.loads((tmp_path / "all.json").read_text())
    assert told.data["slots"] == json.loads(json.dumps(found.slots()))
    call("compare", "a.json", "b.json", "--output", "totals.csv", "-q", cwd=tmp_path)
    assert (tmp_path / "totals.csv").read_text().splitlines()[0].startswith("quantity,apart,shared,shared - apart,")
    refused(call("compare", "a.json", "nothing.json", cwd=tmp_path), "nothing.json: no such file")
    refused(call("compare", "a.json", "a.json", "--seed", 2, "--output", "out", cwd=tmp_path), "another result")


@pytest.mark.parametrize("width", [80, 100])
def test_a_comparison_fits_the_screen(tmp_path, width):
    document(tmp_path / "a.json", APART)
    document(tmp_path / "b.json", SHARED)
    told = call("compare", "a.json", "b.json", cwd=tmp_path, width=width)
    lines = [line for line in told.out.splitlines() if "audit: " not in line]
    assert max(map(len, lines)) <= width
