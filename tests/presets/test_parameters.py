"""S2's parameter files: its names and defaults, ranges in every refusal, kept and read back."""

import json

import pytest
from tests._command import call, refused

import commonwatt as cw
from commonwatt.errors import ScenarioError
from commonwatt.presets.parameters import PLACES, UNHEEDED, Parameters, configured, described, parameters_of, warnings
from commonwatt.scenario import load

DEFAULTS = {
    "simulation": {"simulation_steps": 96, "time_step_hours": 1.0},
    "household": {"max_households": 10, "shared_battery_probability": 0.3, "initial_wallet": 100.0},
    "battery": {
        "simple_capacity_kwh": 10.0, "central_capacity_kwh": 50.0, "charge_efficiency": 0.95,
        "discharge_efficiency": 0.95,
    },
    "grid_price": {"min_buy_price": 0.15, "max_buy_price": 0.35, "min_sell_price": 0.05, "max_sell_price": 0.12},
    "grid_capacity": {
        "use_capacity_limits": True, "default_import_capacity_kw": 10_000.0, "default_export_capacity_kw": 8_000.0,
    },
    "forecaster": {"history_size": 24, "prediction_size": 24},
    "optimizer": {"p2p_transaction_cost": 0.01, "min_trade_threshold": 0.1, "wallet_penalty_weight": 0.0},
}  # fmt: skip
OTHERS = {
    "simulation.simulation_steps": 48, "simulation.time_step_hours": 0.25, "household.max_households": 7,
    "household.shared_battery_probability": 0.6, "household.initial_wallet": -5.0, "battery.simple_capacity_kwh": 6.5,
    "battery.central_capacity_kwh": 80.0, "battery.charge_efficiency": 0.9, "battery.discharge_efficiency": 0.85,
    "grid_price.min_buy_price": 0.2, "grid_price.max_buy_price": 0.4, "grid_price.min_sell_price": 0.01,
    "grid_price.max_sell_price": 0.1, "grid_capacity.use_capacity_limits": False,
    "forecaster.history_size": 192, "forecaster.prediction_size": 12,
    "grid_capacity.default_import_capacity_kw": 50.0, "grid_capacity.default_export_capacity_kw": 40.0,
    "optimizer.p2p_transaction_cost": 0.02, "optimizer.min_trade_threshold": 0.0,
}  # fmt: skip


def refusal(values):
    with pytest.raises(ScenarioError) as error:
        Parameters.of(values, "my.json")
    return str(error.value)


# --- names and defaults -----------------------------------------------------------------------------------------------


def test_groups_names_and_defaults_are_the_origin_s():
    assert Parameters().model_dump() == DEFAULTS


def test_the_preset_is_what_the_defaults_make():
    assert configured(Parameters()) == load("trading_system")
    assert parameters_of(load("trading_system")) == Parameters()


def test_every_parameter_has_a_place_or_says_that_it_has_none():
    names = {f"{row['group']}.{row['name']}" for row in described(Parameters())}
    assert names == {*PLACES, *UNHEEDED}
    assert not set(PLACES) & set(UNHEEDED)


def test_every_parameter_with_a_place_reaches_the_study_and_comes_back():
    assert set(OTHERS) == set(PLACES)
    given = Parameters().changed(OTHERS)
    assert parameters_of(configured(given)) == given
    for name, value in OTHERS.items():
        one = Parameters().changed({name: value})
        assert configured(one).scenarios() != configured(Parameters()).scenarios(), name


def test_values_mean_what_they_say():
    base = configured(Parameters().changed(OTHERS)).base
    assert (base.source.slots, base.source.slot_minutes, base.source.members) == (48, 15, 7)
    assert (base.tariff.min_buy, base.tariff.max_sell, base.limits.hold) == (0.2, 0.1, False)
    assert [device.charge_efficiency for device in base.devices] == [0.9, 0.9]
    assert [device.discharge_efficiency for device in base.devices] == [0.85, 0.85]
    assert (base.pool.fee_per_kwh, base.pool.min_trade_kwh) == (0.02, 0.0)
    assert base.community().traits["wallet_start"].tolist() == [-5.0] * 7


def test_each_has_range_unit_and_tooltip():
    for row in described(Parameters()):
        assert row["range"], row
        assert row["unit"], row
        assert row["meaning"].endswith("."), row


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", described(Parameters()), ids=lambda row: row["name"])
def test_out_of_range_is_named_with_the_range(row):
    told = refusal({row["group"]: {row["name"]: "blue"}})
    assert told.startswith(f"my.json: {row['group']}.{row['name']} = 'blue' (allowed: {row['range']})")
    if row["range"] != "true or false":
        told = refusal({row["group"]: {row["name"]: -1e9}})
        assert f"{row['group']}.{row['name']} = -1000000000.0 (allowed: {row['range']})" in told


def test_all_mistakes_are_named_at_once():
    wrong = {"charge_efficiency": 1.5, "simple_capacity": 3}
    told = refusal({"battery": wrong, "batery": {}, "simulation": {"simulation_steps": 0}}).splitlines()
    meant = "did you mean battery.simple_capacity_kwh?"
    batteries, groups = ", ".join(DEFAULTS["battery"]), ", ".join(DEFAULTS)
    assert told == [
        "my.json: simulation.simulation_steps = 0 (allowed: 1 to 105120, whole); write a value in it",
        "my.json: battery.charge_efficiency = 1.5 (allowed: 0.5 to 1); write a value in it",
        f"my.json: battery.simple_capacity: unknown parameter; {meant} battery has {batteries}",
        f"my.json: batery: unknown group; did you mean battery? groups are {groups}",
    ]


def test_a_name_in_the_wrong_group_is_led_to_the_right_one():
    told = refusal({"household": {"central_capacity_kwh": 20}})
    assert "did you mean battery.central_capacity_kwh?" in told


def test_prices_in_the_wrong_order_and_odd_steps_are_refused():
    told = refusal({"grid_price": {"min_buy_price": 0.5}})
    assert "grid_price.min_buy_price = 0.5 (allowed: 0 to 10, at most the highest one)" in told
    told = refusal({"simulation": {"time_step_hours": 0.7}})
    assert "simulation.time_step_hours = 0.7 (allowed: 0.01667 to 24, whole minutes that divide a day)" in told


def test_a_group_is_a_mapping():
    assert "my.json: battery = 3 (a group of names and values)" in refusal({"battery": 3})


# --- warnings ---------------------------------------------------------------------------------------------------------


def test_the_origin_s_transaction_cost_is_taken_and_trade_never_pays(tmp_path):
    given = Parameters().changed({"optimizer.p2p_transaction_cost": 0.5, "simulation.simulation_steps": 24})
    (told,) = warnings(given)
    assert "as much as prices ever lie apart (0.35 - 0.05): trade never pays" in told
    study = configured(given.changed({"household.max_households": 4}))
    optimised = study.scenarios()["optimised"]
    assert cw.run(optimised).metrics["traded"] == 0
    cheap = optimised.model_copy(update={"pool": load("trading_system").base.pool})
    assert cw.run(cheap).metrics["traded"] > 0
    (tmp_path / "my.json").write_text(given.text())
    assert "trade never pays" in call("params", "my.json", cwd=tmp_path).out


def test_what_changes_nothing_says_so():
    (told,) = warnings(Parameters().changed({"optimizer.wallet_penalty_weight": 3.0}))
    assert told.startswith("optimizer.wallet_penalty_weight = 3 changes nothing: ")
    assert warnings(Parameters()) == ()


def test_history_counts_in_whole_days():
    """24 steps of a quarter-hour are six hours: a day is the least, and the run's own file says what was used."""
    given = Parameters().changed({"simulation.time_step_hours": 0.25})
    (told,) = warnings(given)
    assert told == "forecaster.history_size = 24 steps are 0.25 days: whole days count, 1"
    assert configured(given).scenarios()["optimised"].forecast.history == 1
    assert parameters_of(configured(given)).forecaster.history_size == 96


# --- files ------------------------------------------------------------------------------------------------------------


def test_save_change_load_and_reset(tmp_path):
    assert call("params", "--output", "my.json", "-q", cwd=tmp_path).code == 0
    assert json.loads((tmp_path / "my.json").read_text()) == DEFAULTS
    change = ["--set", "battery.simple_capacity_kwh=12", "--set", "grid_capacity.use_capacity_limits=false"]
    told = call("params", "my.json", *change, "--output", "my.json", "--force", "--json", cwd=tmp_path)
    assert told.data["battery"]["simple_capacity_kwh"] == 12
    loaded = Parameters.load(tmp_path / "my.json")
    assert (loaded.battery.simple_capacity_kwh, loaded.grid_capacity.use_capacity_limits) == (12.0, False)
    shown = call("params", "my.json", cwd=tmp_path)
    assert "simple_capacity_kwh  12" in shown.out
    assert call("params", "--output", "my.json", "--force", "-q", cwd=tmp_path).code == 0
    assert Parameters.load(tmp_path / "my.json") == Parameters()


def test_part_of_a_file_is_enough(tmp_path):
    (tmp_path / "some.yaml").write_text("household: {max_households: 3}\n")
    assert Parameters.load(tmp_path / "some.yaml").changed({}) == Parameters().changed({"household.max_households": 3})


def test_the_command_refuses_with_ranges(tmp_path):
    (tmp_path / "bad.json").write_text('{"optimizer": {"p2p_transaction_cost": -1}}')
    told = "bad.json: optimizer.p2p_transaction_cost = -1 (allowed: 0 to 10); write a value in it"
    refused(call("run", "trading_system", "--params", "bad.json", cwd=tmp_path), told)
    refused(call("params", "bad.json", cwd=tmp_path), told)
    refused(call("params", "--set", "nothing", cwd=tmp_path), "--set nothing: no value")
    refused(call("params", "--set", "nothing=1", cwd=tmp_path), "--set: nothing: unknown group")
    refused(
        call("run", "benchmark", "--params", "bad.json", cwd=tmp_path), "--params: benchmark has no such parameters"
    )
    refused(call("params", "missing.json", cwd=tmp_path), "missing.json: cannot be read")
