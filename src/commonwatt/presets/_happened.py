"""A stored run of an hourly market, laid out for S3's logs: who wanted, traded, paid and was banned, slot by slot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..accounts import Account, Entries
from ..exchange import LEAST_KWH
from ..flow import Array, Bans, Community, Index, Mask, Trades
from ..ledger import NAME, Stored, read_ledger
from ..run import Run
from ..store import read_records

ROLES = ("neutral", "buyer", "seller", "battery_seller", "banned")
"""What a member is in a slot, by number."""


@dataclass(frozen=True)
class Happened:
    """All slots of a run at once; (T, N) unless said otherwise."""

    run: Run
    community: Community
    columns: dict[str, Array]
    banned_slots: Index
    """Left at the start of each slot."""
    trades: Trades
    entries: Entries
    bans: Bans
    ledger: Stored | None

    @classmethod
    def read(cls, run: Run, folder: Path) -> Happened:
        """From the folder of a run that keeps quotes and trades."""
        community = run.scenario.community()
        records = list(read_records(folder, community, run.scenario.market))
        names = records[0].columns
        return cls(
            run=run, community=community,
            columns={name: np.concatenate([record.columns[name] for record in records]) for name in names},
            banned_slots=np.concatenate([record.banned_slots for record in records]),
            trades=Trades.joined(*[record.trades for record in records if record.trades]),
            entries=Entries.joined(*[record.entries for record in records]),
            bans=Bans.joined(*[record.bans for record in records]),
            ledger=read_ledger(folder) if (folder / NAME).is_file() else None,
        )  # fmt: skip

    def __getitem__(self, column: str) -> Array:
        return self.columns[column]

    @property
    def shape(self) -> tuple[int, int]:
        """Slots and members."""
        return self.community.shape

    @cached_property
    def called_kwh(self) -> Array:
        """What storage was called to deliver."""
        return self.columns.get("called_kwh", np.zeros(self.shape))

    @cached_property
    def surplus_kwh(self) -> Array:
        """After the own devices' plan and before any trade; a deficit is below 0."""
        return self["export_kwh"] - self.called_kwh - self["import_kwh"]

    @cached_property
    def grid_kwh(self) -> tuple[Array, Array]:
        """What members buy from the grid and sell to it."""
        sides = self["import_kwh"] - self["bought_kwh"], self["export_kwh"] - self["sold_kwh"]
        bought, sold = (np.where(kwh > LEAST_KWH, kwh, 0.0) for kwh in sides)
        return bought, sold

    @cached_property
    def grid_money(self) -> Array:
        """What members owe for it, fees included. [money]"""
        fees = (money for name, money in self.columns.items() if name.startswith("fee_money:"))
        return sum(fees, self["energy_money"])

    @cached_property
    def renewable_kwh(self) -> Array:
        """Own PV that is used or stored."""
        device, (_, members) = self.community.flexibility, self.shape
        taken = self.community.load_kwh - self["unserved_kwh"] + device.by_member(self["charge_kwh"], members)
        return np.minimum(self.community.pv_kwh - self["curtailed_kwh"], taken)

    @cached_property
    def role(self) -> Index:
        """Numbers of `ROLES`: buyers and sellers are those who quote."""
        bids, asks = (self[name] > LEAST_KWH for name in ("bid_kwh", "ask_kwh"))
        stores = asks & (abs(self.surplus_kwh) <= LEAST_KWH)
        return np.select([self.banned_slots > 0, bids, stores, asks], [4, 1, 3, 2], 0)

    @cached_property
    def trades_of(self) -> Index:
        """Trades with neighbours that each member takes part in."""
        count = np.zeros(self.shape, np.int64)
        for who in (self.trades.buyer, self.trades.seller):
            np.add.at(count, (self.trades.slot, who), 1)
        return count

    @cached_property
    def meets_grid(self) -> Mask:
        """Who trades with the grid."""
        return np.asarray((self.grid_kwh[0] > 0) | (self.grid_kwh[1] > 0))

    def paid(self, reason: str) -> Array:
        """What the regulator pays or takes for a reason; never negative. [money]"""
        mine = self.entries.kept(self.entries.reason == reason)
        mine = mine.kept((mine.payer == Account.REGULATOR) | (mine.payee == Account.REGULATOR))
        return abs(mine.owed(0, self.shape))

    @cached_property
    def storage(self) -> tuple[Array, Array]:
        """What members' batteries can hold (N,), and hold (T, N). [kWh]"""
        device, members = self.community.flexibility, self.shape[1]
        return device.by_member(device.capacity_kwh[None, :], members)[0], device.by_member(self["level_kwh"], members)

    @cached_property
    def pv_kw(self) -> Array:
        """Rated power of each member's PV; where nobody knows, the highest there is. (N,)"""
        return self.community.traits.get("pv_kwp", self.community.pv_kw.max(axis=0))

    def block_of(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The block that holds each trade (R,), and what each member buys or sells at the grid (T, N); -1 for none."""
        trade, grid = np.full(self.trades.slot.size, -1), np.full(self.shape, -1)
        if self.ledger is not None:
            book = self.ledger
            traded, metered = book.trade >= 0, book.reason == "grid"
            trade[book.trade[traded]] = book.block[traded]
            who = np.maximum(book.payer, book.payee)[metered]
            grid[book.slot[metered], who] = book.block[metered]
        return trade, grid
