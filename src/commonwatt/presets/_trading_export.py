"""S2's own folder: both runs household by household, the parameters, and what the grid lets through."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ScenarioError
from ..flow import Array, Community, Trades
from ..reading.capacity import CAPACITY
from ..store import json_text, stored_run
from ..studies import Results
from ..studies.benchmark import run_folder
from ..studies.capacity import as_csv
from ..studies.entries import Gathered
from ._files import Files
from .parameters import parameters_of

FOLDER = "sim_YYYYMMDD_HHMMSS/"
RUNS = {"baseline": "baseline_results.csv", "optimised": "optimized_results.csv"}
"""By scenario, the origin's file."""
HEADER = (
    "step", "household_id", "production", "consumption", "stored_kwh", "battery_pct", "wallet", "grid_buy",
    "grid_sell", "p2p_trades", "p2p_buy_amount", "p2p_sell_amount", "unserved", "curtailed",
)  # fmt: skip
"""The origin's columns, then ours: what limits cut."""
MARKS = "-:"
"""Stand between seller and amount, and between trades: no name may hold them."""


@dataclass(frozen=True)
class Played:
    """A stored run as S2 tells it."""

    community: Community
    columns: dict[str, Array]
    """(T, N) each."""
    trades: Trades | None

    @classmethod
    def stored(cls, results: Results, runs: Path, name: str) -> Played:
        """The run of that name. Raises ScenarioError for names of members that S2 cannot write."""
        community, records = stored_run(runs / run_folder(list(results.runs).index(name), name))
        bad = next((member for member in community.names if set(MARKS) & set(member)), None)
        if bad:
            rule = "S2 writes trades as seller:amount-seller:amount"
            raise ScenarioError(f"exports = trading_system: member {bad!r} ({rule}); rename it, without - and :")
        sink, trades = Gathered(community, results.runs[name].scenario.pool), list[Trades]()
        for record in records:
            sink.take(record)
            trades += [record.trades] if record.trades is not None else []
        return cls(community, sink.columns(), Trades.joined(*trades) if trades else None)

    def csv(self) -> str:
        """The table, a row for each step and household, in their order. kWh and money."""
        out, pairs = io.StringIO(), self._pairs()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(HEADER)
        names = (
            "stored_kwh", "battery_pct", "wallet_money", "grid_buy_kwh", "grid_sell_kwh", "p2p_buy_kwh", "p2p_sell_kwh",
            "unserved_kwh", "curtailed_kwh",
        )  # fmt: skip
        columns = {**self.columns, "battery_pct": self._percent()}
        energy = [self.community.pv_kwh, self.community.load_kwh]
        table = np.stack([*energy, *(columns[name] for name in names)], axis=2).tolist()
        for t, row in enumerate(table):
            for n, member in enumerate(self.community.names):
                made, drawn, stored, percent, *values = row[n]
                level = ["", ""] if percent != percent else [stored, percent]
                writer.writerow([t, member, made, drawn, *level, *values[:3], pairs.get((t, n), ""), *values[3:]])
        return out.getvalue()

    def _percent(self) -> Array:
        """What is stored of what a household has room for, its share of common room included; NaN without any."""
        device, members = self.community.flexibility, self.community.shape[1]
        capacity = np.bincount(device.owner, device.capacity_kwh, members)
        room = np.broadcast_to(capacity, self.columns["stored_kwh"].shape)
        percent = np.full(room.shape, np.nan)
        np.divide(100.0 * self.columns["stored_kwh"], room, out=percent, where=room > 0)
        return percent

    def _pairs(self) -> dict[tuple[int, int], str]:
        """By step and buyer: who sold how much, as ``seller:amount-seller:amount``."""
        found: dict[tuple[int, int], list[str]] = {}
        if self.trades is not None:
            rows = (self.trades.slot.tolist(), self.trades.buyer.tolist(), self.trades.seller.tolist())
            for slot, buyer, seller, kwh in zip(*rows, self.trades.kwh.tolist(), strict=True):
                found.setdefault((slot, buyer), []).append(f"{self.community.names[seller]}:{kwh:.9f}")
        return {place: "-".join(parts) for place, parts in found.items()}


def trading_files(results: Results, runs: Path) -> Files:
    """S2's folder, named by the time it was written, and its summary."""
    played = {name: Played.stored(results, runs, name) for name in RUNS}
    folder, parameters = f"{datetime.now().astimezone():sim_%Y%m%d_%H%M%S}", parameters_of(results.study)
    connection, slots = played["baseline"].community.connection, played["baseline"].community.shape[0]
    caps = [
        np.full(slots, np.inf) if cap is None else cap for cap in (connection.import_cap_kw, connection.export_cap_kw)
    ]
    texts = {
        **{file: played[name].csv() for name, file in RUNS.items()},
        "params.json": json_text(parameters.model_dump()),
        "grid_capacity.csv": as_csv(dict(zip(CAPACITY, caps, strict=True))),
    }
    told = {"folder": folder, **_summary(results, played), "warnings": results.study.notes.splitlines()}
    return Files({f"{folder}/{name}": text for name, text in texts.items()}, {"trading_system": told})


def _summary(results: Results, played: dict[str, Played]) -> dict[str, Any]:
    """S2's panel: wallets, energy bought and sold, and what planning changed in percent."""
    found: dict[str, Any] = {}
    price = float(results.runs["baseline"].scenario.prices(played["baseline"].community).coupling_buy.mean())
    for name, run in played.items():
        c = run.columns
        found |= {
            f"{name}_final_wallets": float(c["wallet_money"][-1].sum()),
            f"{name}_lowest_wallet": float(c["wallet_money"].min()),
            f"{name}_debt": float(np.maximum(-c["wallet_money"][-1], 0.0).sum()),
            f"{name}_grid_buy_kwh": float(c["grid_buy_kwh"].sum()),
            f"{name}_grid_sell_kwh": float(c["grid_sell_kwh"].sum()),
            f"{name}_p2p_kwh": float(c["p2p_buy_kwh"].sum()),
            f"{name}_stored_kwh": float(c["stored_kwh"][-1].sum()),
            f"{name}_unserved_kwh": float(c["unserved_kwh"].sum()),
            f"{name}_curtailed_kwh": float(c["curtailed_kwh"].sum()),
        }
    wallets, bought, stored = (
        tuple(found[f"{name}_{what}"] for name in RUNS) for what in ("final_wallets", "grid_buy_kwh", "stored_kwh")
    )
    return {
        **found,
        "wallet_improvement_percent": _percent_of(wallets[1] - wallets[0], wallets[0]),
        "stored_price": price,
        "wallet_improvement_with_stored_percent": _percent_of(
            wallets[1] - wallets[0] + price * (stored[1] - stored[0]), wallets[0]
        ),
        "grid_buy_reduction_percent": _percent_of(bought[0] - bought[1], bought[0]),
    }


def _percent_of(change: float, first: float) -> float | None:
    return 100.0 * change / abs(first) if first else None
