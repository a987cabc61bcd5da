"""S2's preset: its folder to the header, its numbers recomputed, loaded back; the ledger verifies."""

import csv
import json
import re
import shutil
from itertools import groupby

import numpy as np
import pytest
from tests._command import call, refused

import commonwatt as cw
from commonwatt.errors import DataError
from commonwatt.presets._trading_export import HEADER
from commonwatt.presets.parameters import Parameters, configured
from commonwatt.sources.households import Households
from commonwatt.store import verify, verify_ledger
from commonwatt.studies.communities import community_scenario

ORIGIN = (
    "step,household_id,production,consumption,stored_kwh,battery_pct,wallet,grid_buy,grid_sell,p2p_trades,"
    "p2p_buy_amount,p2p_sell_amount"
)  # fmt: skip
TABLES = ("baseline_results.csv", "optimized_results.csv")
STEPS, HOMES = 24, 5


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """The preset with fewer homes and steps, run by the command."""
    place = tmp_path_factory.mktemp("trading")
    changes = {"simulation.simulation_steps": STEPS, "household.max_households": HOMES}
    (place / "my.json").write_text(Parameters().changed(changes).text())
    answer = call("run", "trading_system", "--params", "my.json", "--output", "out", "--json", cwd=place)
    assert answer.code == 0, answer.err
    return place / "out", answer.data


@pytest.fixture(scope="module")
def folder(result):
    (found,) = result[0].glob("sim_*")
    return found


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def column(table, name):
    """By step and household."""
    return np.array([float(row[name] or "nan") for row in table]).reshape(STEPS, HOMES)


# --- the folder -------------------------------------------------------------------------------------------------------


def test_the_folder_is_named_by_the_time_and_holds_four_files(folder, result):
    assert re.fullmatch(r"sim_\d{8}_\d{6}", folder.name)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*TABLES, "params.json", "grid_capacity.csv"])
    assert result[1]["exports"]["trading_system"]["folder"] == folder.name


@pytest.mark.parametrize("table", TABLES)
def test_the_header_is_the_origin_s_with_ours_appended(folder, table):
    assert (folder / table).read_text().splitlines()[0] == f"{ORIGIN},unserved,curtailed"
    assert ",".join(HEADER) == f"{ORIGIN},unserved,curtailed"
    found = rows(folder / table)
    assert [int(row["step"]) for row in found] == [t for t in range(STEPS) for _ in range(HOMES)]
    assert [row["household_id"] for row in found[:HOMES]] == [f"home_{n + 1:02d}" for n in range(HOMES)]


def test_the_other_files_are_the_origin_s(folder):
    lines = (folder / "grid_capacity.csv").read_text().splitlines()
    assert lines[:2] == ["timestep,import_capacity_kw,export_capacity_kw", "0,10000.0,8000.0"]
    assert len(lines) == STEPS + 1
    params = json.loads((folder / "params.json").read_text())
    assert list(params) == [
        "simulation", "household", "battery", "grid_price", "grid_capacity", "forecaster", "optimizer",
    ]  # fmt: skip
    assert params["simulation"] == {"simulation_steps": STEPS, "time_step_hours": 1.0}


# --- its numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_energy_adds_up_in_every_row(folder, table):
    """Production and what is bought meet consumption, what is sold, and what goes into storage (0.95 each way)."""
    found = rows(folder / table)
    made, drawn, bought, sold, p2p_in, p2p_out, unserved, curtailed = (
        column(found, name) for name in (
            "production", "consumption", "grid_buy", "grid_sell", "p2p_buy_amount", "p2p_sell_amount", "unserved",
            "curtailed",
        )
    )  # fmt: skip
    net = made - curtailed + bought + p2p_in - (drawn - unserved) - sold - p2p_out
    stored = np.nan_to_num(column(found, "stored_kwh"))
    change = np.diff(stored, axis=0, prepend=0.0)
    expected = np.where(net > 0, 0.95 * net, net / 0.95)
    assert change == pytest.approx(expected, abs=1e-6)
    assert p2p_in.sum(axis=1) == pytest.approx(p2p_out.sum(axis=1), abs=1e-9)


def test_wallets_follow_from_the_rows_and_the_prices(folder):
    """100 less what is bought, plus what is sold; trades at the middle of both prices, half of 0.01 per kWh each."""
    scenarios = load_small().scenarios()
    for table, name in zip(TABLES, ("baseline", "optimised"), strict=True):
        found, scenario = rows(folder / table), scenarios[name]
        prices = scenario.prices(scenario.community())
        buy, sell = prices.coupling_buy[:, None], prices.coupling_sell[:, None]
        middle = 0.5 * (buy + sell)
        paid = column(found, "grid_buy") * buy - column(found, "grid_sell") * sell
        paid += column(found, "p2p_buy_amount") * (middle + 0.005) - column(found, "p2p_sell_amount") * (middle - 0.005)
        assert column(found, "wallet") == pytest.approx(100.0 - np.cumsum(paid, axis=0), abs=1e-9)


def load_small():
    return configured(Parameters().changed({"simulation.simulation_steps": STEPS, "household.max_households": HOMES}))


def test_trades_stand_in_the_buyer_s_row_and_add_up(folder):
    found, traded = rows(folder / TABLES[1]), 0
    for step, group in groupby(found, key=lambda row: row["step"]):
        sold, pairs = {}, 0
        for row in list(group):
            parts = [part.split(":") for part in row["p2p_trades"].split("-") if part]
            assert sum(float(kwh) for _, kwh in parts) == pytest.approx(float(row["p2p_buy_amount"]), abs=1e-8), step
            pairs += len(parts)
            for seller, kwh in parts:
                assert float(kwh) >= 0.1 - 1e-9
                sold[seller] = sold.get(seller, 0.0) + float(kwh)
        here = [row for row in found if row["step"] == step]
        for row in here:
            assert sold.get(row["household_id"], 0.0) == pytest.approx(float(row["p2p_sell_amount"]), abs=1e-8)
        buyers, sellers = (sum(float(row[f"p2p_{way}_amount"]) > 0 for row in here) for way in ("buy", "sell"))
        assert pairs <= max(buyers + sellers - 1, 0)
        traded += pairs
    assert traded > 0
    assert all(row["p2p_trades"] == "" for row in rows(folder / TABLES[0]))


def test_battery_percent_is_of_the_own_capacity(folder):
    community = load_small().scenarios()["baseline"].community()
    device = community.flexibility
    room = np.bincount(device.owner, device.capacity_kwh, HOMES)
    assert sorted(device.kind.tolist()) == sorted(["battery"] * 3 + ["shared_battery"] * 2)
    assert (np.bincount(device.owner, minlength=HOMES) == 1).all()
    for table in TABLES:
        found = rows(folder / table)
        assert column(found, "battery_pct") == pytest.approx(100 * column(found, "stored_kwh") / room)


def test_the_summary_is_that_of_the_rows(folder, result):
    told = result[1]["exports"]["trading_system"]
    tables = [rows(folder / table) for table in TABLES]
    wallets = [column(table, "wallet")[-1].sum() for table in tables]
    bought = [column(table, "grid_buy").sum() for table in tables]
    assert [told["baseline_final_wallets"], told["optimised_final_wallets"]] == pytest.approx(wallets)
    assert told["wallet_improvement_percent"] == pytest.approx(100 * (wallets[1] / wallets[0] - 1))
    assert told["grid_buy_reduction_percent"] == pytest.approx(100 * (1 - bought[1] / bought[0]))
    assert told["optimised_p2p_kwh"] == pytest.approx(column(tables[1], "p2p_buy_amount").sum())
    assert told["baseline_p2p_kwh"] == 0
    lowest = [min(float(row["wallet"]) for row in table) for table in tables]
    assert [told["baseline_lowest_wallet"], told["optimised_lowest_wallet"]] == lowest
    assert told["wallet_improvement_percent"] > 0


def test_wallets_below_zero_are_debt_and_nobody_is_kept_from_buying():
    """Empty wallets: what each owes at the end is its bill, named and added up; energy is what it is with money."""
    small = Parameters().changed({"simulation.simulation_steps": STEPS, "household.max_households": HOMES})
    poor = small.changed({"household.initial_wallet": 0.0})
    rich, run = (cw.run(configured(given).scenarios()["baseline"]) for given in (small, poor))
    owed = np.maximum(run.bills, 0.0)
    assert owed.any()
    assert run.metrics["debt"] == pytest.approx(owed.sum())
    assert rich.metrics["debt"] == 0
    assert np.array_equal(run.facts.run.by_member["import_kwh"], rich.facts.run.by_member["import_kwh"])
    names, (note,) = run.facts.community.names, [note for note in run.notes if "below zero" in note]
    for name, amount in zip(names, owed, strict=True):
        assert (f"{name} by {amount:.2f} EUR" in note) == (amount > 0.005)
    assert not any("below zero" in note for note in rich.notes)


def test_wear_is_counted_per_kwh_moved():
    """0.02 per kWh charged or discharged: in no bill; a plan weighs it and moves less."""
    scenario = load_small().scenarios()["optimised"]
    worn = scenario.model_copy(update={"devices": tuple(d.model_copy(update={"wear": 0.02}) for d in scenario.devices)})
    free, run = cw.run(scenario), cw.run(worn)
    moved = [sum(r.facts.run.by_member[f"{way}_kwh"].sum() for way in ("charge", "discharge")) for r in (free, run)]
    assert run.metrics["degradation_cost"] == pytest.approx(0.02 * moved[1])
    assert moved[1] < moved[0]
    assert run.metrics["total_cost"] >= free.metrics["total_cost"] - 1e-6


# --- loaded back ------------------------------------------------------------------------------------------------------


def test_the_folder_can_be_compared(folder, result):
    """As with the runs that it was written from, to the last bit."""
    written, stored = cw.compare(folder), cw.compare(result[0])
    assert written.names == ("baseline", "optimized")
    for one, two in zip(written.entries, stored.entries, strict=True):
        for name in one.columns:
            assert np.allclose(one.columns[name], two.columns[name], rtol=0, atol=1e-12), name
    both = cw.compare(folder / TABLES[0], result[0])
    assert both.names == ("baseline", "baseline (2)", "optimised")
    assert abs(both.differences()["baseline (2)"]["grid_buy_kwh"]).max() == 0
    assert "counted, not dated" in both.notes[0]


def as_origin(folder, place):
    """The folder as S2 itself would have written it: without our columns, without parameters."""
    shutil.copytree(folder, place)
    for table in TABLES:
        kept = [list(row.values())[:12] for row in rows(folder / table)]
        text = "\n".join([ORIGIN, *(",".join(row) for row in kept)])
        (place / table).write_text(text + "\n")
    (place / "params.json").unlink()
    return place


def test_a_folder_of_the_origin_can_be_compared_too(folder, tmp_path):
    old, new = cw.compare(as_origin(folder, tmp_path / "old")), cw.compare(folder)
    for one, two in zip(old.entries, new.entries, strict=True):
        assert not one.columns["unserved_kwh"].any()
        for name in ("grid_buy_kwh", "wallet_money", "bill_money", "stored_kwh", "p2p_buy_kwh"):
            assert np.array_equal(one.columns[name], two.columns[name]), name


def test_the_folder_is_a_source(folder, tmp_path):
    original = load_small().scenarios()["baseline"].source.community(cw.flow.Streams(1))
    for place in (folder, as_origin(folder, tmp_path / "old")):
        scenario = community_scenario(place)
        community = scenario.community()
        assert isinstance(scenario.source, Households)
        assert community.names == original.names
        assert np.allclose(community.load_kwh, original.load_kwh, rtol=1e-15)
        assert np.allclose(community.pv_kwh, original.pv_kwh, rtol=1e-15)
        assert community.connection.import_cap_kw.tolist() == [10_000.0] * STEPS
        assert cw.run(scenario).verdict.holds


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda text: text.replace("wallet,", "purse,", 1), "column purse: 'purse' (§16: a known column)"),
        (lambda text: text.replace("\n1,home_01", "\n7,home_01", 1), "'7' for home_01"),
        (lambda text: re.sub(r"(\n0,home_01,(?:[^,]*,){4})[^,]*", r"\1much", text, count=1), "column wallet: 'much'"),
    ],
)
def test_a_folder_with_mistakes_is_refused(folder, tmp_path, edit, said):
    place = as_origin(folder, tmp_path / "old")
    (place / TABLES[0]).write_text(edit((place / TABLES[0]).read_text()))
    with pytest.raises(DataError) as error:
        cw.compare(place)
    assert said in str(error.value)


# --- kept and verified ------------------------------------------------------------------------------------------------


def test_both_runs_are_kept_and_their_ledgers_lead_to_the_wallets(result, folder):
    runs = sorted((result[0] / "runs").iterdir())
    assert [run.name for run in runs] == ["001-baseline", "002-optimised"]
    for run in runs:
        assert verify(run).holds
        assert verify_ledger(run)["replayed"]
    pairs = sum(row["p2p_trades"].count(":") for row in rows(folder / TABLES[1]))
    assert verify_ledger(runs[1])["trades"] == pairs
    verified = call("run", "--verify", result[0], "--json", cwd=result[0].parent)
    assert verified.data["holds"]


def test_the_same_parameters_are_answered_from_the_folder(result):
    again = call("run", "trading_system", "--params", "my.json", "--output", "out", cwd=result[0].parent)
    assert "found in out" in again.out
    assert "grid buy reduction percent" in again.out
    assert len(list(result[0].glob("sim_*"))) == 1


# --- on one's own tables ----------------------------------------------------------------------------------------------


def own_homes(place, name="home_1"):
    place.mkdir()
    made = [f"{t},{max(0.0, 9.0 - 3 * abs(12 - t)):g},{0.4 + 0.1 * (t % 3):g}" for t in range(STEPS)]
    (place / f"{name}.csv").write_text("\n".join(["timestep,production,consumption", *made]))
    drawn = [f"{t},0,{0.5 + 0.5 * (t > 16):g}" for t in range(STEPS)]
    (place / "home_2.csv").write_text("\n".join(["timestep,production,consumption", *drawn]))
    return place


def test_the_preset_runs_on_tables_of_households(tmp_path):
    homes = own_homes(tmp_path / "homes")
    (homes / "grid_capacity.csv").write_text(
        "\n".join(["timestep,import_capacity_kw,export_capacity_kw", *(f"{t},1.2,0.5" for t in range(STEPS))])
    )
    answer = call("run", "trading_system", "--households", "homes", "--output", "out", "--json", cwd=tmp_path)
    assert answer.code == 0, answer.err
    (folder,) = (tmp_path / "out").glob("sim_*")
    for table in TABLES:
        found = rows(folder / table)
        net = np.array([float(r["grid_buy"]) - float(r["grid_sell"]) for r in found]).reshape(STEPS, 2).sum(axis=1)
        assert net.max() <= 1.2 + 1e-6
        assert net.min() >= -0.5 - 1e-6
    told = answer.data["exports"]["trading_system"]
    assert told["baseline_curtailed_kwh"] > 0
    assert any("those of the tables" in note for note in answer.data["notes"])


def test_names_that_s2_cannot_write_are_refused(tmp_path):
    own_homes(tmp_path / "homes", name="home-1")
    answer = call("run", "trading_system", "--households", "homes", "--output", "out", cwd=tmp_path)
    refused(answer, "member 'home-1' (S2 writes trades as seller:amount-seller:amount); rename it")
    assert not (tmp_path / "out").exists()


def test_only_studies_with_both_runs_can_be_written(tmp_path):
    """Refused before anything runs."""
    (tmp_path / "one.yaml").write_text("kind: study\nexports: [trading_system]\nvariants: {baseline: {}}\n")
    answer = call("run", "one.yaml", "--output", "out", cwd=tmp_path)
    refused(answer, "exports = trading_system: the study has no scenario 'optimised' (§15: it writes baseline and")
    assert not (tmp_path / "out").exists()
