"""Limits of the connection: what the noun accepts, what a run does under them, and that it is never beyond them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests._communities import (
    column,
    common,
    hand_made,
    instances,
    limited,
    make_community,
    records,
    reordered,
    scenario,
    variants,
    world_of,
)

from commonwatt.connection import OPEN, Connection
from commonwatt.dispatch import DISPATCH, Dispatch
from commonwatt.dispatch.self_consumption import SelfConsumption
from commonwatt.errors import DataError, ScenarioError
from commonwatt.flow import Community, Flexibility, Schedule, Sessions, State, Streams
from commonwatt.markets import MARKETS, Market
from commonwatt.markets.mid_market_rate import MidMarketRate
from commonwatt.markets.none import NoMarket
from commonwatt.noun import Array
from commonwatt.record import Record
from commonwatt.run import run
from commonwatt.scenario import Scenario, load, validated
from commonwatt.simulate import simulate


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"import_cap_kw": np.array([5.0, -1.0])}, r"import_cap_kw\[1\] = -1.0 \(§3"),
        ({"member_export_cap_kw": np.array([np.nan])}, "member_export_cap_kw"),
        ({"group": np.array([0, 1]), "group_names": ("west",)}, "groups 0 to 0, and -1 for none"),
        ({"group_names": ("west", "west")}, "own name"),
        ({"group_names": ("west",), "group_import_cap_kw": np.ones((3, 2))}, "2 columns"),
    ],
)
def test_limits_that_mean_nothing_are_refused(fields: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        Connection(**fields)


def test_limits_of_another_length_are_refused() -> None:
    community = make_community(0, slots=8)
    with pytest.raises(DataError, match="import_cap_kw has 9 slots"):
        replace(community, connection=Connection(import_cap_kw=np.ones(9)))
    with pytest.raises(DataError, match="member_import_cap_kw has 2 members"):
        replace(community, connection=Connection(member_import_cap_kw=np.ones(2)))


def test_limits_are_cut_with_their_community() -> None:
    caps = np.arange(8.0)
    community = replace(
        make_community(0, slots=8),
        connection=Connection(import_cap_kw=caps, group=np.zeros(6, np.int64), group_names=("all",)),
    )
    now = community.window(2, 5)
    assert now.connection.import_cap_kw is not None
    assert now.connection.import_cap_kw.tolist() == [2.0, 3.0, 4.0]
    assert now.connection.group_names == ("all",)


def test_who_stands_alone_keeps_its_own_limits() -> None:
    limits = Connection(
        import_cap_kw=np.ones(2), member_import_cap_kw=np.ones(3), group=np.zeros(3, np.int64), group_names=("a",),
        group_export_cap_kw=np.ones((2, 1)),
    )  # fmt: skip
    assert OPEN.is_open
    assert not limits.is_open
    assert limits.alone().member_import_cap_kw is limits.member_import_cap_kw
    assert limits.alone().import_cap_kw is limits.alone().group_export_cap_kw is limits.alone().group is None


# --- by hand ---------------------------------------------------------------------------------------------------------


def by_hand(net_kw: list[float], limits: Connection, **devices: Any) -> Schedule:
    """One hour of members with these nets, run by `passive`."""
    community = replace(hand_made([net_kw]), connection=limits, **devices)
    document = scenario()
    (window,) = simulate(document, community)
    assert records(document, community)
    return window.schedule


def caps(**kw: Any) -> Connection:
    """Limits of an hour: numbers stand for all of them."""
    return Connection(**{name: np.asarray(value, np.float64) if "cap" in name else value for name, value in kw.items()})


def test_import_is_cut_in_proportion() -> None:
    # 4 + 2 - 3 = 3 kW may be 2: 1 kWh less, two thirds of it from who imports 4 of 6
    schedule = by_hand([4.0, 2.0, -3.0], caps(import_cap_kw=[2.0]))
    np.testing.assert_allclose(schedule.unserved_kwh, [[2 / 3, 1 / 3, 0.0]])
    assert not schedule.curtailed_kwh.any()
    assert (schedule.import_kwh.sum() - schedule.export_kwh.sum()) == pytest.approx(2.0)


def test_export_is_cut_in_proportion() -> None:
    schedule = by_hand([4.0, -2.0, -6.0], caps(export_cap_kw=[1.0]))
    np.testing.assert_allclose(schedule.curtailed_kwh, [[0.0, 0.75, 2.25]])
    assert not schedule.unserved_kwh.any()


def test_members_first_then_groups_then_all() -> None:
    # member 0 may take 3 of its 5; the group of 0 and 1 may take 4 of 3 + 3: 1 each less; all may take 5 of 2 + 2 + 4
    limits = caps(
        member_import_cap_kw=[3.0, np.inf, np.inf], group=np.array([0, 0, -1]), group_names=("west",),
        group_import_cap_kw=[[4.0]], import_cap_kw=[5.0],
    )  # fmt: skip
    schedule = by_hand([5.0, 3.0, 4.0], limits)
    # 3 too much: half of it from the group's 4, half from the single member's 4
    np.testing.assert_allclose(schedule.unserved_kwh, [[2.0 + 1.0 + 0.75, 1.0 + 0.75, 1.5]])
    np.testing.assert_allclose(schedule.import_kwh, [[1.25, 1.25, 2.5]])


def test_what_feeds_a_neighbour_behind_the_transformer_stays() -> None:
    # the group gives 3 net, its limit; outside, 8 are drawn: all together 5, of which 4 are allowed
    limits = caps(group=np.array([0, 0, -1]), group_names=("west",), group_export_cap_kw=[[3.0]], import_cap_kw=[4.0])
    schedule = by_hand([2.0, -5.0, 8.0], limits)
    np.testing.assert_allclose(schedule.unserved_kwh, [[0.0, 0.0, 1.0]])
    assert not schedule.curtailed_kwh.any()


def battery(charge_kwh: float, owner: int = 0, **sizes: float) -> Flexibility:
    """A battery that usually charges so much in its hour."""
    one = {"charge_kw": np.array([9.0]), "discharge_kw": np.array([9.0]), "soc_min": 0.0, "soc_max": 1.0, **sizes}
    device = Flexibility.batteries(1, np.array([owner]), np.array([20.0]), **one)
    return replace(device, usual_charge_kw=np.full((1, 1), charge_kwh))


def test_charging_waits_so_that_load_is_served() -> None:
    # 6 + 2 + 5 charging = 13 may be 9: the battery of member 0 charges 1 instead of 5, nobody goes short
    schedule = by_hand([6.0, 2.0], caps(import_cap_kw=[9.0]), flexibility=battery(5.0))
    assert not schedule.unserved_kwh.any()
    np.testing.assert_allclose(schedule.charge_kwh, [[1.0]])
    np.testing.assert_allclose(schedule.level_kwh, [[10.0 + 0.95]])
    # 7 may be had: no charging, and 1 of 8 not served
    schedule = by_hand([6.0, 2.0], caps(import_cap_kw=[7.0]), flexibility=battery(5.0))
    np.testing.assert_allclose(schedule.charge_kwh, [[0.0]])
    np.testing.assert_allclose(schedule.unserved_kwh, [[0.75, 0.25]])


def test_charging_from_the_own_roof_is_left_alone() -> None:
    # member 0 makes 4 and charges 5: only 1 of it comes in, and only that can be cut
    schedule = by_hand([-4.0, 6.0], caps(import_cap_kw=[5.0]), flexibility=battery(5.0))
    np.testing.assert_allclose(schedule.charge_kwh, [[4.0]])
    np.testing.assert_allclose(schedule.unserved_kwh, [[0.0, 1.0]])


def test_batteries_wait_before_vehicles_do() -> None:
    vehicle = replace(battery(4.0, owner=1), obliged=np.array([True]), level_min_kwh=np.full((1, 1), 14.0))
    both = Flexibility.joined(battery(5.0), vehicle.powered(1.0))
    schedule = by_hand([1.0, 1.0], caps(import_cap_kw=[4.0]), flexibility=both)
    # 2 of load, 5 into the battery, 4 into the vehicle: 7 less, 5 from the one, 2 from the other
    np.testing.assert_allclose(schedule.charge_kwh, [[0.0, 2.0]])
    np.testing.assert_allclose(schedule.shortfall_kwh, [[0.0, 14.0 - 10.0 - 1.9]])
    assert not schedule.unserved_kwh.any()


def nights(energy_kwh: list[float], hours: int = 8, power_kw: float = 3.0) -> Community:
    """A vehicle that is plugged in `hours` of every 10 and wants so much, in hours of a home without load."""
    count = len(energy_kwh)
    community = hand_made(np.zeros((10 * count, 1)))
    arrival = 10.0 * np.arange(count)
    sessions = Sessions(
        member=np.zeros(count, np.int64), arrival=arrival, departure=arrival + hours, energy_kwh=np.array(energy_kwh),
        power_kw=np.full(count, power_kw), v2g_kw=np.zeros(count),
    )  # fmt: skip
    return replace(community, flexibility=Flexibility.vehicles(community.clock, sessions), sessions=sessions)


RULES = [pytest.param(rule, id=label) for label, rule in instances(DISPATCH) if rule.causal]


@pytest.mark.parametrize("rule", RULES)
def test_a_vehicle_makes_up_for_what_it_could_not_charge(rule: Dispatch) -> None:
    # 6 kWh at 3 kW take two hours; for these it gets 1 kW, then all it can: 1, 1, 3, 1
    community = nights([6.0])
    most = np.where(np.arange(10) < 2, 1.0, np.inf)
    (record,) = records(scenario(dispatch=rule), replace(community, connection=caps(import_cap_kw=most)))
    np.testing.assert_allclose(record.columns["charge_kwh"][:, 0], [1, 1, 3, 1, 0, 0, 0, 0, 0, 0], atol=1e-12)
    assert not record.columns["shortfall_kwh"].any()


@pytest.mark.parametrize("rule", RULES)
def test_what_it_leaves_without_is_charged_the_next_night(rule: Dispatch) -> None:
    # the first night brings 8 of 12 kWh; it drives all the same, and the second night has to bring 6 + 4
    community = nights([12.0, 6.0, 6.0])
    most = np.where(np.arange(30) < 10, 1.0, np.inf)
    (record,) = records(scenario(dispatch=rule), replace(community, connection=caps(import_cap_kw=most)))
    charged, lacks = record.columns["charge_kwh"][:, 0], record.columns["shortfall_kwh"][:, 0]
    np.testing.assert_allclose(charged.reshape(3, 10).sum(axis=1), [8.0, 10.0, 6.0])
    np.testing.assert_allclose(lacks[[7, 17, 27]], [4.0, 0.0, 0.0], atol=1e-12)


def test_a_run_says_who_was_short_and_by_how_much() -> None:
    # the same nights: 4 of 12 kWh are missing; without a limit nothing is
    most = np.where(np.arange(30) < 10, 1.0, np.inf)
    community = nights([12.0, 6.0, 6.0])
    held = run(scenario(), community=replace(community, connection=caps(import_cap_kw=most)))
    (said,) = [note for note in held.notes if note.startswith("short of what was due")]
    assert "vehicle of member_1 by 4 kWh" in said
    assert "limits hold back charging before load" in said
    assert not [note for note in run(scenario(), community=community).notes if "short" in note]


def test_what_a_device_gives_back_is_cut_before_pv() -> None:
    community = replace(hand_made([[-3.0, 1.0]]), flexibility=battery(0.0), connection=caps(export_cap_kw=[4.0]))
    state = State.initial(community)
    given = Schedule.carried_out(community, state, np.zeros((1, 1)), np.full((1, 1), 5.0))
    limited = given.limited(community, state)
    # 3 of PV and 5 from the battery, less 1 of the neighbour: 7 may be 4
    np.testing.assert_allclose(limited.discharge_kwh, [[2.0]])
    np.testing.assert_allclose(limited.level_kwh, [[10.0 - 2.0 / 0.95]])
    assert not limited.curtailed_kwh.any()


def test_a_plan_goes_on_with_what_still_fits() -> None:
    """Charging is cut in the first hour, so the second has less to give back; the third is as planned."""
    community = hand_made([[2.0], [8.0], [2.0]])
    device = Flexibility.batteries(
        3, np.array([0]), np.array([10.0]), charge_kw=np.array([5.0]), discharge_kw=np.array([5.0]), soc_min=0.0,
        soc_max=1.0, soc_start=0.0, charge_efficiency=1.0, discharge_efficiency=1.0,
    )  # fmt: skip
    community = replace(community, flexibility=device, connection=caps(import_cap_kw=[4.0] * 3))
    state = State.initial(community)
    planned = Schedule.carried_out(community, state, np.array([[5.0], [0.0], [1.0]]), np.array([[0.0], [5.0], [0.0]]))
    limited = planned.limited(community, state)
    np.testing.assert_allclose(limited.charge_kwh, [[2.0], [0.0], [1.0]])
    np.testing.assert_allclose(limited.discharge_kwh, [[0.0], [2.0], [0.0]])
    np.testing.assert_allclose(limited.unserved_kwh, [[0.0], [2.0], [0.0]])
    np.testing.assert_allclose(limited.level_kwh, [[2.0], [0.0], [1.0]])
    assert limited.followed(planned) == 1


def test_nothing_is_touched_where_nothing_is_exceeded() -> None:
    community = replace(make_community(2), connection=caps(import_cap_kw=[1e3] * 110, member_export_cap_kw=[1e3] * 6))
    state = State.initial(community)
    planned = SelfConsumption().plan(community, None, None, state)
    assert planned.limited(community, state) is planned
    assert planned.limited(replace(community, connection=OPEN), state) is planned


# --- always ----------------------------------------------------------------------------------------------------------


def nets(record: Record, limits: Connection) -> dict[str, Array]:
    """Net import of members, groups and all, by the names of their limits."""
    net = record.columns["import_kwh"] - record.columns["export_kwh"]
    groups = [net[:, limits.group == g].sum(axis=1) for g in range(len(limits.group_names))]
    return {"member_": net, "group_": np.stack(groups, axis=1), "": net.sum(axis=1)}


COMMUNITIES = given(
    seed=st.integers(0, 10_000), tightness=st.sampled_from([0.0, 0.1, 0.4, 0.8]), members=st.integers(1, 7)
)  # fmt: skip
FEW = settings(max_examples=25, deadline=None)


@pytest.mark.parametrize("rule", RULES)
@COMMUNITIES
@FEW
def test_no_limit_is_exceeded_and_no_energy_is_lost(rule: Dispatch, seed: int, tightness: float, members: int) -> None:
    community = limited(make_community(seed, members=members, slots=40), seed, tightness)
    limits, hours = community.connection, community.clock.hours
    (record,) = records(scenario(dispatch=rule), community)
    for level, net in nets(record, limits).items():
        assert (net <= getattr(limits, f"{level}import_cap_kw") * hours + 1e-9).all()
        assert (-net <= getattr(limits, f"{level}export_cap_kw") * hours + 1e-9).all()
    c, device = record.columns, community.flexibility
    assert (c["unserved_kwh"] <= community.load_kwh + 1e-12).all()
    assert (c["curtailed_kwh"] <= community.pv_kwh + 1e-12).all()
    into_devices = device.by_member(c["charge_kwh"] - c["discharge_kwh"], members)
    served, used = community.load_kwh - c["unserved_kwh"], community.pv_kwh - c["curtailed_kwh"]
    np.testing.assert_allclose(c["import_kwh"] - c["export_kwh"], served - used + into_devices, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rule", RULES)
@COMMUNITIES
@FEW
def test_cutting_the_horizon_changes_no_bit_under_limits(
    rule: Dispatch, seed: int, tightness: float, members: int
) -> None:
    community = limited(make_community(seed, members=members, slots=40), seed, tightness)
    document = scenario(dispatch=rule)
    whole = records(document, community)
    for cut in (1, 7):
        parts = records(document, community, cut=cut)
        assert [name for name in whole[0].columns if not np.array_equal(column(whole, name), column(parts, name))] == []


@pytest.mark.parametrize("rule", RULES)
@COMMUNITIES
@FEW
def test_the_order_of_members_does_not_matter_under_limits(
    rule: Dispatch, seed: int, tightness: float, members: int
) -> None:
    community = limited(make_community(seed, members=members, slots=40), seed, tightness)
    order = np.random.default_rng(seed).permutation(members)
    mine, theirs = (records(scenario(dispatch=rule), c) for c in (community, reordered(community, order)))
    for name in ("import_kwh", "export_kwh", "unserved_kwh", "curtailed_kwh"):
        np.testing.assert_allclose(column(mine, name)[:, order], column(theirs, name), rtol=0, atol=1e-9)


@pytest.mark.parametrize("market", variants(MARKETS))
def test_no_mechanism_changes_what_flows(market: Market) -> None:
    community = limited(make_community(4, slots=60), 1, 0.5)
    names = ("import_kwh", "export_kwh", "unserved_kwh", "curtailed_kwh", "level_kwh")
    documents = [scenario(dispatch=SelfConsumption(), market=each) for each in (NoMarket(), market)]
    terms = [world_of(common(0.3, 0.1, community), document, community) for document in documents]
    plain, shared = (
        records(document, community, replace(prices, inner=np.full(60, 0.2)))
        for document, prices in zip(documents, terms, strict=True)
    )
    assert [name for name in names if not np.array_equal(column(plain, name), column(shared, name))] == []


@given(seed=st.integers(0, 10_000), tightness=st.sampled_from([0.1, 0.5]))
@FEW
def test_any_plan_is_kept_to_the_limits(seed: int, tightness: float) -> None:
    """Random charging and discharging that the envelopes allow when nothing is limited."""
    community = limited(make_community(seed, slots=40), seed, tightness)
    device, rng = community.flexibility, np.random.default_rng(seed)
    state, hours = State.initial(community), community.clock.hours
    level = state.level_kwh
    charge, discharge = np.zeros((40, device.devices)), np.zeros((40, device.devices))
    for t in range(40):
        base = level * (1 - device.leakage) - device.drain_kwh[t]
        room = np.maximum((device.level_max_kwh[t] - base) / device.charge_efficiency[t], 0.0)
        able = np.maximum((base - device.level_min_kwh[t]) * device.discharge_efficiency, 0.0)
        way = rng.integers(0, 3, device.devices)
        charge[t] = (way == 1) * np.minimum(device.charge_kw[t] * hours, room)
        discharge[t] = (way == 2) * np.minimum(device.discharge_kw[t] * hours, able)
        level = base + charge[t] * device.charge_efficiency[t] - discharge[t] / device.discharge_efficiency
    planned = Schedule.carried_out(community, state, charge, discharge)
    kept = planned.limited(community, state)
    assert (kept.charge_kwh <= charge).all()
    assert (kept.discharge_kwh <= discharge).all()
    assert kept.limited(community, state) is kept
    high, low = device.level_max_kwh + 1e-9, np.minimum(device.level_min_kwh, planned.level_kwh) - 1e-9
    assert (kept.level_kwh <= high).all()
    assert ((kept.level_kwh >= low) | (kept.discharge_kwh <= 1e-9)).all()


def test_alone_only_the_own_limits_bind() -> None:
    """§14: a member on its own has its own fuse, and no neighbour to share a transformer with."""
    community = hand_made([[4.0, 6.0]])
    tight = replace(community, connection=caps(import_cap_kw=[5.0], member_import_cap_kw=[9.0, 5.0]))
    document = Scenario.model_validate({"tariff": {"kind": "flat", "buy": 1.0, "export_ratio": 0.5}})
    done = run(document, community=tight)
    assert done.facts.alone.by_member["bill_money"].tolist() == pytest.approx([4.0, 5.0])
    assert done.bills.tolist() == pytest.approx([5 * 4 / 9, 5 * 5 / 9])
    assert done.facts.gross_bill.tolist() == pytest.approx([4.0, 6.0])


# --- in documents ----------------------------------------------------------------------------------------------------


def behind(limits: dict[str, Any], community: Community | None = None, seed: int = 3) -> Connection:
    """The connection that a document's limits make."""
    document = Scenario.model_validate({"limits": limits})
    return document.limits.applied(community or make_community(0), Streams(seed)).connection


def test_numbers_in_a_document() -> None:
    found = behind({"import_cap_kw": 5, "peak_reduction": 0.5, "peak_start": 22, "peak_stop": 2})
    hour = make_community(0).clock.hour
    assert found.export_cap_kw is None
    np.testing.assert_array_equal(found.import_cap_kw, np.where((hour >= 22) | (hour < 2), 2.5, 5.0))
    noisy = behind({"import_cap_kw": 5, "export_cap_kw": 5, "noise": 0.1})
    assert np.array_equal(noisy.import_cap_kw, behind({"import_cap_kw": 5, "noise": 0.1}).import_cap_kw)
    assert not np.array_equal(noisy.import_cap_kw, noisy.export_cap_kw)
    assert not np.array_equal(noisy.import_cap_kw, behind({"import_cap_kw": 5, "noise": 0.1}, seed=4).import_cap_kw)


def test_what_a_document_says_stands_in_place_of_the_folder() -> None:
    own = np.array([1.0, np.inf, 2.0, np.inf, np.inf, np.inf])
    had = Connection(import_cap_kw=np.full(110, 9.0), export_cap_kw=np.full(110, 8.0), member_import_cap_kw=own)
    community = replace(make_community(0), connection=had)
    found = behind({"import_cap_kw": 4, "member_import_cap_kw": 3}, community)
    assert found.import_cap_kw is not None
    assert found.import_cap_kw[0] == 4
    assert found.export_cap_kw is had.export_cap_kw
    assert found.member_import_cap_kw.tolist() == [1, 3, 2, 3, 3, 3]
    assert behind({}, community).import_cap_kw is had.import_cap_kw
    assert behind({"hold": False, "import_cap_kw": 4}, community).is_open


def test_groups_in_a_document() -> None:
    west = {"name": "west", "members": ["m0", "m4"], "import_cap_kw": 7}
    found = behind({"groups": [west, {"name": "east", "members": ["m1"]}]})
    assert found.group_names == ("west", "east")
    assert found.group.tolist() == [0, 1, -1, -1, 0, -1]
    assert found.group_import_cap_kw[5].tolist() == [7, np.inf]
    assert found.group_export_cap_kw is None


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"groups": [{"members": ["m9"]}]}, r"limits.groups\[0\].members: nobody is called 'm9'"),
        ({"groups": [{"members": ["m1"]}, {"name": "b", "members": ["m1"]}]}, "'m1' stands in two groups"),
        ({"groups": [{"members": ["m1"]}, {"members": ["m2"]}]}, r"groups\[1\].name = 'group': stands twice"),
        ({"file": "a.csv", "import_cap_kw": 3}, "limits.file beside limits.import_cap_kw"),
    ],
)
def test_limits_that_contradict_are_refused(limits: dict[str, Any], says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        behind(limits)


def test_mistakes_in_a_document_are_explained() -> None:
    document = {"limits": {"import_cap": 3, "peak_start": 30, "groups": [{"import_cap_kw": -1}]}}
    with pytest.raises(ScenarioError) as caught:
        validated(document, Scenario)
    told = str(caught.value)
    assert "limits.import_cap: unknown parameter (documents are closed); did you mean import_cap_kw?" in told
    assert "limits.peak_start = 30" in told
    assert "limits.groups[0].import_cap_kw = -1" in told


def test_a_table_beside_its_document_is_an_input(tmp_path: Path) -> None:
    (tmp_path / "grid.csv").write_text("timestep,import_capacity_kw\n" + "".join(f"{t},2.5\n" for t in range(24)))
    text = "source: {kind: sample, slots: 24}\nlimits: {file: grid.csv}\n"
    (tmp_path / "a.yaml").write_text(text)
    document = load(tmp_path / "a.yaml")
    assert list(document.inputs()) == ["Limits/grid.csv"]
    assert document.community().connection.import_cap_kw.tolist() == [2.5] * 24
    before = document.identity()
    (tmp_path / "grid.csv").write_text("timestep,import_capacity_kw\n" + "".join(f"{t},2\n" for t in range(24)))
    assert load(tmp_path / "a.yaml").identity() != before
    assert run(load(tmp_path / "a.yaml")).metrics["peak_import"] <= 2 + 1e-9
    (tmp_path / "grid.csv").unlink()
    with pytest.raises(ScenarioError, match=r"limits\.file = .*grid\.csv: no such file"):
        load(tmp_path / "a.yaml").identity()


# --- metrics ---------------------------------------------------------------------------------------------------------


def test_metrics_by_hand() -> None:
    # 8 kWh wanted, 6 may be had; then 6 made with 1 used, 4 may be given; then nothing happens
    community = hand_made([[5.0, 3.0], [1.0, -6.0], [0.0, 0.0]])
    limits = Connection(import_cap_kw=np.full(3, 6.0), export_cap_kw=np.full(3, 4.0), unserved_value=3.0)
    done = run(scenario(market=MidMarketRate()), community=replace(community, connection=limits))
    assert done.notes == ("behind limits of the connection: 2.0 kWh not served, 1.0 kWh curtailed",)
    found = done.metrics
    assert found["unserved"] == pytest.approx(2.0)
    assert found["curtailed"] == pytest.approx(1.0)
    assert found["loss_of_load"] == pytest.approx(2 / 9)
    assert found["curtailment"] == pytest.approx(1 / 6)
    assert found["overload_hours"] == found["hours_at_limit"] == 2.0
    assert found["unserved_cost"] == pytest.approx(6.0)
    # of 9 kWh of load, 1 comes from a neighbour; of 6 kWh of PV, 1 goes there
    assert found["self_sufficiency"] == pytest.approx(1 / 9)
    assert found["self_consumption"] == pytest.approx(1 / 6)
    assert found["individual_self_consumption"] == pytest.approx(0.0)
