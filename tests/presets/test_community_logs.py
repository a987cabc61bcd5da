"""S3's files to the letter: header lines, rows, and sums that agree with each other and with the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests._command import call

HEADERS = {
    "prosumer_energy.csv": "Timestep,Prosumer_ID,PV_Capacity_kW,PV_Generation_kWh,Consumption_kWh,Battery_Capacity_kWh,"
    "Battery_Level_kWh,SOC,Imbalance_Initial_kWh,Imbalance_After_P2P_kWh,Imbalance_After_Market_kWh,Renewable_Used_kWh,"
    "Balance_EUR",
    "prosumer_trading.csv": "Timestep,Prosumer_ID,Role,Desired_Quantity_kWh,Bid_Price,Ask_Price,P2P_Bought_kWh,"
    "P2P_Sold_kWh,Market_Bought_kWh,Market_Sold_kWh,P2P_Trades,Market_Trades",
    "all_trades.csv": "Timestep,Trade_ID,Type,Buyer_ID,Seller_ID,Quantity_kWh,Price_EUR_per_kWh,Value_EUR,Block_Index",
    "regulator_actions.csv": "Timestep,Prosumer_ID,Bonus_EUR,Penalty_EUR,Cumulative_Bonus_EUR,Cumulative_Penalty_EUR,"
    "Is_Banned,Ban_Steps_Left,Reason_For_Ban",
    "community_summary.csv": "Timestep,Total_PV_kWh,Total_Consumption_kWh,P2P_Trades,P2P_kWh,Market_Trades,Market_kWh,"
    "Active_Buyers,Active_Sellers,Avg_P2P_Price,Banned,Blocks_Mined",
}
STRICT = """\
kind: scenario
exports: [community_logs]
source: {kind: community_p2p, members: 12}
devices: [{kind: battery, share: 0.5}]
tariff: {kind: local_market}
dispatch: {kind: self_consumption}
pool: {standby: {}}
market: {kind: pairwise_midpoint, bidder: {kind: urgency}}
regulator: {kind: incentives, penalty_limit: 0.03, balance_limit: -0.2}
"""


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the preset's command writes."""
    folder = tmp_path_factory.mktemp("p2p")
    answer = call("run", "community_p2p", "--output", "out", cwd=folder)
    assert answer.code == 0, answer.err
    return folder / "out"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small community without a ledger, in which many are banned."""
    folder = tmp_path_factory.mktemp("strict")
    (folder / "strict.yaml").write_text(STRICT)
    answer = call("run", "strict.yaml", "--output", "out", cwd=folder)
    assert answer.code == 0, answer.err
    return folder / "out"


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv")


def facts(folder: Path) -> Any:
    return json.loads((folder / "community_facts.json").read_text())


def test_header_lines_are_those_of_the_origin(preset: Path) -> None:
    assert {name: (preset / name).read_text().splitlines()[0] for name in HEADERS} == HEADERS


def test_members_times_slots_rows_and_a_header(preset: Path) -> None:
    lines = {name: len((preset / name).read_text().splitlines()) for name in HEADERS}
    trades = table(preset, "community_summary")
    assert lines == {
        "prosumer_energy.csv": 2401, "prosumer_trading.csv": 2401, "regulator_actions.csv": 2401,
        "community_summary.csv": 25, "all_trades.csv": 1 + trades.P2P_Trades.sum() + trades.Market_Trades.sum(),
    }  # fmt: skip


@pytest.mark.parametrize("which", ["preset", "strict"])
def test_logs_agree_with_each_other(which: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(which)
    energy, trading, trades, regulator, summary = (table(folder, name.removesuffix(".csv")) for name in HEADERS)
    for kind in ("P2P", "Market"):
        mine = trades[trades.Type == kind]
        np.testing.assert_array_equal(np.bincount(mine.Timestep, minlength=24), summary[f"{kind}_Trades"])
        kwh = np.bincount(mine.Timestep, mine.Quantity_kWh, 24)
        np.testing.assert_allclose(kwh, summary[f"{kind}_kWh"], atol=1e-6)
    np.testing.assert_allclose(trades.Quantity_kWh * trades.Price_EUR_per_kWh, trades.Value_EUR, atol=1e-7)
    assert trades.Trade_ID.tolist() == list(range(len(trades)))
    assert trading.P2P_Trades.sum() == 2 * summary.P2P_Trades.sum(), "each trade has two sides, and counts once"
    assert trading.P2P_Bought_kWh.sum() == pytest.approx(trading.P2P_Sold_kWh.sum(), abs=1e-6)
    assert (energy.Imbalance_After_Market_kWh.abs() < 1e-8).all()
    moved = energy.Imbalance_After_P2P_kWh - energy.Imbalance_Initial_kWh
    called = trading.P2P_Sold_kWh.where(trading.Role == "battery_seller", 0.0)
    np.testing.assert_allclose(moved, trading.P2P_Bought_kWh - trading.P2P_Sold_kWh + called, atol=1e-8)
    np.testing.assert_allclose(energy.SOC, energy.Battery_Level_kWh / energy.Battery_Capacity_kWh, atol=1e-8)
    np.testing.assert_allclose(
        regulator.groupby("Prosumer_ID").Penalty_EUR.cumsum(), regulator.Cumulative_Penalty_EUR, atol=1e-6
    )
    assert set(trading.Role) <= {"neutral", "buyer", "seller", "battery_seller", "banned"}
    assert (trading.Role == "battery_seller").any()
    assert (regulator.groupby("Timestep").Is_Banned.sum().to_numpy() == summary.Banned).all()


def test_balances_are_made_of_trades_and_the_regulators_doings(preset: Path) -> None:
    energy, trades, regulator = (table(preset, name) for name in ("prosumer_energy", "all_trades", "regulator_actions"))
    sold, bought = (trades.groupby(side).Value_EUR.sum() for side in ("Seller_ID", "Buyer_ID"))
    last = energy[energy.Timestep == 23].set_index("Prosumer_ID").Balance_EUR
    earned = sold.reindex(last.index, fill_value=0.0) - bought.reindex(last.index, fill_value=0.0)
    ruled = regulator.groupby("Prosumer_ID")[["Bonus_EUR", "Penalty_EUR"]].sum().reindex(last.index)
    np.testing.assert_allclose(last, earned + ruled.Bonus_EUR - ruled.Penalty_EUR, atol=1e-6)
    wallets = pd.read_csv(preset / "summary.csv").set_index("member").wallet
    np.testing.assert_allclose(last, wallets[last.index], atol=1e-8)


def test_every_trade_stands_in_a_block(preset: Path) -> None:
    trades, summary = table(preset, "all_trades"), table(preset, "community_summary")
    told = facts(preset)["ledger"]
    assert told["valid"]
    assert summary.Blocks_Mined.sum() == told["blocks"] == sum(miner["blocks"] for miner in told["miners"])
    first = summary.Blocks_Mined.cumsum() - summary.Blocks_Mined
    slot = trades.Timestep.to_numpy()
    assert (trades.Block_Index >= first.to_numpy()[slot]).all()
    assert (trades.Block_Index < summary.Blocks_Mined.cumsum().to_numpy()[slot]).all()
    assert sum(miner["reward"] for miner in told["miners"]) == pytest.approx(0.1 * told["blocks"])


def test_what_the_community_is_told(preset: Path) -> None:
    told, trades = facts(preset), table(preset, "all_trades")
    energy, c = table(preset, "prosumer_energy"), told["community"]
    p2p, market = (trades[trades.Type == kind] for kind in ("P2P", "Market"))
    assert (c["p2p_trades"], c["market_trades"]) == (len(p2p), len(market))
    assert c["p2p_per_market_trade"] == pytest.approx(len(p2p) / len(market))
    assert c["p2p_share_of_trades"] == pytest.approx(len(p2p) / len(trades))
    assert c["renewable_share"] == pytest.approx(energy.Renewable_Used_kWh.sum() / energy.PV_Generation_kWh.sum())
    last = energy[energy.Timestep == 23].set_index("Prosumer_ID").Balance_EUR.sort_values(ascending=False)
    assert c["profit"] == pytest.approx(last.sum(), abs=1e-6)
    assert c["average_balance"] == pytest.approx(last.mean(), abs=1e-6)
    assert [m["member"] for m in told["best"]] == last.index[:5].tolist()
    assert [m["member"] for m in told["worst"]] == last.index[::-1][:5].tolist()
    for m in [*told["best"], *told["worst"]]:
        assert m["balance"] == pytest.approx(m["p2p"] + m["grid"] + m["bonus"] + m["penalty"])
    assert [row["hour"] for row in told["by_hour"]] == list(range(24))
    page = (preset / "community_report.md").read_text()
    assert f"| {told['best'][0]['member']} |" in page
    assert f"The chain of {told['ledger']['blocks']} blocks is valid" in page


def test_published_patterns_come_out(preset: Path) -> None:
    """At noon next to nobody buys from neighbours and most sell to the grid; morning and evening are the other way."""
    summary = table(preset, "community_summary").set_index("Timestep")
    assert summary.P2P_Trades.loc[10:15].max() < 5
    assert summary.Market_Trades.loc[12:15].max() >= 60
    assert summary.P2P_kWh.loc[18:21].min() > 10 * summary.P2P_kWh.loc[9:15].mean()


def test_bans_are_logged_with_their_reason(strict: Path) -> None:
    regulator, trading = table(strict, "regulator_actions"), table(strict, "prosumer_trading")
    decided = regulator.dropna(subset="Reason_For_Ban")
    assert set(decided.Reason_For_Ban) >= {"penalties", "balance"}
    assert (decided.Ban_Steps_Left > 0).all()
    banned = regulator.Is_Banned
    assert (trading.Role[banned] == "banned").all()
    assert not trading.P2P_Trades[banned].any()
    assert facts(strict)["community"]["banned_members"] == decided.Prosumer_ID.nunique()
    for name, rows in regulator.groupby("Prosumer_ID"):
        left = rows.Ban_Steps_Left.to_numpy()
        assert (rows.Is_Banned.to_numpy()[1:] == (left[:-1] > 0)).all(), name


def test_without_a_ledger_no_trade_has_a_block(strict: Path) -> None:
    assert table(strict, "all_trades").Block_Index.isna().all()
    assert not table(strict, "community_summary").Blocks_Mined.any()
    assert facts(strict)["ledger"] is None


def test_the_files_are_part_of_the_result(strict: Path) -> None:
    assert set(HEADERS) <= set(json.loads((strict / "manifest.json").read_text())["files"])
    assert call("run", "--verify", "out", cwd=strict.parent).code == 0
    log = strict / "all_trades.csv"
    log.write_text(log.read_text().replace("P2P", "p2p"))
    assert call("run", "--verify", "out", cwd=strict.parent).code == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [("market: {kind: pool_prorata}", "takes none"), ("exports: [daily]", "unknown"), ("exports: [weekly]", "unknown")],
)
def test_what_cannot_be_written_is_refused_before_any_work(change: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(f"kind: scenario\nexports: [community_logs]\n{change}\n".replace(
        "exports: [community_logs]\nexports", "exports"
    ))  # fmt: skip
    answer = call("run", "other.yaml", cwd=tmp_path)
    assert answer.code == 2
    assert said in answer.err
    assert not (tmp_path / "runs").exists()
