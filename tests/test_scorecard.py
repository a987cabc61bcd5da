"""Scorecards: every number by hand on a few homes, and what mechanisms promise on random ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests._command import SCENARIO, STUDY, call, refused
from tests._communities import hand_made, make_community

import commonwatt as cw
from commonwatt import coalitions
from commonwatt.errors import DataError, ScenarioError
from commonwatt.flow import Community
from commonwatt.markets import MARKETS
from commonwatt.markets._auction import Auction
from commonwatt.scenario import Scenario
from commonwatt.studies.scorecard import Scorecard, scorecard, scorecards

FLAT = {"kind": "flat", "buy": 0.30, "export_ratio": 1 / 3}
TWO_PAIRS = hand_made(
    [[1.0, 1.0, -1.0, -1.0]],
    traits={"contract_buy": np.array([0.30, 0.28, 0.30, 0.30]), "contract_sell": np.array([0.05, 0.05, 0.10, 0.12])},
)
"""Buyers to whom a kWh is worth 0.30 and 0.28, sellers to whom it is worth 0.10 and 0.12."""
TRADING = [kind for kind, cls in MARKETS.items() if cls().promise.trades and not cls().promise.legal_world]
AUCTIONS = [kind for kind, cls in MARKETS.items() if issubclass(cls, Auction)]


def card(kind: str, people: Community, tariff: dict[str, Any] | None = None, **parts: Any) -> Scorecard:
    document = {"tariff": tariff or {"kind": "contract"}, "market": {"kind": kind, **parts.pop("market", {})}}
    tried = parts.pop("tried", 8)
    run = cw.run(Scenario.model_validate({**document, **parts}), community=people)
    return scorecard(run, community=people, tried=tried)


# --- by hand ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "residual", "excess", "efficiency", "apart"),
    [
        ("pay_as_bid", 0.0, 0.02, 1.0, 0.02),
        ("pairwise_midpoint", 0.0, 0.0, 1.0, 0.0),
        ("vcg", -0.32, -0.16, 1.0, 0.0),
        ("huang", 0.16, 0.16, 0.20 / 0.36, 0.0),
        ("none", 0.0, None, None, None),
    ],
)
def test_two_pairs(
    kind: str, residual: float, excess: float | None, efficiency: float | None, apart: float | None
) -> None:
    """0.36 to gain. At their bids buyers gain nothing, sellers 0.20 and 0.16: buyer 0 and seller 1 could have 0.18.

    Midway both pairs trade at 0.20: 0.10 and 0.08 each. VCG: buyers pay 0.12, sellers get 0.28. Trade reduction: the
    second pair, which could gain 0.16, stays out, and the first leaves 0.16 with the operator.
    """
    found = card(kind, TWO_PAIRS)
    numbers = found.budget_residual, found.coalition_excess, found.efficiency, found.price_spread
    expected = [np.nan if x is None else x for x in (residual, excess, efficiency, apart)]
    assert numbers == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert found.losers == 0


def test_a_buyer_hides_what_energy_is_worth_to_it() -> None:
    """At its bid buyer 0 pays 0.30; it still trades at 0.12, and would keep 0.18. Nobody could gain more."""
    found = card("pay_as_bid", TWO_PAIRS, tried=200)
    assert found.misreport == "price"
    assert 0.15 < found.misreport_gain <= 0.18
    assert 0.2 < found.paying_misreports < 0.8


@pytest.mark.parametrize(("kind", "excess"), [("mid_market_rate", 0.05), ("pool_prorata", 0.05), ("core_price", 0.0)])
def test_a_group_of_three_homes(kind: str, excess: float) -> None:
    """A wants 3, B wants 1, C has 2, at 0.20 inside. A and C could have 0.40 of the gain, of which they get 0.35."""
    found = card(kind, hand_made([[3.0, 1.0, -2.0]]), FLAT)
    assert found.coalition_excess == pytest.approx(excess, abs=1e-12)
    assert found.efficiency == pytest.approx(1.0)


def test_half_of_the_gain_is_missed_where_half_is_served_to_the_wrong_one() -> None:
    """Two want 1 kWh, worth 0.30 and 0.20; 1 kWh at 0.10 is shared: 0.5 * (0.20 + 0.10) of 0.20 is gained."""
    traits = {"contract_buy": np.array([0.30, 0.20, 0.30]), "contract_sell": np.array([0.05, 0.05, 0.10])}
    people = hand_made([[1.0, 1.0, -1.0]], traits=traits)
    assert card("pool_prorata", people).efficiency == pytest.approx(0.15 / 0.20)


def test_a_seller_makes_energy_scarce() -> None:
    """One seller of 2 kWh, 1.5 are wanted: too much, so all at 0.10. Of x < 0.75 brought each kWh sells at 0.30.

    It then earns 0.20 + 0.40 x in all instead of 0.20: at most 0.30 more.
    """
    found = card("core_price", hand_made([[1.5, -2.0]]), FLAT, tried=64)
    assert found.misreport == "energy"
    assert 0.25 < found.misreport_gain < 0.30
    assert 0 < found.paying_misreports < 1


def test_losses_and_fees() -> None:
    """Of 2 kWh 1.6 arrive: worth 1.6 * 0.30 - 2 * 0.10; all of it is gained. The fee is no residual."""
    found = card("mid_market_rate", hand_made([[4.0, -2.0]]), FLAT, pool={"efficiency": 0.8, "fee_per_kwh": 0.05})
    assert found.efficiency == pytest.approx(1.0)
    assert found.budget_residual == pytest.approx(0.0, abs=1e-12)
    assert found.coalition_excess == pytest.approx(-0.16)


def test_a_gross_rate_collects_too_little() -> None:
    """House A needs 4 kWh, B needs 1 and makes 3: 2 / 5 of B's own kWh is valued 0.10 too low."""
    homes = cw.Community.of(TWO_PAIRS.clock, np.array([[4.0, 1.0]]), np.array([[0.0, 3.0]]))
    assert card("mid_market_rate", homes, FLAT, market={"weigh": "gross"}).budget_residual == pytest.approx(-0.04)


def test_losers_are_counted() -> None:
    assert card("bill_sharing", hand_made([[4.0, -2.0]]), FLAT).losers == 1


# --- what is promised ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people() -> Community:
    return make_community(3, members=7, slots=48)


@pytest.mark.parametrize("kind", TRADING)
def test_a_mechanism_measures_as_it_promises(kind: str, people: Community) -> None:
    """Behind one meter with one tariff for all: who had a better contract outside would gain by leaving."""
    promise = MARKETS[kind]().promise
    found = card(kind, people, FLAT if promise.world == "one_meter" else None)
    assert found.world == promise.world
    assert found.misreport == ("price" if kind in AUCTIONS else "energy")
    assert not promise.balanced or abs(found.budget_residual) < 1e-9
    assert not promise.core or found.coalition_excess < 1e-9
    assert not promise.truthful or (found.misreport_gain, found.paying_misreports) == (0.0, 0.0)
    if kind in AUCTIONS:
        assert not promise.efficient or found.efficiency == pytest.approx(1.0)
        assert promise.truthful or found.misreport_gain > 1e-3
        assert not promise.one_price or found.price_spread < 1e-12


@pytest.mark.parametrize("kind", ["mid_market_rate", "pool", "pool_prorata"])
def test_keeping_energy_out_of_a_pool_at_a_middle_price_never_pays(kind: str, people: Community) -> None:
    """What is kept out loses the inner price, and the part of who brings less falls faster than the pool."""
    assert card(kind, people, FLAT, tried=40).paying_misreports == 0.0


@pytest.mark.parametrize("kind", [k for k in MARKETS if k not in TRADING])
def test_where_nothing_is_traded_nothing_is_compared(kind: str) -> None:
    market = MARKETS[kind]()
    people = make_community(0, members=3, slots=8)
    run = cw.run(Scenario(tariff=cw.Scenario.model_validate({"tariff": FLAT}).tariff, market=market), community=people)
    found = scorecard(run, community=people).summary()
    assert found["misreport"] == ""
    for name in ("coalition_excess", "efficiency", "misreport_gain", "paying_misreports"):
        assert found[name] is None, name


def test_sampled_groups_of_traders_are_groups(people: Community, monkeypatch: pytest.MonkeyPatch) -> None:
    highest = card("pay_as_bid", people).coalition_excess
    monkeypatch.setattr(coalitions, "MOST", 6)
    sampled = card("pay_as_bid", people).coalition_excess
    assert 0 < sampled <= highest + 1e-12


def test_what_many_members_could_gain_stays_affordable() -> None:
    for members, slots, exact in ((10, 672, True), (16, 4, True), (16, 672, False), (40, 96, False)):
        many = make_community(0, members=members, slots=slots, devices=False)
        traders = coalitions.Traders(Scenario.model_validate({"tariff": FLAT}).prices(many))
        assert (len(traders.groups) == 1 << members) == exact
        assert traders.groups.size * slots <= coalitions.WORK
        assert traders.groups.any(axis=1).sum() >= len(traders.groups) - 1


# --- where it comes from ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    (folder / "small.yaml").write_text(SCENARIO.replace("mid_market_rate", "pay_as_bid, bidder: {kind: urgency}"))
    assert call("run", "small.yaml", "--output", "run", cwd=folder).code == 0
    return folder


def test_a_stored_run_scores_as_the_run_does(kept: Path) -> None:
    run = cw.run(cw.load(kept / "small.yaml"))
    assert scorecard(kept / "run").summary() == scorecard(run).summary()
    assert scorecard(run, seed=1).misreport_gain != scorecard(run).misreport_gain
    assert scorecard(run, seed=1) == scorecard(run, seed=1)


def test_windows_change_nothing(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cw.scorecard(kept / "run").summary()
    monkeypatch.setattr("commonwatt.scenario.CELLS", 4 * 7)
    cut = cw.scorecard(cw.run(cw.load(kept / "small.yaml"))).summary()
    for name, value in whole.items():
        assert cut[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-12, abs=1e-15)), name


def test_the_command_tells_and_writes(kept: Path) -> None:
    card = scorecard(kept / "run", tried=3).summary()
    answer = call("scorecard", "run", "--tried", 3, "--json", "--output", "card.json", cwd=kept)
    assert answer.data == {"run": card}
    assert (kept / "card.json").read_text() == answer.out
    table = call("scorecard", "run", cwd=kept).out
    for word in ("residual", "losers", "group", "effic.", "lie about", "price"):
        assert word in table


def test_a_study_scores_run_by_run(tmp_path: Path) -> None:
    (tmp_path / "few.yaml").write_text(STUDY)
    assert call("benchmark", "few.yaml", "--series", "--output", "all", cwd=tmp_path).code == 0
    assert call("benchmark", "few.yaml", "--output", "bare", cwd=tmp_path).code == 0
    found = scorecards(tmp_path / "all")
    assert [found[name].market for name in sorted(found)] == ["none", "mid_market_rate", "pool_prorata"] * 2
    with pytest.raises(DataError, match="--series"):
        scorecards(tmp_path / "bare")


def test_what_cannot_be_scored_is_refused(kept: Path, people: Community) -> None:
    run = cw.run(cw.load(kept / "small.yaml"))
    with pytest.raises(ScenarioError, match="another community"):
        scorecard(run, community=people)
    refused(call("scorecard", "run", "--seed", 3, cwd=kept), "--seed")
    refused(call("scorecard", "nowhere", cwd=kept), "nowhere")
