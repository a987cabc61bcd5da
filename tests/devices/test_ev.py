"""Electric vehicles: who gets one, from where, and what a plan may do with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from tests._communities import column, hand_made, make_community, records

from commonwatt.devices.ev import Ev
from commonwatt.dispatch.member_optimal import MemberOptimal
from commonwatt.errors import DataError, InfeasibleError, ScenarioError
from commonwatt.flow import Community, Streams
from commonwatt.scenario import Scenario
from commonwatt.sources.synthetic import Synthetic
from commonwatt.tariffs.series import Series

HEAD = "member,arrival,departure,energy_kwh,power_kw,v2g_kw\n"


def street(hours: int, members: int = 2) -> Community:
    return hand_made(np.zeros((hours, members)))


def from_file(folder: Path, community: Community, *rows: str, **fields: Any) -> Community:
    path = folder / "sessions.csv"
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return Ev(file=path, **fields).added(community, Streams(0))


def test_drawn_as_the_calibrated_source_draws_them() -> None:
    """A home has the same vehicle whoever brings it."""
    homes = {"members": 4, "days": 5}
    ours = Ev().added(Synthetic(**homes).community(Streams(8)), Streams(8))
    theirs = Synthetic(**homes, ev_share=1.0).community(Streams(8))
    for name in ("member", "arrival", "departure", "energy_kwh", "power_kw"):
        assert np.array_equal(getattr(ours.sessions, name), getattr(theirs.sessions, name)), name
    mine = ours.flexibility.kept(ours.flexibility.kind == "vehicle")
    assert np.array_equal(mine.usual_level_kwh, theirs.flexibility.usual_level_kwh[:, -mine.devices :])


def test_who_has_one_gets_no_other() -> None:
    community = make_community(4)
    having = set(community.sessions.member.tolist()) | set(
        community.flexibility.owner[community.flexibility.kind == "vehicle"].tolist()
    )
    assert having
    more = Ev().added(community, Streams(0))
    cars = more.flexibility.owner[more.flexibility.kind == "vehicle"]
    assert np.unique(cars).size == cars.size
    some = Ev(share=0.5).added(make_community(4, members=40, slots=700, devices=False), Streams(0))
    assert 10 < np.unique(some.sessions.member).size < 30


def test_sessions_of_a_file(tmp_path: Path) -> None:
    community = from_file(
        tmp_path, street(6), "member_2,2025-06-02T01:30:00+00:00,2025-06-02T04:15:00+00:00,7,4,0", wear=0.03
    )
    device = community.flexibility
    assert device.owner.tolist() == [1]
    assert device.charge_kw[:, 0].tolist() == [0, 2, 4, 4, 1, 0]
    assert device.usual_level_kwh[:, 0].tolist() == [0, 2, 6, 7, 7, 0]
    assert device.wear.tolist() == [0.03]
    with pytest.raises(DataError, match=r"sessions\.csv row 2, column member: 'nobody'"):
        from_file(tmp_path, street(6), "nobody,2025-06-02T01:30:00+00:00,2025-06-02T04:15:00+00:00,7,4,0")
    with pytest.raises(ScenarioError, match=r"devices\.ev\.file: member_2 has a vehicle already"):
        from_file(tmp_path, community, "member_2,2025-06-02T01:00:00+00:00,2025-06-02T02:00:00+00:00,1,4,0")
    late = from_file(tmp_path, street(2), "member_1,2025-06-03T01:00:00+00:00,2025-06-03T02:00:00+00:00,1,4,0")
    assert late.notes == ("sessions.csv: 1 sessions lie outside the run and are left out",)


def test_the_file_says_who() -> None:
    with pytest.raises(ValidationError, match="`file` says who"):
        Ev(file=Path("evs.csv"), share=0.5)


def test_the_cheapest_hours_before_departure(tmp_path: Path) -> None:
    """Prices 4, 1, 3, 2: 5 kWh at 3 kW by the end of the third hour cost 3 x 1 + 2 x 3, not 3 x 1 + 2 x 2."""
    community = from_file(tmp_path, street(4), "member_1,2025-06-02T00:00:00+00:00,2025-06-02T03:00:00+00:00,5,3,0")
    tariff = Series(import_prices=(4.0, 1.0, 3.0, 2.0), export_ratio=0.0)
    kept = records(Scenario(tariff=tariff, dispatch=MemberOptimal()), community)
    np.testing.assert_allclose(column(kept, "charge_kwh")[:, 0], [0, 3, 2, 0], atol=1e-9)
    assert column(kept, "level_kwh")[2, 0] == pytest.approx(5.0)


@pytest.mark.parametrize(("efficiency", "given"), [(0.87, 2.0), (0.4, 0.0)])
def test_giving_back_pays_where_prices_differ_by_more_than_is_lost(
    tmp_path: Path, efficiency: float, given: float
) -> None:
    """Charged at 1 and sold at 2: worth it from a round trip of a half on. 2 kWh may go back in an hour."""
    row = "member_1,2025-06-02T00:00:00+00:00,2025-06-02T04:00:00+00:00,6,6,2"
    community = from_file(tmp_path, street(4), row, v2g_efficiency=efficiency)
    tariff = Series(import_prices=(1.0, 2.0, 2.0, 1.0), export_prices=(0.0, 2.0, 0.0, 0.0))
    kept = records(Scenario(tariff=tariff, dispatch=MemberOptimal()), community)
    np.testing.assert_allclose(column(kept, "discharge_kwh")[:, 0], [0, given, 0, 0], atol=1e-7)
    assert column(kept, "level_kwh")[3, 0] == pytest.approx(6.0)


def test_a_plan_that_cannot_be_is_named(tmp_path: Path) -> None:
    """The charger fails in the last two hours: 6 of 8 kWh at best."""
    community = from_file(tmp_path, street(4), "member_1,2025-06-02T00:00:00+00:00,2025-06-02T04:00:00+00:00,8,3,0")
    power = np.array(community.flexibility.charge_kw)
    power[2:] = 0.0
    broken = replace(community, flexibility=community.flexibility.powered(1.0, charge_kw=power))
    text = "vehicle of member_1 cannot reach 8 kWh by the end of slot 3: 2 kWh short"
    with pytest.raises(InfeasibleError, match=text):
        records(Scenario(dispatch=MemberOptimal()), broken)
