"""S3's five logs, with the header lines that it has; a report of the community beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..run import Run
from ._community_report import facts_of, report_text
from ._files import Files
from ._happened import ROLES, Happened

HEADERS = {
    "prosumer_energy.csv": (
        "Timestep,Prosumer_ID,PV_Capacity_kW,PV_Generation_kWh,Consumption_kWh,Battery_Capacity_kWh,Battery_Level_kWh,"
        "SOC,Imbalance_Initial_kWh,Imbalance_After_P2P_kWh,Imbalance_After_Market_kWh,Renewable_Used_kWh,Balance_EUR"
    ),
    "prosumer_trading.csv": (
        "Timestep,Prosumer_ID,Role,Desired_Quantity_kWh,Bid_Price,Ask_Price,P2P_Bought_kWh,P2P_Sold_kWh,"
        "Market_Bought_kWh,Market_Sold_kWh,P2P_Trades,Market_Trades"
    ),
    "all_trades.csv": (
        "Timestep,Trade_ID,Type,Buyer_ID,Seller_ID,Quantity_kWh,Price_EUR_per_kWh,Value_EUR,Block_Index"
    ),
    "regulator_actions.csv": (
        "Timestep,Prosumer_ID,Bonus_EUR,Penalty_EUR,Cumulative_Bonus_EUR,Cumulative_Penalty_EUR,Is_Banned,"
        "Ban_Steps_Left,Reason_For_Ban"
    ),
    "community_summary.csv": (
        "Timestep,Total_PV_kWh,Total_Consumption_kWh,P2P_Trades,P2P_kWh,Market_Trades,Market_kWh,Active_Buyers,"
        "Active_Sellers,Avg_P2P_Price,Banned,Blocks_Mined"
    ),
}
MARKET = "Market"
"""The grid, where it stands beside members."""
Row = Iterable[Any]


def community_files(run: Run, folder: Path) -> Files:
    """The logs of a stored run by order, and its community's facts and report, by file name.

    Time steps count from 0; energy in kWh, money in the run's currency whatever the headers say.
    """
    happened = Happened.read(run, folder)
    rows = {
        "prosumer_energy.csv": _energy(happened), "prosumer_trading.csv": _trading(happened),
        "all_trades.csv": _trades(happened), "regulator_actions.csv": _regulator(happened),
        "community_summary.csv": _summary(happened),
    }  # fmt: skip
    logs, facts = {name: _csv(HEADERS[name], rows[name]) for name in HEADERS}, facts_of(happened)
    return Files({**logs, **report_text(facts)}, {"community_logs": facts["community"]})


def _energy(h: Happened) -> Iterator[Row]:
    """A row per slot and member: what it made, used, stored and was worth."""
    capacity, level = h.storage
    after = h.surplus_kwh - h["sold_kwh"] + h.called_kwh + h["bought_kwh"]
    left = after - h.grid_kwh[1] + h.grid_kwh[0]
    share = np.divide(level, capacity, out=np.full(level.shape, np.nan), where=capacity > 0)
    sized = np.broadcast_to(h.pv_kw, h.shape), np.broadcast_to(capacity, h.shape)
    return _by_member(
        h, sized[0], h.community.pv_kwh, h.community.load_kwh, sized[1], level, share, h.surplus_kwh, after, left,
        h.renewable_kwh, h["wallet_money"],
    )  # fmt: skip


def _trading(h: Happened) -> Iterator[Row]:
    """A row per slot and member: what it asked for, and what came of it."""
    wanted = h["bid_kwh"] + h["ask_kwh"]
    bid, ask = (np.where(h[name] > 0, h["quote_price"], np.nan) for name in ("bid_kwh", "ask_kwh"))
    return _by_member(
        h, np.array(ROLES)[h.role], wanted, bid, ask, h["bought_kwh"], h["sold_kwh"], *h.grid_kwh, h.trades_of,
        h.meets_grid * 1,
    )  # fmt: skip


def _trades(h: Happened) -> Iterator[Row]:
    """A row per trade: those between neighbours in the order in which they came about, then those with the grid."""
    names, t, number = h.community.names, h.trades, 0
    traded, metered = h.block_of()
    bounds = np.searchsorted(t.slot, np.arange(h.shape[0] + 1)).tolist()
    for slot in range(h.shape[0]):
        for r in range(bounds[slot], bounds[slot + 1]):
            sides = names[t.buyer[r]], names[t.seller[r]]
            yield slot, number, "P2P", *sides, t.kwh[r], t.price[r], t.kwh[r] * t.price[r], _or_empty(traded[r])
            number += 1
        for n in np.flatnonzero(h.meets_grid[slot]).tolist():
            buys = h.grid_kwh[0][slot, n] > 0
            kwh, value = h.grid_kwh[0 if buys else 1][slot, n], h.grid_money[slot, n] * (1 if buys else -1)
            sides = (names[n], MARKET) if buys else (MARKET, names[n])
            yield slot, number, MARKET, *sides, kwh, value / kwh, value, _or_empty(metered[slot, n])
            number += 1


def _regulator(h: Happened) -> Iterator[Row]:
    """A row per slot and member: what the regulator paid and took, and whom it keeps from trading."""
    bonus, penalty = h.paid("bonus"), h.paid("penalty")
    left = np.maximum(h.banned_slots - 1, 0)
    reason = np.full(h.shape, "", object)
    left[h.bans.slot, h.bans.member] = h.bans.slots
    reason[h.bans.slot, h.bans.member] = h.bans.reason
    sums = bonus.cumsum(axis=0), penalty.cumsum(axis=0)
    return _by_member(h, bonus, penalty, *sums, h.banned_slots > 0, left, reason)


def _summary(h: Happened) -> Iterator[Row]:
    """A row per slot."""
    slots = h.shape[0]
    trades = np.bincount(h.trades.slot, minlength=slots)
    kwh, money = (np.bincount(h.trades.slot, v, slots) for v in (h.trades.kwh, h.trades.kwh * h.trades.price))
    price = np.divide(money, kwh, out=np.full(slots, np.nan), where=kwh > 0)
    mined = h.run.ledger.blocks_in(slots) if h.run.ledger else np.zeros(slots, np.int64)
    columns = (
        np.arange(slots), h.community.pv_kwh.sum(axis=1), h.community.load_kwh.sum(axis=1), trades, kwh,
        h.meets_grid.sum(axis=1), sum(h.grid_kwh).sum(axis=1), (h["bid_kwh"] > 0).sum(axis=1),  # type: ignore[union-attr]
        (h["ask_kwh"] > 0).sum(axis=1), price, (h.banned_slots > 0).sum(axis=1), mined,
    )  # fmt: skip
    return zip(*(column.tolist() for column in columns), strict=True)


def _by_member(h: Happened, *columns: Any) -> Iterator[Row]:
    """Rows of columns (T, N), slot by slot, with the slot and the member's name first."""
    for slot in range(h.shape[0]):
        values = (column[slot].tolist() for column in columns)
        for name, *row in zip(h.community.names, *values, strict=True):
            yield slot, name, *row


def _csv(header: str, rows: Iterable[Row]) -> str:
    out = io.StringIO()
    out.write(header + "\n")
    csv.writer(out, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Numbers to nine decimals; what does not exist is empty."""
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value + 0.0:.9f}"
    return value


def _or_empty(block: Any) -> Any:
    return int(block) if block >= 0 else ""
