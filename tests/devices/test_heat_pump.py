"""Heat pumps: the curve of a published regression, a thermostat by hand, and what a store of heat is good for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests._communities import column, hand_made, make_community, records

from commonwatt.devices.heat_pump import HeatPump
from commonwatt.dispatch.community_optimal import CommunityOptimal
from commonwatt.dispatch.member_optimal import MemberOptimal
from commonwatt.dispatch.passive import Passive
from commonwatt.dispatch.self_consumption import SelfConsumption
from commonwatt.errors import DataError, InfeasibleError, ScenarioError
from commonwatt.flow import Community, Streams
from commonwatt.habits.heating import cop_of_air
from commonwatt.scenario import Scenario
from commonwatt.tariffs.series import Series


def test_the_published_curve() -> None:
    """6.81 - 0.121 dT + 0.000630 dT^2 (Staffell et al. 2012), for lifts of 15 to 60 K."""
    lifts = np.array([15.0, 30.0, 45.0, 60.0])
    np.testing.assert_allclose(cop_of_air(40.0 - lifts), [5.13675, 3.747, 2.64075, 1.818], rtol=0, atol=1e-12)
    assert cop_of_air(np.array([35.0, -60.0])).tolist() == cop_of_air(np.array([25.0, -20.0])).tolist()


def from_file(folder: Path, community: Community, **entry: Any) -> Community:
    (folder / "pumps.json").write_text(json.dumps({community.names[0]: entry}))
    return HeatPump(file=folder / "pumps.json").added(community, Streams(0))


FOUR = np.zeros((4, 1))
STORE = {"power_kw": 2.0, "heat_kwh": [2.0, 2.0, 9.0, 1.0], "cop": [2.0, 4.0, 3.0, 3.0], "store_kwh": 4.0}


def test_the_thermostat_by_hand(tmp_path: Path) -> None:
    """Kept at 2 kWh with 2 kW: the third hour takes 9 kWh of heat where 6 can be made; the fourth makes up for it."""
    device = from_file(tmp_path, hand_made(FOUR), **STORE).flexibility
    assert device.usual_charge_kw[:, 0].tolist() == [1.0, 0.5, 2.0, 4.0 / 3.0]
    assert device.usual_level_kwh[:, 0].tolist() == [2.0, 2.0, -1.0, 2.0]
    assert device.charge_efficiency[:, 0].tolist() == STORE["cop"]
    assert (device.level_max_kwh[0, 0], device.charge_kw[0, 0], device.level_start_kwh[0]) == (4.0, 2.0, 2.0)


def test_lacking_heat_is_a_shortfall(tmp_path: Path) -> None:
    kept = records(Scenario(), from_file(tmp_path, hand_made(FOUR), **STORE))
    assert column(kept, "shortfall_kwh")[:, 0].tolist() == [0.0, 0.0, 1.0, 0.0]
    with pytest.raises(InfeasibleError, match="heat_pump of member_1 cannot reach 0 kWh by the end of slot 2"):
        records(Scenario(dispatch=MemberOptimal()), from_file(tmp_path, hand_made(FOUR), **{**STORE, "store_kwh": 1.0}))


def test_a_plan_heats_when_it_is_cheap_and_warm(tmp_path: Path) -> None:
    """Heat at 0.4 / 2 = 0.2, 0.4 / 4 = 0.1, 0.6 / 3 = 0.2: the second hour fills the store, the third adds the rest."""
    entry = {**STORE, "heat_kwh": [1.0, 1.0, 6.0, 1.0], "level_start_kwh": 1.0}
    tariff = Series(import_prices=(0.4, 0.4, 0.6, 0.3), export_ratio=0.0)
    kept = records(Scenario(tariff=tariff, dispatch=MemberOptimal()), from_file(tmp_path, hand_made(FOUR), **entry))
    # levels 0, 4, 0, 1: the fourth hour, at 0.1, ends where the thermostat would have ended
    np.testing.assert_allclose(column(kept, "level_kwh")[:, 0], [0.0, 4.0, 0.0, 1.0], atol=1e-7)
    np.testing.assert_allclose(column(kept, "charge_kwh")[:, 0], [0.0, 1.25, 2 / 3, 2 / 3], atol=1e-7)


def test_surplus_heats_ahead_and_then_the_pump_rests(tmp_path: Path) -> None:
    """1 kWh of spare PV at noon makes 3 kWh of heat, which the next hours need not make."""
    entry = {"power_kw": 3.0, "heat_kwh": 1.0, "cop": 3.0, "store_kwh": 10.0, "level_start_kwh": 2.0}
    sunny = hand_made([[-4.0 / 3.0], [0.0], [0.0], [0.0]])
    kept = records(Scenario(dispatch=SelfConsumption()), from_file(tmp_path, sunny, **entry))
    np.testing.assert_allclose(column(kept, "charge_kwh")[:, 0], [4 / 3, 0.0, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(column(kept, "level_kwh")[:, 0], [5.0, 4.0, 3.0, 2.0], atol=1e-9)
    assert column(kept, "export_kwh").max() < 1e-9


def test_a_warm_store_loses_heat(tmp_path: Path) -> None:
    entry = {"power_kw": 3.0, "heat_kwh": 0.0, "cop": 2.0, "store_kwh": 10.0, "level_start_kwh": 5.0, "leakage": 0.1}
    kept = records(Scenario(), from_file(tmp_path, hand_made(FOUR), **entry))
    np.testing.assert_allclose(column(kept, "charge_kwh")[:, 0], 0.25, atol=1e-12)  # a tenth of 5 kWh, by half


def test_drawn_homes_follow_the_weather() -> None:
    """180 W/K, 15 - 5 = 10 K, hot water 12 kWh a day: 1.8 + 0.5 kW of heat."""
    warm = {"temperature_c": np.array([20.0, 5.0])}
    fields = {"heat_loss_w_per_k": (180.0,), "hot_water_kwh": 12.0, "supply_c": 35.0}
    community = HeatPump(**fields).added(hand_made([[0.0], [0.0]], signals=warm), Streams(0))
    np.testing.assert_allclose(community.flexibility.drain_kwh[:, 0], [0.5, 2.3], rtol=0, atol=1e-12)
    np.testing.assert_allclose(community.flexibility.charge_efficiency[:, 0], [5.13675, 3.747], rtol=0, atol=1e-12)
    at_least = (0.18 * 27 + 0.5) / float(cop_of_air(np.array([-12.0]), 35.0)[0])
    assert community.flexibility.charge_kw[0, 0] == pytest.approx(at_least)
    constant = HeatPump(**fields, cop=3.0).added(hand_made([[0.0], [0.0]], signals=warm), Streams(0))
    assert (constant.flexibility.charge_efficiency == 3.0).all()
    some = HeatPump(share=0.4).added(make_community(0, members=50, devices=False), Streams(1))
    assert 10 < some.flexibility.devices < 30
    again = HeatPump(share=1.0).added(some, Streams(1))
    assert np.unique(again.flexibility.owner).size == again.flexibility.devices == 50


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([Passive(), SelfConsumption(), MemberOptimal(), CommunityOptimal()]))
def test_nobody_freezes(seed: int, dispatch: Any) -> None:
    """Heat made less heat needed and lost is what the store gained, and the store is never below empty."""
    bare = make_community(seed, members=2, slots=30, devices=False)
    community = HeatPump(heat_loss_w_per_k=(100.0, 300.0)).added(bare, Streams(seed))
    device = community.flexibility
    kept = records(Scenario(tariff=Series(), dispatch=dispatch), community)
    level = column(kept, "level_kwh")
    assert (level >= -1e-6).all()
    before = np.vstack([device.level_start_kwh[None, :], level[:-1]])
    made = column(kept, "charge_kwh") * device.charge_efficiency
    lost = before * device.leakage
    np.testing.assert_allclose(made.sum(axis=0) - device.drain_kwh.sum(axis=0) - lost.sum(axis=0),
                               level[-1] - device.level_start_kwh, rtol=0, atol=1e-5)  # fmt: skip


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no signal temperature_c"):
        HeatPump().added(hand_made(FOUR), Streams(0))
    with pytest.raises(ValidationError, match="beside `file`, share, cop say nothing"):
        HeatPump(file=Path("pumps.json"), share=0.5, cop=3.0)
    with pytest.raises(ValidationError, match="below heating_limit_c"):
        HeatPump(design_c=20.0)
    for entry, text in (
        ({**STORE, "cop": [2.0, 0.0, 3.0, 3.0]}, r"pumps\.json 'member_1', cop: from 0 to 3"),
        ({**STORE, "heat_kwh": [1.0]}, r"heat_kwh: 1 numbers \(one number for each of 4 slots\)"),
        ({**STORE, "level_start_kwh": 5.0}, r"level_start_kwh: 5\.0 \(§3: from 0 to 4\)"),
        ({**STORE, "colour": 1}, r"'colour' \(a known field\)"),
        ({"power_kw": 1.0, "heat_kwh": 1.0}, "no cop, and no signal temperature_c"),
    ):
        with pytest.raises(DataError, match=text):
            from_file(tmp_path, hand_made(FOUR), **entry)


def test_without_a_cop_the_weather_says_it(tmp_path: Path) -> None:
    cold = replace(hand_made(FOUR), signals={"temperature_c": np.array([10.0, 10.0, -5.0, -5.0])})
    community = from_file(tmp_path, cold, power_kw=3.0, heat_kwh=1.0, supply_c=40.0)
    np.testing.assert_allclose(community.flexibility.charge_efficiency[[0, 2], 0], [3.747, 2.64075], atol=1e-12)
