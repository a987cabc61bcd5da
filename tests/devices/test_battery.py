"""Batteries: sizes on offer, wear and what is left in them, as planners see it."""

from __future__ import annotations

import numpy as np
import pytest
from tests._communities import column, hand_made, make_community, records

from commonwatt.devices.battery import Battery
from commonwatt.dispatch.member_optimal import MemberOptimal
from commonwatt.errors import ScenarioError
from commonwatt.flow import Community, Streams
from commonwatt.run import run
from commonwatt.scenario import Scenario
from commonwatt.tariffs.series import Series

LOSSLESS = {
    "capacity_kwh": (10.0,), "power_kw": 4.0, "charge_efficiency": 1.0, "discharge_efficiency": 1.0,
    "soc_min": 0.0, "soc_max": 1.0, "soc_start": 0.0,
}  # fmt: skip


def two_hours(**fields: float) -> Community:
    """Nothing, then a load of 3 kWh, and a battery."""
    return Battery(**{**LOSSLESS, **fields}).added(hand_made([[0.0], [3.0]]), Streams(0))


def planned(community: Community, *buy: float) -> list[float]:
    tariff = Series(import_prices=buy, export_ratio=0.0)
    kept = records(Scenario(tariff=tariff, dispatch=MemberOptimal()), community)
    return [round(v, 9) for v in column(kept, "charge_kwh")[:, 0].tolist()]


def test_sizes_on_offer() -> None:
    community = Battery(share=0.5, capacity_kwh=(5.0, 10.0)).added(
        make_community(0, members=60, devices=False), Streams(2)
    )
    sizes = community.flexibility.capacity_kwh
    assert set(sizes.tolist()) == {5.0, 10.0}
    assert 20 < sizes.size < 40
    assert (community.flexibility.charge_kw[0] == sizes / 2).all()


@pytest.mark.parametrize(("wear", "charged"), [(0.0, 3.0), (0.04, 3.0), (0.06, 0.0)])
def test_wear_is_weighed_against_prices(wear: float, charged: float) -> None:
    """Bought at 0.1 for 0.2: each kWh is moved twice, so a wear above 0.05 per kWh moved does not pay."""
    community = two_hours(wear=wear)
    assert planned(community, 0.1, 0.2) == [charged, 0.0]
    told = run(Scenario(tariff=Series(import_prices=(0.1, 0.2)), dispatch=MemberOptimal()), community=community)
    expected = 2 * charged * wear if wear else np.nan
    assert told.metrics["degradation_cost"] == pytest.approx(expected, nan_ok=True)
    assert told.metrics["total_cost"] == pytest.approx(0.1 * charged + 0.2 * (3.0 - charged))


@pytest.mark.parametrize(("value", "charged"), [(0.0, [3.0, 0.0]), (0.15, [4.0, 0.0]), (0.25, [4.0, 4.0])])
def test_what_is_left_counts_as_told(value: float, charged: list[float]) -> None:
    """At 0.15 it pays to fill up at 0.1, at 0.25 also at 0.2."""
    assert planned(two_hours(terminal_value=value), 0.1, 0.2) == charged


def test_a_debt_is_reported() -> None:
    community = hand_made([[1.0, 4.0, -2.0]], traits={"wallet_start": np.array([0.5, 1.0, 0.0])})
    told = run(Scenario(tariff=Series(import_prices=(0.5,), export_ratio=0.2)), community=community)
    assert [row["wallet"] for row in told.members()] == pytest.approx([0.0, -1.0, 0.2])
    assert told.metrics["debt"] == pytest.approx(1.0)
    unknown = run(Scenario(), community=hand_made([[1.0, 4.0]]))
    assert np.isnan(unknown.metrics["debt"]), "who started with what?"


def test_levels_have_an_order() -> None:
    with pytest.raises(ScenarioError, match=r"soc_min, soc_start, soc_max = 0\.5, 0\.1, 0\.9 must rise"):
        Battery(soc_min=0.5, soc_start=0.1).added(make_community(0), Streams(0))
