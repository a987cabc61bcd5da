"""Zones inside zones: neighbours first, then one level up, each level with its own losses and fee."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests._communities import column, hand_made, make_community, records
from tests.markets._orders import naive

import commonwatt as cw
from commonwatt.errors import AuditError, DataError, ScenarioError
from commonwatt.flow import Community, Zones
from commonwatt.markets import MARKETS
from commonwatt.markets._zoned import ZonedAuction
from commonwatt.record import Record
from commonwatt.run import auditor
from commonwatt.scenario import Scenario
from commonwatt.sources._write import write_folder
from commonwatt.sources.folder import Folder
from commonwatt.store import RunFolder, verify
from commonwatt.streams import Streams
from commonwatt.zones import zoned

ZONED = [kind for kind, cls in MARKETS.items() if issubclass(cls, ZonedAuction)]
LOSSY = {"efficiency": 0.9, "fee_per_kwh": 0.02}
FOUR = hand_made(
    [[2.0, -1.0, -2.0, 1.0]],
    names=("A", "B", "C", "D"),
    traits={"contract_buy": np.array([0.30, 0.30, 0.30, 0.32]), "contract_sell": np.array([0.05, 0.10, 0.06, 0.05])},
)
NORTH_AND_SOUTH = [
    {"name": "north", "efficiency": 0.98, "fee_per_kwh": 0.01, "members": ["A", "B"]},
    {"name": "south", "efficiency": 0.97, "members": ["C"]},
]


def document(kind: str = "pay_as_bid", **parts: Any) -> Scenario:
    return Scenario.model_validate(
        {"tariff": {"kind": "contract"}, "market": {"kind": kind, "zones": True}, "pool": LOSSY, **parts}
    )


def zones_of(parent: list[int], zone: list[int], efficiency: list[float] | None = None) -> Zones:
    count = len(parent)
    return Zones(
        zone_names=tuple(f"z{k}" for k in range(count)),
        parent=np.array(parent, np.int64), zone=np.array(zone, np.int64),
        zone_efficiency=np.array(efficiency or [1.0] * count), zone_fee=np.zeros(count),
    )  # fmt: skip


def in_zones(seed: int, community: Community) -> Community:
    """Members drawn into a tree of up to six zones with losses and fees."""
    rng = np.random.default_rng(seed)
    count, members = int(rng.integers(1, 7)), community.shape[1]
    parent = np.array([rng.integers(-1, k) if k else -1 for k in range(count)], np.int64)
    zones = Zones(
        zone_names=tuple(f"z{k}" for k in range(count)), parent=parent, zone=rng.integers(-1, count, members),
        zone_efficiency=rng.uniform(0.9, 1.0, count), zone_fee=rng.choice([0.0, 0.01], count),
    )  # fmt: skip
    return replace(community, zones=zones)


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_neighbours_first_by_hand() -> None:
    """B's kWh arrives with A as 0.98 at A's bid of 0.29; C's 2 go up as 1.8, of which D gets 1 at 0.31, A 0.8.

    In the north 0.01 is owed per kWh, above it 0.02, half from each side. A buys the last 0.22 from its retailer.
    """
    found = zoned(FOUR, document(zones=NORTH_AND_SOUTH).zones)
    run = cw.run(document(), community=found)
    fees = [0.0049 + 0.008, 0.0049, 0.018, 0.01]
    energy = [1.78 * 0.29 + 0.22 * 0.30, -0.98 * 0.29, -(0.31 + 0.8 * 0.29), 0.31]
    assert run.bills == pytest.approx(np.add(energy, fees))
    assert run.metrics["operator_result"] == pytest.approx(sum(fees))
    assert run.metrics["traded"] == pytest.approx(0.98 + 1.8)
    assert run.metrics["self_consumption"] == pytest.approx(1.0)


def test_the_table_of_trades_says_which_way(tmp_path: Path) -> None:
    found = zoned(FOUR, document(zones=NORTH_AND_SOUTH).zones)
    (kept,) = records(document(), found)
    assert kept.trades is not None
    rows = zip(*(getattr(kept.trades, name).tolist() for name in ("buyer", "seller", "kwh", "sent_kwh")), strict=True)
    assert [tuple(round(x, 9) for x in row) for row in rows] == [(0, 1, 0.98, 1.0), (3, 2, 1.0, 1.111111111),
                                                                (0, 2, 0.8, 0.888888889)]  # fmt: skip
    assert column([kept], "fee_money:fee of level 1>operator").tolist() == [[0.0049, 0.0049, 0.0, 0.0]]
    assert column([kept], "fee_money:pool fee>operator")[0] == pytest.approx([0.008, 0.0, 0.018, 0.01])


def test_paths_and_order() -> None:
    """z0 holds z1, which holds z2; z3 stands beside them."""
    zones = zones_of([-1, 0, 1, -1], [2, 1, 0, 3, -1])
    assert zones.depth.tolist() == [1, 2, 3, 1]
    assert zones.path.tolist() == [[0, 1, 2], [0, 1, -1], [0, -1, -1], [3, -1, -1], [-1, -1, -1]]
    assert zones.inner_first() == [2, 1, 0, 3, -1]
    members = [zones.members_of(zone).tolist() for zone in (2, 1, 0, 3, -1)]
    assert members == [[0], [0, 1], [0, 1, 2], [3], [0, 1, 2, 3, 4]]


# --- on random trees -------------------------------------------------------------------------------------------------


def step_by_step(people: Community, record: Record, slot: int) -> list[tuple[int, int, float]]:
    """Every zone's orders by the double loop, inner zones first: buyer, seller, kWh delivered."""
    assert people.zones is not None
    price, bid, sent = (record.columns[name][slot].tolist() for name in ("quote_price", "bid_kwh", "ask_kwh"))
    rows = []
    for zone in people.zones.inner_first():
        here = set(people.zones.members_of(zone).tolist())
        arrives = 0.9 if zone < 0 else float(people.zones.zone_efficiency[zone])
        mine = [kwh if n in here else 0.0 for n, kwh in enumerate(bid)]
        theirs = [kwh * arrives if n in here else 0.0 for n, kwh in enumerate(sent)]
        for buyer, seller, kwh in naive(price, mine, theirs):
            bid[buyer] -= kwh
            sent[seller] = max(sent[seller] - kwh / arrives, 0.0)
            rows.append((buyer, seller, kwh))
    return rows


@pytest.mark.parametrize("seed", range(12))
def test_the_same_matching_zone_by_zone(seed: int) -> None:
    people = in_zones(seed, make_community(seed, members=8, slots=24, devices=False))
    bidder = {"kind": "zero_intelligence"}
    (kept,) = records(document(market={"kind": "pay_as_bid", "zones": True, "bidder": bidder}), people)
    assert kept.trades is not None
    for slot in range(24):
        mine = kept.trades.kept(kept.trades.slot == slot)
        found = zip(mine.buyer.tolist(), mine.seller.tolist(), mine.kwh.round(9).tolist(), strict=True)
        assert list(found) == [(b, s, round(kwh, 9)) for b, s, kwh in step_by_step(people, kept, slot)]


@pytest.mark.parametrize("kind", ZONED)
@pytest.mark.parametrize("seed", range(3))
def test_books_close_and_cutting_changes_no_bit(kind: str, seed: int) -> None:
    people = in_zones(seed, make_community(seed, members=7, slots=40))
    bidder = {"kind": "urgency"}
    scenario = document(market={"kind": kind, "zones": True, "bidder": bidder})
    whole, cut = records(scenario, people), records(scenario, people, cut=7)
    for name in whole[0].columns:
        assert np.array_equal(column(whole, name), column(cut, name)), name
    assert (column(whole, "bought_kwh") > 0).any()


def test_a_pool_shares_inside_first_by_hand() -> None:
    """North: B's kWh arrives as 0.98, all for A. Then C's 2 as 1.8 for A's 1.02 and D's 1, in proportion: at 0.185.

    That is the middle of 0.305, the mean of what retailers charge, and 0.065, the mean of what they pay.
    """
    found = zoned(FOUR, document(zones=NORTH_AND_SOUTH).zones)
    (kept,) = records(document(market={"kind": "pool_prorata", "zones": True}), found)
    bought = [0.98 + 1.8 * 1.02 / 2.02, 0.0, 0.0, 1.8 / 2.02]
    assert column([kept], "bought_kwh")[0] == pytest.approx(bought)
    assert column([kept], "sold_kwh")[0] == pytest.approx([0.0, 1.0, 2.0, 0.0])
    inner = (0.305 + 0.065) / 2
    assert column([kept], "buy_price")[0] == pytest.approx([inner, 0.0, 0.0, inner])
    assert column([kept], "fee_money:fee of level 1>operator")[0] == pytest.approx([0.0049, 0.0049, 0.0, 0.0])


@pytest.mark.parametrize("seed", range(4))
def test_books_of_a_zoned_pool_close(seed: int) -> None:
    people = in_zones(seed, make_community(seed, members=9, slots=40))
    scenario = document(market={"kind": "pool_prorata", "zones": True, "price": "balance"})
    whole, cut = records(scenario, people), records(scenario, people, cut=7)
    for name in whole[0].columns:
        assert np.array_equal(column(whole, name), column(cut, name)), name


@pytest.mark.parametrize("kind", ["pairwise_midpoint", "pool_prorata"])
def test_what_is_too_little_to_trade_is_settled_with_the_grid(kind: str) -> None:
    """Least trades, a fee on each, and refused losses count the fee of the trade's own level."""
    people = in_zones(3, make_community(3, members=8, slots=48, devices=False))
    terms = {**LOSSY, "min_trade_kwh": 0.05, "fee_per_trade": 0.001, "refuse_losses": True}
    free, held = (
        records(document(market={"kind": kind, "zones": True}, pool=pool), people)[0].trades for pool in (LOSSY, terms)
    )
    assert free is not None
    assert held is not None
    assert 0 < held.kwh.size < free.kwh.size
    assert held.kwh.min() >= 0.05 - 1e-9


@pytest.mark.parametrize("kind", ZONED)
def test_without_zones_all_are_neighbours(kind: str) -> None:
    people = make_community(4, members=7, slots=40)
    flat, nested = (records(document(market={"kind": kind, "zones": zones}), people) for zones in (False, True))
    for name in set(flat[0].columns) - {"buy_price", "sell_price"}:
        np.testing.assert_allclose(column(nested, name), column(flat, name), rtol=0, atol=1e-12, err_msg=name)


def test_what_learners_are_told_is_what_arrived() -> None:
    people = in_zones(1, make_community(1, members=7, slots=24))
    records(document(market={"kind": "uniform_price", "zones": True, "bidder": {"kind": "erev_roth"}}), people)


# --- audit, store, ledger --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "breaks"), [("kwh", {"E2", "T3"}), ("sent_kwh", {"E2", "T3"}), ("seller", {"E2", "M0"})]
)
def test_the_audit_follows_every_trade(field: str, breaks: set[str]) -> None:
    people = in_zones(2, make_community(2, members=8, slots=24, devices=False))
    scenario = document()
    (kept,) = records(scenario, people)
    assert kept.trades is not None
    changed = np.array(getattr(kept.trades, field))
    changed[0] = (changed[0] + 1) % 8 if field == "seller" else changed[0] + 0.01
    audit = auditor(scenario, people, scenario.prices(people))
    audit.take(replace(kept, trades=replace(kept.trades, **{field: changed})))
    assert breaks <= {*audit.verdict().broken}
    with pytest.raises(AuditError):
        audit.verdict().check()


def test_a_zoned_run_is_kept_verified_and_entered_in_a_ledger(tmp_path: Path) -> None:
    source = {"kind": "synthetic", "members": 4, "days": 1}
    zones = [{"name": "street", "efficiency": 0.99, "fee_per_kwh": 0.01, "members": ["home_01", "home_02", "home_03"]}]
    scenario = document(source=source, zones=zones, ledger={"kind": "hash_chain"}, tariff={"kind": "flat"})
    with RunFolder(tmp_path / "run", identity=scenario.identity()) as folder:
        run = cw.run(scenario, folder, folder=folder.partial)
        folder.finish(run)
    assert verify(tmp_path / "run").holds
    card = cw.scorecard(tmp_path / "run")
    assert 0.5 < card.efficiency <= 1 + 1e-9
    assert np.isnan(card.coalition_excess), "groups are compared without zones only"
    assert card.misreport == "price"


def test_what_neighbours_cost_the_others() -> None:
    """B could bring D 0.32 - 0.10; but A is next door, at 0.20. With zones 0.10 is gained of 0.22, without all.

    On the four homes above nothing is lost by it: all that there is finds somebody to whom it is worth its way.
    """
    buy = np.array([0.20, 0.30, 0.32])
    three = hand_made([[1.0, -1.0, 1.0]], traits={"contract_buy": buy, "contract_sell": np.array([0.05, 0.10, 0.05])})
    near = replace(three, zones=zones_of([-1], [0, 0, -1]))
    cards = [
        cw.scorecard(cw.run(document(pool={}, market={"kind": "pay_as_bid", "zones": zones}), community=near),
                     community=near).efficiency for zones in (True, False)
    ]  # fmt: skip
    assert cards == pytest.approx([0.10 / 0.22, 1.0])
    four = zoned(FOUR, document(zones=NORTH_AND_SOUTH).zones)
    assert cw.scorecard(cw.run(document(), community=four), community=four).efficiency == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(4))
def test_no_way_gains_more_than_the_best(seed: int) -> None:
    people = in_zones(seed, make_community(seed, members=7, slots=16, devices=False))
    for market in ({"kind": "uniform_price", "zones": True}, {"kind": "pool_prorata", "zones": True}):
        found = cw.scorecard(cw.run(document(market=market), community=people), community=people)
        assert 0.3 < found.efficiency <= 1 + 1e-9


# --- where zones come from -------------------------------------------------------------------------------------------


def test_a_folder_holds_zones_and_distances(tmp_path: Path) -> None:
    people = make_community(0, members=5, slots=8, devices=False)
    apart = np.random.default_rng(0).uniform(0, 3, (5, 5))
    whole = replace(
        people, zones=replace(zones_of([-1, 0], [0, 1, -1, 1, 0], [0.97, 0.99]), zone_fee=np.array([0.01, 0.0])),
        distance_km=apart,
    )  # fmt: skip
    found = Folder(path=write_folder(whole, tmp_path / "street")).community(Streams(0))
    assert found.zones is not None
    assert found.distance_km is not None
    assert whole.zones is not None
    assert found.zones.zone_names == whole.zones.zone_names
    for name in ("parent", "zone", "zone_efficiency", "zone_fee"):
        assert np.array_equal(getattr(found.zones, name), getattr(whole.zones, name)), name
    assert np.array_equal(found.distance_km, apart)


def test_the_form_of_s0_holds_no_neighbours(tmp_path: Path) -> None:
    start = datetime(2025, 1, 1, tzinfo=ZoneInfo("UTC"))
    people = hand_made([[1.0, -1.0]], minutes=15, start=start, traits={})
    near = replace(people, zones=zones_of([-1], [0, 0]), distance_km=np.zeros((2, 2)))
    with pytest.raises(ScenarioError, match="zones, distances"):
        write_folder(near, tmp_path / "s0", form="s0")


@pytest.mark.parametrize(
    ("table", "text", "says"),
    [
        ("zones", "zone,parent\nz0,nowhere\n", "'nowhere'"),
        ("zones", "zone,loss\nz0,0.1\n", "'loss'"),
        ("zones", "zone,efficiency\nz0,1.5\n", "efficiency = 1.5"),
        ("zones", "zone,parent\nz0,z1\nz1,z0\n", "lie in each other"),
        ("zones", "zone\nz0\nz0\n", "its own name"),
        ("distances", "member,m0,m1\nm0,0,1\n", "one row and one column"),
        ("distances", "member,m0,m1\nm0,0,-1\nm1,1,0\n", "distance"),
    ],
)
def test_a_folder_names_what_is_wrong(tmp_path: Path, table: str, text: str, says: str) -> None:
    path = write_folder(make_community(0, members=2, slots=8, devices=False), tmp_path / "street")
    (path / f"{table}.csv").write_text(text)
    with pytest.raises((DataError, ScenarioError), match=says):
        Folder(path=path).community(Streams(0))


@pytest.mark.parametrize(
    ("zones", "says"),
    [
        ([{"name": "a"}, {"name": "a"}], "stands twice"),
        ([{"name": "a", "parent": "b"}], "no such zone"),
        ([{"name": "a", "parent": "b"}, {"name": "b", "parent": "a"}], "lie in each other"),
        ([{"name": "a", "members": ["A", "nobody"]}], "nobody is called 'nobody'"),
        ([{"name": "a", "members": ["A"]}, {"name": "b", "members": ["A"]}], "two zones"),
    ],
)
def test_a_document_names_what_is_wrong(zones: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        zoned(FOUR, document(zones=zones).zones)


def test_zones_of_another_community_are_refused() -> None:
    with pytest.raises(DataError, match="3 members"):
        replace(FOUR, zones=zones_of([-1], [0, 0, -1]))
