"""A record as payments and deliveries: who pays whom for what energy, before anything is rounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from ..accounts import Account
from ..exchange import Trades
from ..noun import Array, Index, Row, RowIndex, Table, over_members
from ..record import Record

LEAST = 1e-9
"""Energy [kWh] and money below which nothing is written (§5)."""
TRADE, GRID, POOL, COUPLING, LOSSES, REWARD, ROUNDING = REASONS = (
    "trade", "grid", "pool", "coupling", "losses", "block reward", "rounding",
)  # fmt: skip
"""Reasons of the ledger's own; others are those of fees and entries."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows(Table):
    """The payer gets energy from the payee, and pays for it."""

    slot: RowIndex
    trade: RowIndex
    """Number of the trade; -1 for anything else."""
    payer: RowIndex
    payee: RowIndex
    reason: RowIndex
    """Place in the list of reasons."""

    def in_order(self) -> Self:
        """The same rows, slot by slot, otherwise as they were."""
        order = np.argsort(self.slot, kind="stable")
        return replace(self, **{field.name: getattr(self, field.name)[order] for field in fields(self)})


@dataclass(frozen=True, eq=False, kw_only=True)
class Lines(Rows):
    """Before anything is rounded; energy and money may be negative."""

    kwh: Row
    money: Row


@dataclass
class Reasons:
    """All reasons met so far, in that order."""

    names: list[str]

    def place(self, name: str) -> int:
        """The place of a reason, which is added if it is new."""
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)


def trades_of(record: Record, efficiency: float) -> Trades:
    """The record's trades; where a market names none, pairs made of who bought and who sold inside.

    Such a pair pays the price of the side that the pool serves in full: what energy costs inside.
    """
    if record.trades is not None:
        return record.trades
    c = record.columns
    bought, sent = c["bought_kwh"], c["sold_kwh"]
    asked, given = over_members(bought), over_members(sent)
    inside = np.minimum(asked, efficiency * given)
    delivered, matched = (
        np.divide(inside, total, out=np.zeros_like(inside), where=inside > LEAST)[:, None]
        for total in (asked, efficiency * given)
    )
    first = record.clock.first
    pairs = Trades.north_west(first, bought * delivered, sent * matched, efficiency, c["buy_price"])
    slot = pairs.slot - first
    sellers_price = c["sell_price"][slot, pairs.seller]
    return replace(pairs, price=np.where((asked > efficiency * given)[slot], sellers_price, pairs.price))


def lines_of(record: Record, trades: Trades, first_trade: int, reasons: Reasons) -> Lines:
    """Everything that changes hands, slot by slot; trades are numbered from `first_trade` on."""
    c, first = record.columns, record.clock.first
    moved = _Sums.of(trades, first, record.access.shape)
    pool_kwh = c["bought_kwh"] - c["sold_kwh"] - moved.kwh
    grid_kwh = (c["import_kwh"] - c["bought_kwh"]) - (c["export_kwh"] - c["sold_kwh"])
    nothing = np.zeros(record.access.shape)
    parts = [
        _trades(trades, first_trade, reasons.place(TRADE)),
        _owed(first, grid_kwh, c["energy_money"], Account.RETAILER, reasons.place(GRID)),
        _owed(first, pool_kwh, c["pool_money"] - moved.money, Account.OPERATOR, reasons.place(POOL)),
        _coupling(record, over_members(pool_kwh), reasons.place(COUPLING)),
        _owed(first, -moved.lost, nothing, Account.LOSSES, reasons.place(LOSSES)),
        *_fees(record, reasons, nothing),
        _entries(record, reasons),
    ]
    return Lines.joined(*parts).in_order()


@dataclass(frozen=True)
class _Sums:
    """What trades bring to each member's meter and take from its purse, and what is lost on the way. (T, N) each"""

    kwh: Array
    money: Array
    lost: Array

    @classmethod
    def of(cls, trades: Trades, first: int, shape: tuple[int, ...]) -> _Sums:
        sums, slot, price = cls(*np.zeros((3, *shape))), trades.slot - first, trades.kwh * trades.price
        np.add.at(sums.kwh, (slot, trades.buyer), trades.kwh)
        np.add.at(sums.kwh, (slot, trades.seller), -trades.sent_kwh)
        np.add.at(sums.money, (slot, trades.buyer), price)
        np.add.at(sums.money, (slot, trades.seller), -price)
        np.add.at(sums.lost, (slot, trades.seller), trades.sent_kwh - trades.kwh)
        return sums


def _trades(trades: Trades, first: int, reason: int) -> Lines:
    rows = trades.kwh.size
    return Lines(
        slot=trades.slot, trade=first + np.arange(rows), payer=trades.buyer, payee=trades.seller, kwh=trades.kwh,
        money=trades.kwh * trades.price, reason=np.full(rows, reason),
    )  # fmt: skip


def _owed(first: int, kwh: Array, money: Array, payee: Account, reason: int) -> Lines:
    """What each member gets from an account and owes it. (T, N)"""
    slot, who = np.nonzero((np.abs(kwh) > LEAST) | (np.abs(money) > LEAST))
    return _plain(first + slot, who, np.full(slot.size, payee), kwh[slot, who], money[slot, who], reason)


def _plain(slot: Index, payer: Index, payee: Index, kwh: Array, money: Array, reason: int) -> Lines:
    """Lines that are no trades."""
    rows = slot.size
    return Lines(
        slot=slot, trade=np.full(rows, -1), payer=payer, payee=payee.astype(np.int64), kwh=kwh, money=money,
        reason=np.full(rows, reason),
    )  # fmt: skip


def _coupling(record: Record, kwh: Array, reason: int) -> Lines:
    """What the operator buys and sells at the coupling point. (T,)"""
    money = record.columns["account_money"][:, Account.RETAILER.column] - over_members(record.columns["energy_money"])
    for _, payee, fee in record.fees():
        if payee == Account.RETAILER.name.lower():
            money = money - over_members(fee)
    slot = np.flatnonzero((np.abs(kwh) > LEAST) | (np.abs(money) > LEAST))
    operator, retailer = (np.full(slot.size, account) for account in (Account.OPERATOR, Account.RETAILER))
    return _plain(record.clock.first + slot, operator, retailer, kwh[slot], money[slot], reason)


def _fees(record: Record, reasons: Reasons, nothing: Array) -> Iterator[Lines]:
    for reason, payee, money in record.fees():
        yield _owed(record.clock.first, nothing, money, Account[payee.upper()], reasons.place(reason))


def _entries(record: Record, reasons: Reasons) -> Lines:
    """Charges, shares, bonuses and penalties as the record has them."""
    entries = record.entries
    lines = _plain(
        entries.slot, entries.payer, entries.payee, np.zeros(entries.rows), entries.amount, reasons.place(TRADE)
    )  # fmt: skip
    return replace(lines, reason=np.array([reasons.place(str(reason)) for reason in entries.reason], np.int64))
