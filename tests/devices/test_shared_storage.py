"""Batteries shared by accounts, and the community's own: by hand, as properties, and what members have alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests._communities import bills, column, hand_made, limited, make_community, records, reordered

from commonwatt.audit import Audit
from commonwatt.commons import apart, common
from commonwatt.connection import Connection
from commonwatt.devices.central_battery import CentralBattery
from commonwatt.devices.shared_battery import SharedBattery
from commonwatt.dispatch._decided import Decided
from commonwatt.dispatch.community_optimal import CommunityOptimal
from commonwatt.dispatch.member_optimal import MemberOptimal
from commonwatt.dispatch.passive import Passive
from commonwatt.dispatch.self_consumption import SelfConsumption
from commonwatt.errors import DataError, ScenarioError
from commonwatt.flow import Community, Schedule, State, Streams
from commonwatt.markets.none import NoMarket
from commonwatt.markets.pool import CommunityPool
from commonwatt.record import Record
from commonwatt.run import auditor, run
from commonwatt.scenario import Scenario
from commonwatt.sources.folder import Folder
from commonwatt.tariffs.flat import Flat

PLAIN = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "soc_min": 0.0, "soc_max": 1.0, "soc_start": 0.0}
RULE = Scenario(dispatch=SelfConsumption())


def shared(net: Any, **fields: Any) -> Community:
    return SharedBattery(**{**PLAIN, "capacity_kwh": 9.0, "power_kw": 9.0, **fields}).added(hand_made(net), Streams(0))


def test_room_is_shared_in_proportion_to_surplus_and_each_takes_its_own() -> None:
    """Surplus 8 and 4 for 9 kWh of room: 6 and 3. Then both lack 4: the second has only 3 of its own."""
    kept = records(RULE, shared([[-8.0, -4.0, 0.0], [4.0, 4.0, 4.0], [4.0, 4.0, 4.0]]))
    assert column(kept, "charge_kwh")[0].tolist() == [6.0, 3.0, 0.0]
    assert column(kept, "discharge_kwh")[1:].tolist() == [[4.0, 3.0, 0.0], [2.0, 0.0, 0.0]]
    assert column(kept, "level_kwh").tolist() == [[6.0, 3.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert column(kept, "import_kwh")[1:].tolist() == [[0.0, 1.0, 4.0], [2.0, 4.0, 4.0]]
    assert column(kept, "export_kwh")[0].tolist() == [2.0, 1.0, 0.0]


def test_a_large_surplus_keeps_its_proportion() -> None:
    """20 and 4 kWh for 9 kWh of room: 7.5 and 1.5, though one alone could fill it."""
    kept = records(RULE, shared([[-20.0, -4.0]]))
    np.testing.assert_allclose(column(kept, "charge_kwh")[0], [7.5, 1.5], rtol=0, atol=1e-12)


def test_power_is_shared_too() -> None:
    """At 3 kW: 2 and 1 in; then 4 and 2 are lacking and 2 and 1 in store, again at 3 kW."""
    kept = records(RULE, shared([[-8.0, -4.0], [4.0, 2.0]], power_kw=3.0))
    assert column(kept, "charge_kwh")[0].tolist() == [2.0, 1.0]
    assert column(kept, "discharge_kwh")[1].tolist() == [2.0, 1.0]


def test_it_runs_the_way_that_moves_more() -> None:
    """First all store; then one has 1 kWh left over while the other lacks 3; then the other way round."""
    kept = records(RULE, shared([[-4.0, -4.0], [-1.0, 3.0], [-3.0, 1.0]]))
    assert column(kept, "charge_kwh").tolist() == [[4.0, 4.0], [0.0, 0.0], [3.0, 0.0]]
    assert column(kept, "discharge_kwh").tolist() == [[0.0, 0.0], [0.0, 3.0], [0.0, 0.0]]


def test_parts_say_whose_energy_it_starts_with() -> None:
    community = shared(
        [[0.0, 0.0]], members=("member_1", "member_2"), parts=(2.0, 1.0), soc_start=0.5, soc_min=0.1
    )  # fmt: skip
    device = community.flexibility
    np.testing.assert_allclose(device.level_start_kwh, [3.0, 1.5])
    np.testing.assert_allclose(device.level_min_kwh[0], [0.6, 0.3])
    np.testing.assert_allclose(device.capacity_kwh, [6.0, 3.0])
    assert device.level_max_kwh[0].tolist() == [9.0, 9.0]
    whole = device.common(device.batteries_shared["shared battery"])
    assert (whole.owner.tolist(), whole.capacity_kwh.tolist(), whole.level_max_kwh[0, 0]) == ([-1], [9.0], 9.0)


def test_the_central_battery_takes_what_all_leave_over_while_the_pool_is_open() -> None:
    """Surplus 5 against a lack of 2 leaves 3; the pool is closed in the second hour; then 4 are lacking."""
    bare = hand_made([[-5.0, 2.0], [-5.0, 2.0], [1.0, 3.0]], market_open=np.array([True, False, True]))
    community = CentralBattery(**PLAIN, capacity_kwh=20.0, power_kw=9.0).added(bare, Streams(0))
    assert community.names == ("member_1", "member_2", "central_battery")
    kept = records(replace_market(CommunityPool()), community)
    assert column(kept, "charge_kwh")[:, 0].tolist() == [3.0, 0.0, 0.0]
    assert column(kept, "discharge_kwh")[:, 0].tolist() == [0.0, 0.0, 3.0]
    assert column(kept, "import_kwh")[0].tolist() == [0.0, 2.0, 3.0]
    resting = records(replace_market(NoMarket()), community)
    assert not column(resting, "charge_kwh").any(), "nobody shares, so there is nothing to store for all"


def replace_market(market: Any) -> Scenario:
    return Scenario(dispatch=SelfConsumption(), market=market, tariff=Flat())


def test_the_central_battery_is_nobodys_household() -> None:
    """What it earns is the community's; no index of fairness knows it."""
    bare = hand_made([[-5.0, 2.0], [1.0, 4.0]])
    community = CentralBattery(**PLAIN).added(bare, Streams(0))
    told, plain = (run(replace_market(CommunityPool()), community=c) for c in (community, bare))
    assert told.facts.households.tolist() == [True, True, False]
    assert not np.isnan(told.metrics["fairness"])
    assert told.metrics["least_saving"] == told.savings[:2].min()
    assert told.facts.alone.by_member["bill_money"][:2] == pytest.approx(plain.facts.alone.by_member["bill_money"])
    assert told.metrics["total_cost"] == pytest.approx(float(told.bills.sum()))
    assert told.metrics["total_cost"] < plain.metrics["total_cost"]


def test_alone_nobody_has_a_part_in_anything() -> None:
    both = CentralBattery().added(SharedBattery().added(make_community(1), Streams(0)), Streams(0))
    assert common(both).sum() == 7
    assert apart(both).flexibility.devices == make_community(1).flexibility.devices
    told = run(Scenario(dispatch=SelfConsumption(), market=CommunityPool()), community=both)
    without = run(Scenario(dispatch=SelfConsumption(), market=CommunityPool()), community=make_community(1))
    np.testing.assert_allclose(
        told.facts.alone.by_member["bill_money"][:6], without.facts.alone.by_member["bill_money"], rtol=0, atol=1e-12
    )  # fmt: skip


@st.composite
def quarters(draw: Any) -> Community:
    """Members with devices of their own, up to two shared batteries and a central one, leaky and lossy."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    community = make_community(int(rng.integers(1000)), members=4, slots=draw(st.integers(1, 40)))
    for k in range(draw(st.integers(1, 2))):
        battery = SharedBattery(
            name=f"yard {k}", share=0.8, capacity_kwh=float(rng.uniform(1, 20)), leakage=float(rng.choice([0.0, 0.01]))
        )
        community = battery.added(community, Streams(int(rng.integers(1000))))
    return CentralBattery().added(community, Streams(0)) if draw(st.booleans()) else community


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(quarters(), st.sampled_from([Passive(), SelfConsumption()]), st.integers(1, 39))
def test_accounts_keep_what_is_common(community: Community, dispatch: Any, cut: int) -> None:
    document = Scenario(dispatch=dispatch, market=CommunityPool(), tariff=Flat())
    kept, device, hours = records(document, community), community.flexibility, community.clock.hours
    charge, discharge, level = (column(kept, name) for name in ("charge_kwh", "discharge_kwh", "level_kwh"))
    for rows in device.batteries_shared.values():
        whole = device.common(rows)
        assert (level[:, rows] >= -1e-9).all()
        assert (level[:, rows].sum(axis=1) <= whole.level_max_kwh[:, 0] + 1e-9).all()
        assert (charge[:, rows].sum(axis=1) <= whole.charge_kw[:, 0] * hours + 1e-9).all()
        assert (discharge[:, rows].sum(axis=1) <= whole.discharge_kw[:, 0] * hours + 1e-9).all()
        assert (np.minimum(charge[:, rows].sum(axis=1), discharge[:, rows].sum(axis=1)) == 0).all()
    parts = records(document, community, cut=cut)
    for name in kept[0].columns:
        assert np.array_equal(column(kept, name), column(parts, name)), name


def test_what_an_account_could_not_give_back_takes_the_room_of_others() -> None:
    """Full with the first one's 4 kWh, which may not leave: of 2 and 6 kWh that the others would store, none fits."""
    community = replace(
        shared([[0.0, 0.0, 0.0], [0.0, -2.0, -6.0]], capacity_kwh=4.0),
        connection=Connection(member_export_cap_kw=np.array([1.0, 9.0, 9.0])),
    )
    state = replace(State.initial(community), level_kwh=np.array([4.0, 0.0, 0.0]))
    charge, discharge = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 3.0]]), np.array([[4.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    kept = Schedule.carried_out(community, state, charge, discharge).limited(community, state)
    np.testing.assert_allclose(kept.discharge_kwh, [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(kept.charge_kwh, [[0.0, 0.0, 0.0], [0.0, 0.25, 0.75]])
    np.testing.assert_allclose(kept.level_kwh, [[3.0, 0.0, 0.0], [3.0, 0.25, 0.75]])


def test_a_battery_fuller_than_its_room_by_rounding_rests() -> None:
    """0.1 + 0.2 kWh in 0.3 kWh: the first one may not give anything back, and nobody charges after that."""
    community = replace(
        shared([[0.0, 0.0], [0.0, 0.0]], capacity_kwh=0.3),
        connection=Connection(member_export_cap_kw=np.array([0.0, 9.0])),
    )
    state = replace(State.initial(community), level_kwh=np.array([0.1, 0.2]))
    discharge = np.array([[0.1, 0.0], [0.0, 0.0]])
    kept = Schedule.carried_out(community, state, np.zeros((2, 2)), discharge).limited(community, state)
    assert kept.level_kwh.tolist() == [[0.1, 0.2], [0.1, 0.2]]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.4]))
def test_accounts_keep_what_is_common_whatever_a_limit_cuts(seed: int, tightness: float) -> None:
    """A small battery, almost full, does what suits three times the load, behind limits that nobody knew."""
    believed = make_community(seed, members=4, slots=40, devices=False)
    size = 0.5 + seed % 7 / 3
    believed = SharedBattery(capacity_kwh=size, power_kw=size, soc_start=0.8).added(believed, Streams(seed))
    true = limited(replace(believed, load_kw=believed.load_kw / 3), seed, tightness)
    state = State.initial(true)
    planned = SelfConsumption().plan(believed, RULE.prices(believed), None, state)
    kept = Schedule.carried_out(true, state, planned.charge_kwh, planned.discharge_kwh).limited(true, state)
    assert (kept.charge_kwh <= planned.charge_kwh).all()
    assert (kept.discharge_kwh <= planned.discharge_kwh).all()
    assert (kept.level_kwh >= -1e-9).all()
    assert (kept.level_kwh.sum(axis=1) <= true.flexibility.level_max_kwh[:, 0] + 1e-9).all()


def test_a_plan_goes_on_one_way_where_it_was_held_back() -> None:
    """Meant to be at (0, 0), then at (0, 2); held back at (2, 0): the second one charges, or the first gives back."""
    community = shared([[0.0, 0.0]], capacity_kwh=3.0, power_kw=2.0)
    left = Decided(np.array([[0.0, 2.0]]), np.zeros((1, 2))).carry
    state = replace(State.initial(community), level_kwh=np.array([2.0, 0.0]), carry=left)
    done = MemberOptimal().plan(community, RULE.prices(community), None, state)
    assert min(done.charge_kwh.sum(), done.discharge_kwh.sum()) == 0
    assert done.charge_kwh.tolist() == [[0.0, 1.0]], "more does not fit"


def test_nobody_gains_by_its_place_in_the_list() -> None:
    order = np.array([3, 1, 0, 2])
    community = SharedBattery(soc_start=0.1).added(make_community(2, members=4, devices=False), Streams(0))
    mine, theirs = (bills(records(RULE, c)) for c in (community, reordered(community, order)))
    np.testing.assert_allclose(mine[:, order], theirs, rtol=0, atol=1e-12)


def test_a_plan_is_never_worse_than_the_rule_at_the_same_end() -> None:
    """The rule's battery ends as it began; the joint plan may not end lower."""
    community = shared([[-6.0, 1.0], [3.0, 3.0], [3.0, 2.0]], soc_start=0.0)
    document = Scenario(tariff=Flat(), market=CommunityPool())
    ruled, planned = (
        run(document.model_copy(update={"dispatch": dispatch}), community=community)
        for dispatch in (SelfConsumption(), CommunityOptimal())
    )
    assert planned.solver is not None
    assert planned.metrics["total_cost"] <= ruled.metrics["total_cost"] + 1e-9


FAULTS = {
    "too much in it": ("level_kwh", [5.0, 5.0]), "a debt": ("level_kwh", [-7.0, 0.0]),
    "too fast in": ("charge_kwh", [9.0, 9.0]), "too fast out": ("discharge_kwh", [9.0, 9.0]),
    "both ways": ("discharge_kwh", [0.0, 1.0]),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_audit_adds_accounts_up(fault: str) -> None:
    community = shared([[-8.0, -4.0], [0.0, 0.0]])
    document, (name, more) = RULE, FAULTS[fault]
    prices = document.prices(community)
    record = records(document, community)[0]

    def broken(of: Record) -> set[str]:
        audit: Audit = auditor(document, community, prices)
        audit.take(of)
        return set(audit.broken)

    assert broken(record) == set()
    values = np.array(record.columns[name])
    values[0] += more
    assert "S4" in broken(record.changed(name, values))


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ScenarioError, match="'shared battery' stands twice"):
        SharedBattery().added(shared([[0.0, 1.0]]), Streams(0))
    with pytest.raises(ValidationError, match="2 parts for 1 members named"):
        SharedBattery(members=("a",), parts=(1.0, 2.0))
    with pytest.raises(ScenarioError, match="'member_1' is a member's"):
        CentralBattery(name="member_1").added(hand_made([[1.0]]), Streams(0))
    with pytest.raises(ScenarioError, match=r"devices\.central_battery: soc_min, soc_start, soc_max"):
        CentralBattery(soc_start=0.95).added(hand_made([[1.0]]), Streams(0))


STREET = "time,anna,ben\n2025-06-02T12:00:00+00:00,1,1\n2025-06-02T13:00:00+00:00,1,1\n"


def read(folder: Any, text: str) -> Community:
    for name in ("load_profiles", "pv_profiles"):
        (folder / f"{name}.csv").write_text(STREET)
    (folder / "shared_batteries.json").write_text(text)
    return Folder(path=folder).community(Streams(0))


def test_a_folder_may_hold_shared_batteries(tmp_path: Any) -> None:
    sheet = '"capacity_kwh": 12, "power_kw": 4, "soc_initial": 0.5'
    device = read(tmp_path, f'{{"yard": {{{sheet}, "accounts": {{"ben": 1, "anna": 3}}}}}}').flexibility
    assert (device.owner.tolist(), device.level_start_kwh.tolist()) == ([0, 1], [4.5, 1.5])
    assert list(device.batteries_shared) == ["yard"]
    for text, said in (
        (f'{{"yard": {{{sheet}, "accounts": {{"carl": 1}}}}}}', r"'carl' \(a member of the load table\)"),
        (f'{{"yard": {{{sheet}}}}}', "parts by member"),
        ('{"yard": {"capacity_kwh": 0, "accounts": {"anna": 1}}}', "no name or no capacity"),
        ("[]", "batteries by name"),
    ):
        with pytest.raises(DataError, match=said):
            read(tmp_path, text)


def test_a_central_battery_widens_the_limits() -> None:
    bare = make_community(0, members=2)
    limited = replace(bare, connection=replace(bare.connection, member_import_cap_kw=np.array([3.0, 4.0])))
    larger = CentralBattery().added(limited, Streams(0))
    assert larger.connection.member_import_cap_kw.tolist() == [3.0, 4.0, np.inf]
    assert larger.traits["contract_buy"][2] == pytest.approx(bare.traits["contract_buy"].mean())
    assert larger.traits["central"].tolist() == [0.0, 0.0, 1.0]


# --- planned by the rule, or out of time -----------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{"engine": "rule"}, {"seconds": 1e-6}])
def test_the_rule_keeps_accounts_together_as_a_plan_too(fields: dict[str, Any]) -> None:
    """Accounts of full power each could fill up at the end, but not all at once: they move in step."""
    battery = SharedBattery(**{**PLAIN, "capacity_kwh": 6.0, "power_kw": 1.5, "soc_start": 0.5})
    community = battery.added(make_community(9, slots=24), Streams(0))
    scenario = Scenario(dispatch=CommunityOptimal(**fields), market=CommunityPool())
    result = run(scenario, community=community)
    assert result.verdict.holds
    assert {"S4", "P1", "P2", "P3"} <= set(result.verdict.checked)
    assert result.solver
    assert result.solver["status"].startswith("open")
    levels = column(records(scenario, community), "level_kwh")[:, community.flexibility.accounts]
    assert np.ptp(levels.sum(axis=1)) > 1.0, "it does move"
    np.testing.assert_allclose(
        np.diff(levels, axis=0), np.diff(levels[:, :1], axis=0) * np.ones(levels.shape[1]), atol=1e-9
    )
