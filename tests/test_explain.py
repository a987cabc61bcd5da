"""Bills line by line, and why a device did what it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests._command import call

from commonwatt.errors import DataError, ScenarioError
from commonwatt.run import run
from commonwatt.scenario import Scenario
from commonwatt.store import RunFolder
from commonwatt.studies.explain import Told, explain_bill, explain_slot

FEES: dict[str, Any] = {"efficiency": 0.95, "fee_per_kwh": 0.01}
CHARGED: dict[str, Any] = {"kind": "demand_charge", "fixed_per_day": 0.3}


def stored(path: Path, **parts: Any) -> Path:
    document = {"seed": 4, "source": {"kind": "sample", "members": 5, "slots": 96}, **parts}
    scenario = Scenario.model_validate(document)
    with RunFolder(path, identity=scenario.identity()) as folder:
        folder.finish(run(scenario, folder))
    return path


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("planned") / "run"
    return stored(path, dispatch={"kind": "community_optimal"}, market={"kind": "pool"})


@pytest.mark.parametrize("market", ["none", "pool", "pool_prorata", "bill_sharing"])
def test_the_lines_of_a_bill_add_up(tmp_path: Path, market: str) -> None:
    folder = stored(tmp_path / "run", market={"kind": market}, pool=FEES, tariff=CHARGED)
    for member in range(5):
        found = explain_bill(folder, str(member))
        assert sum(line["money"] for line in found["lines"]) == pytest.approx(found["bill"], abs=1e-9)
        items = {line["what"] for line in found["lines"]}
        assert {"demand charge", "fixed charge"} <= items
        assert found["saving"] == pytest.approx(found["alone_bill"] - found["bill"])
        for line in found["lines"]:
            if line["kwh"]:
                assert line["price"] == pytest.approx(abs(line["money"]) / line["kwh"])


def test_a_plan_is_explained_by_prices(planned: Path) -> None:
    """Whatever a battery does pays at the plan's own prices, to rounding."""
    seen = set()
    for slot in range(0, 96, 3):
        found = explain_slot(planned, "home_04", str(slot))
        worth = found["prices"]["energy"]
        for device in found["devices"]:
            inwards, outwards = 0.95 * device["stored_price"], device["stored_price"] / 0.95
            says = " ".join(device["says"])
            if device["charge_kwh"] > 1e-6:
                seen.add("charges")
                assert worth <= inwards + 1e-6
                assert "Charging pays" in says
                assert "next discharges in slot" in says
            elif device["discharge_kwh"] > 1e-6:
                seen.add("discharges")
                assert worth >= outwards - 1e-6
                assert "Discharging pays" in says
            else:
                seen.add("rests")
                assert "Neither pays" in says
    assert seen == {"charges", "discharges", "rests"}


def test_what_energy_is_worth_lies_between_the_grids_prices(planned: Path) -> None:
    told = Told.of(planned)
    worth, terms = told.plan["energy_price"], told.prices
    assert (worth >= terms.coupling_sell[:, None] - 1e-9).all()
    assert (worth <= terms.coupling_buy[:, None] + 1e-9).all()


def test_a_time_names_a_slot(planned: Path) -> None:
    by_number, by_time = (explain_slot(planned, "home_04", when) for when in ("74", "2025-06-02T18:30"))
    assert by_number == by_time
    assert by_number["time"] == "2025-06-02 18:30"


def test_a_rule_is_named(tmp_path: Path) -> None:
    folder = stored(tmp_path / "run", dispatch={"kind": "self_consumption"})
    found = explain_slot(folder, "home_04", "44")
    assert "energy" not in found["prices"]
    assert any("rule self_consumption" in line for device in found["devices"] for line in device["says"])


@pytest.mark.parametrize(
    ("member", "slot", "says"),
    [("zoe", "1", "take one of home_01"), ("home_01", "96", "0 to 95"), ("home_01", "noon", "neither a number")],
)
def test_what_is_not_there_is_named(planned: Path, member: str, slot: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        explain_slot(planned, member, slot)


def test_a_changed_folder_is_not_explained(tmp_path: Path) -> None:
    folder = stored(tmp_path / "run", dispatch={"kind": "community_optimal"})
    path = folder / "plan_devices.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match=r"plan_devices\.parquet: has changed"):
        explain_slot(folder, "0", "0")


def test_a_limit_that_holds_is_named_with_its_price(tmp_path: Path) -> None:
    """Its price is part of what energy is worth behind it: not more than the price of the grid and of the limit."""
    limits = {"import_cap_kw": 3.0, "export_cap_kw": 4.0}
    folder = stored(tmp_path / "run", dispatch={"kind": "community_optimal"}, market={"kind": "pool"}, limits=limits)
    found = [explain_slot(folder, "home_04", str(slot)) for slot in range(96)]
    tight = [slot for slot in found if slot["limits"]]
    assert tight
    for slot in tight:
        assert set(slot["limits"]) == {"the coupling point"}
        price = slot["limits"]["the coupling point"]
        way, grid = ("come in", "coupling_buy") if price > 0 else ("go out", "coupling_sell")
        assert any(f"No more can {way} at the coupling point" in line for line in slot["says"])
        assert slot["prices"]["energy"] == pytest.approx(slot["prices"][grid] + price, abs=2e-6)
    assert not any("No more can" in line for slot in found if not slot["limits"] for line in slot["says"])


def test_the_command(planned: Path, tmp_path: Path) -> None:
    bill = call("explain", planned, "--member", "home_04", cwd=tmp_path)
    assert bill.code == 0
    assert "energy from the community" in bill.out
    why = call("explain", planned, "--member", "home_04", "--slot", "44", cwd=tmp_path)
    assert "To the plan, a kWh is worth" in why.out
    assert call("explain", planned, "--member", "home_04", "--slot", "44", "--json", cwd=tmp_path).data["slot"] == 44
    unknown = call("explain", planned, "--member", "zoe", cwd=tmp_path)
    assert unknown.code == 2
    assert "no such member" in unknown.err
