"""S3's loop end to end: the same wallets as a loop in plain Python, and audited whatever is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.specs._hourly_loop import Prosumer, Rules, plain_loop

import commonwatt as cw
from commonwatt.flow import Community
from commonwatt.ledger.none import NoLedger
from commonwatt.noun import Array
from commonwatt.record import Record
from commonwatt.run import run
from commonwatt.scenario import Scenario
from commonwatt.simulate import simulate
from commonwatt.studies import on_community

HOMES = Path(__file__).resolve().parents[3] / "shared" / "data" / "citylearn2022"


def preset(**parts: Any) -> Scenario:
    """The preset without its ledger, with other parts."""
    document = cw.load("community_p2p").model_dump(serialize_as_any=True) | {"ledger": {"kind": "none"}}
    for name, change in parts.items():
        document[name] = {**document[name], **change} if isinstance(change, dict) else change
    return Scenario.model_validate(document)


def in_plain_words(scenario: Scenario, community: Community) -> tuple[list[Prosumer], int]:
    """The same scenario through the plain loop."""
    device, regulator = community.flexibility, scenario.regulator
    sheet = scenario.devices[0]
    capacity = dict(zip(device.owner.tolist(), device.capacity_kwh.tolist(), strict=True))
    people = [
        Prosumer(
            n, capacity.get(n, 0.0), sheet.soc_min, sheet.soc_max, sheet.soc_start, sheet.charge_efficiency,
            sheet.discharge_efficiency,
        ) for n in range(community.shape[1])
    ]  # fmt: skip
    shared = {name for name in Rules.__dataclass_fields__ if hasattr(regulator, name)}
    rules = Rules(
        cap=scenario.pool.most_kw, threshold=scenario.pool.standby.threshold_kw, part=scenario.pool.standby.share,
        fee=scenario.tariff.fee, fee_mode=scenario.tariff.mode, slope=scenario.market.bidder.slope,
        **{name: getattr(regulator, name) for name in shared},
    )  # fmt: skip
    signals = community.signals["market_price"].tolist(), community.signals["price_forecast"].tolist()
    trades = plain_loop(people, community.load_kw.tolist(), community.pv_kw.tolist(), *signals, rules)
    return people, trades


def joined(scenario: Scenario, community: Community) -> tuple[dict[str, Array], int]:
    """Columns of the pipeline's whole run, bans too, and its number of trades."""
    records = [Record.of(window) for window in simulate(scenario, community)]
    columns = {name: np.concatenate([r.columns[name] for r in records]) for name in records[0].columns}
    columns["banned"] = np.concatenate([r.banned_slots for r in records])
    return columns, sum(r.trades.slot.size for r in records)


CASES = {
    "published defaults": (42, {}),
    "bonus for trade, flat fee": (1, {"regulator": {"objective": "maximize_p2p"}, "tariff": {"mode": "flat"}}),
    "profit": (2, {"regulator": {"objective": "maximize_profit", "balance_limit": -0.5}}),
    "bans for penalties": (3, {"regulator": {"penalty_limit": 0.05, "bonus_limit": 9.0, "rest": 3}}),
    "bans for both": (
        4,
        {"regulator": {"penalty_limit": 0.03, "balance_limit": -0.2, "penalty_ban": 1, "double_ban": 4, "rest": 2}},
    ),
    "the exempt": (5, {"regulator": {"penalty_limit": 0.03, "exempt_no_battery": True, "objective": "maximize_p2p"}}),
    "tight market": (
        6,
        {
            "pool": {"most_kw": 0.4, "standby": {"threshold_kw": 5.0, "share": 0.9}},
            "market": {"bidder": {"kind": "urgency", "full_kw": 0.4}},
        },
    ),
}


@pytest.mark.parametrize(("seed", "parts"), CASES.values(), ids=CASES)
def test_every_wallet_equals_the_plain_loops(seed: int, parts: dict[str, Any]) -> None:
    scenario = preset(seed=seed, **parts)
    community = scenario.community()
    people, trades = in_plain_words(scenario, community)
    columns, count = joined(scenario, community)
    assert columns["wallet_money"].shape == (24, 100)
    np.testing.assert_allclose(columns["wallet_money"][-1], [p.balance for p in people], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(columns["banned"].T, [p.bans for p in people])
    levels = [p.level for p in people if p.capacity > 0]
    np.testing.assert_allclose(columns["level_kwh"][-1], levels, rtol=0, atol=1e-9)
    assert count == trades > 100
    assert columns["called_kwh"].sum() > 10


@pytest.mark.parametrize("name", ["bans for penalties", "bans for both", "the exempt"])
def test_low_limits_ban_members_for_exactly_their_slots(name: str) -> None:
    seed, parts = CASES[name]
    scenario = preset(seed=seed, **parts)
    columns, _ = joined(scenario, scenario.community())
    banned = columns["banned"] > 0
    assert banned.any(axis=0).sum() >= 10
    assert not (columns["bought_kwh"] + columns["sold_kwh"] + columns["called_kwh"])[banned].any()
    assert (columns["import_kwh"] + columns["export_kwh"])[banned].sum() > 1, "the grid stays open to them"


def battery(rng: np.random.Generator) -> dict[str, Any]:
    """A battery of any power, efficiency and range."""
    low = float(rng.uniform(0.0, 0.4))
    return {
        "kind": "battery", "share": float(rng.random()), "capacity_kwh": [2.0, 5.0, 12.5],
        "power_kw": float(rng.choice([0.5, 2.0, 1000.0])), "leakage": float(rng.choice([0.0, 0.01])),
        "charge_efficiency": float(rng.uniform(0.7, 1.0)), "discharge_efficiency": float(rng.uniform(0.7, 1.0)),
        "soc_min": low, "soc_start": low + 0.2, "soc_max": low + float(rng.uniform(0.3, 0.6)),
    }  # fmt: skip


def limits(rng: np.random.Generator) -> dict[str, float]:
    """Limits of every meter and of the coupling point, for some."""
    if rng.random() < 0.7:
        return {}
    caps = {"member_import_cap_kw": (1, 4), "member_export_cap_kw": (0.3, 4), "export_cap_kw": (1, 30)}
    return {name: float(rng.uniform(*bounds)) for name, bounds in caps.items()}


def tariff(rng: np.random.Generator) -> dict[str, Any]:
    """S3's with any fee, or time of use."""
    if rng.random() < 0.3:
        return {"kind": "time_of_use", "export_ratio": 0.4}
    mode = str(rng.choice(["quantity", "flat", "power"]))
    return {"kind": "local_market", "fee": float(rng.uniform(0, 0.2)), "mode": mode}


def market(rng: np.random.Generator) -> dict[str, Any]:
    """An auction, with members who quote by rule, by chance, or by what they have learned."""
    urgency = {"slope": float(rng.random()), "urgent_buyers": str(rng.choice(["bid_less", "bid_more"]))}
    bidders = ["urgency", "truthful", "zero_intelligence", "q_learning", "erev_roth", "zip"]
    bidder = str(rng.choice(bidders))
    kind = str(rng.choice(["pairwise_midpoint", "pay_as_bid", "uniform_price", "huang", "muda"]))
    return {"kind": kind, "bidder": {"kind": bidder, **(urgency if bidder == "urgency" else {})}}


def regulator(rng: np.random.Generator) -> dict[str, Any]:
    """Any objective and rule, with limits that are often passed."""
    return {
        "kind": "incentives", "penalty_limit": float(rng.choice([0.02, 0.2, 5.0])),
        "objective": str(rng.choice(["maximize_renewable", "maximize_p2p", "maximize_profit"])),
        "balance_limit": float(rng.choice([-0.1, -50.0])), "rule": str(rng.choice(["absolute", "relative"])),
        "window": rng.choice([None, 4]), "exempt_no_battery": bool(rng.random() < 0.3), "rest": int(rng.integers(6)),
    }  # fmt: skip


def drawn_configuration(number: int) -> Scenario:
    """A small community with everything drawn that can be set."""
    rng = np.random.default_rng(number)
    standby = {"threshold_kw": float(rng.choice([0.0, 0.05, 2.0])), "share": float(rng.uniform(0.1, 1.0))}
    pool = {
        "efficiency": float(rng.choice([1.0, 0.93])), "fee_per_kwh": float(rng.choice([0.0, 0.01])),
        "most_kw": rng.choice([None, 0.5, 3.0]), "standby": standby,
    }  # fmt: skip
    return Scenario.model_validate({
        "seed": number,
        "source": {"kind": "community_p2p", "members": int(rng.integers(1, 25))},
        "devices": [battery(rng)] * int(rng.integers(0, 3)),
        "limits": limits(rng), "tariff": tariff(rng), "pool": pool, "market": market(rng), "regulator": regulator(rng),
        "dispatch": {"kind": str(rng.choice(["self_consumption", "self_consumption", "passive"]))},
    })  # fmt: skip


class Bans:
    """A sink: counts bans."""

    rows = 0

    def take(self, record: Record) -> None:
        self.rows += record.bans.rows


def audited(numbers: range) -> dict[str, float]:
    """Runs configurations; raises AuditError where the books of one do not close. Sums of what they are there for."""
    seen, bans = {"called_kwh": 0.0, "bought_kwh": 0.0}, Bans()
    for number in numbers:
        facts = run(drawn_configuration(number), bans).facts.run
        for name in ("called_kwh", "bought_kwh"):
            seen[name] += facts.sum(name)
    return seen | {"bans": bans.rows}


def test_random_configurations_pass_the_audit() -> None:
    assert min(audited(range(30)).values()) > 10


@pytest.mark.slow
def test_four_hundred_random_configurations_pass_the_audit() -> None:
    assert min(audited(range(30, 400)).values()) > 100


@pytest.mark.parametrize("bidder", ["q_learning", "erev_roth", "zip", "zero_intelligence"])
def test_other_bidders_take_the_place_of_urgency(bidder: str) -> None:
    """What they learn or draw changes who trades, and the books still close."""
    quick = {"source": {"members": 30}, "seed": 8}
    facts = run(preset(**quick, market={"bidder": {"kind": bidder}})).facts
    usual = run(preset(**quick)).facts
    assert facts.run.sum("bought_kwh") > 10
    assert facts.run.sum("called_kwh") > 10
    assert np.abs(facts.wallet - usual.wallet).max() > 0.1


def test_a_thousand_members_at_time_of_use_prices() -> None:
    document = cw.load("community_p2p_large").model_dump(serialize_as_any=True) | {"ledger": {"kind": "none"}}
    found = run(Scenario.model_validate(document))
    assert found.facts.wallet.size == 1000
    assert found.facts.run.sum("called_kwh") > 1000
    assert found.verdict.holds


@pytest.mark.slow
@pytest.mark.skipif(not HOMES.is_dir(), reason=f"no folder {HOMES.name} beside the repository")
def test_five_metered_homes_for_a_year() -> None:
    document = on_community(cw.load("community_p2p_large"), HOMES)
    found = run(document.model_copy(update={"ledger": NoLedger()}))
    facts = found.facts.run
    assert found.facts.community.clock.slots == 8760
    assert facts.sum("bought_kwh") == pytest.approx(facts.sum("sold_kwh"))
    assert facts.sum("called_kwh") > 1000
    assert found.verdict.holds
