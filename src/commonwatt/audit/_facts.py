"""What an invariant may read: one record beside its community and terms, and what the records before it left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..accounts import Account, Entries
from ..flow import Array, Community, Index, Prices, Trades
from ..noun import over_members
from ..record import Record
from ..rules import Meter, Pooled

NO_TRADES = Trades(
    slot=np.empty(0, np.int64), buyer=np.empty(0, np.int64), seller=np.empty(0, np.int64), kwh=np.empty(0),
    sent_kwh=np.empty(0), price=np.empty(0),
)  # fmt: skip


@dataclass(frozen=True)
class Declared:
    """What the mechanism promised, and how exact the dispatch says its energy is (§7)."""

    scope: str
    balanced: bool
    rational: bool
    in_band: bool
    efficient: bool = False
    one_price: bool = False
    tolerance: float = 1e-9
    """Share of the largest flow that energy may be off. [-]"""


@dataclass(frozen=True)
class Left:
    """What the records before left. Levels (K,), wallets (N,), tills (A,), slots of bans (N,)."""

    level: Array
    wallet: Array
    tills: Array
    banned: Index

    @classmethod
    def at_start(cls, community: Community) -> Left:
        """Before the first record."""
        members = community.shape[1]
        wallet = community.traits.get("wallet_start", np.zeros(members))
        return cls(community.flexibility.level_start_kwh, wallet, np.zeros(len(Account)), np.zeros(members, np.int64))

    @classmethod
    def by(cls, record: Record) -> Left:
        """After a record."""
        c, bans = record.columns, record.bans
        banned = np.maximum(record.banned_slots[-1] - 1, 0)
        begun = (bans.slot == record.clock.first + record.clock.slots - 1) & (bans.member < banned.size)
        banned[bans.member[begun]] = bans.slots[begun]
        return cls(c["level_kwh"][-1], c["wallet_money"][-1], c["till_money"][-1], banned)


@dataclass(frozen=True)
class Facts:
    """One record beside its community and terms; sums of open periods in `sums`."""

    now: Community
    terms: Prices
    record: Record
    declared: Declared
    left: Left
    sums: dict[str, Array]

    def __getitem__(self, column: str) -> Array:
        return self.record.columns[column]

    @property
    def members(self) -> int:
        """How many."""
        return self.now.shape[1]

    @property
    def hours(self) -> float:
        """Length of a slot. [h]"""
        return self.record.clock.hours

    @property
    def one_meter(self) -> bool:
        """Whose meters are billed, as the terms say."""
        return self.terms.one_meter

    @property
    def efficiency(self) -> float:
        """Of the pool. [-]"""
        return self.terms.pool.efficiency

    @cached_property
    def entries(self) -> Entries:
        """Those dated in this record between known sides: what the others would move is anybody's guess."""
        entries, first, least = self.record.entries, self.record.clock.first, -len(Account)
        fits = (entries.slot >= first) & (entries.slot < first + self.now.shape[0])
        for who in (entries.payer, entries.payee):
            fits &= (who >= least) & (who < self.members)
        return entries if fits.all() else entries.kept(fits)

    @cached_property
    def owed(self) -> Array:
        """By members, through entries. (T, N)"""
        return self.entries.owed(self.record.clock.first, self.now.shape)

    @cached_property
    def items(self) -> Array:
        """By members, without entries. (T, N)"""
        items = self["energy_money"] + self["pool_money"]
        for _, _, fee in self.record.fees():
            items += fee
        return items

    @cached_property
    def moved(self) -> tuple[Array, Array]:
        """All that is bought and sold. (T,) each"""
        return over_members(self["bought_kwh"]), over_members(self["sold_kwh"])

    @cached_property
    def inside(self) -> Array:
        """Delivered from member to member. (T,)"""
        bought, sold = self.moved
        if self.terms.routes is not None:
            return bought
        return np.minimum(bought, sold * self.efficiency)

    @cached_property
    def coupling(self) -> tuple[Array, Array]:
        """What the pool takes from and gives to the grid. (T,) each"""
        bought, sold = self.moved
        if not self.one_meter:
            return np.zeros_like(bought), np.zeros_like(sold)
        return bought - self.inside, np.maximum(sold - self.inside / self.efficiency, 0.0)

    @cached_property
    def coupling_money(self) -> Array:
        """What the grid charges at the coupling point. (T,)"""
        taken, given = self.coupling
        money: Array = taken * self.terms.coupling_buy - given * self.terms.coupling_sell
        return money

    @cached_property
    def paid_kwh(self) -> Array:
        """What each seller is paid for: its part of what arrives inside and of what goes to the grid. (T, N)"""
        if self.terms.routes is not None:
            return self.by_trade(self.trades.seller, self.trades.kwh)
        if self.efficiency == 1.0:
            return self["sold_kwh"]
        sold = self.moved[1]
        paid = self.inside + self.coupling[1]
        share = np.divide(paid, sold, out=np.ones_like(sold), where=sold > 0)
        return self["sold_kwh"] * share[:, None]

    @cached_property
    def trades(self) -> Trades:
        """Those dated in this record between members; none where the record has no table."""
        rows = NO_TRADES if self.record.trades is None else self.record.trades
        first, (slots, members) = self.record.clock.first, self.now.shape
        sound = (rows.slot >= first) & (rows.slot < first + slots)
        for who in (rows.buyer, rows.seller):
            sound &= (who >= 0) & (who < members)
        return rows if sound.all() else rows.kept(sound)

    def by_trade(self, who: Index, amount: Array) -> Array:
        """The sum of an amount (R,) over the trades of each slot and member. (T, N)"""
        cell = (self.trades.slot - self.record.clock.first) * self.members + who
        sums = np.bincount(cell, amount, self.now.shape[0] * self.members).astype(np.float64)
        return sums.reshape(self.now.shape)

    @cached_property
    def outside_kwh(self) -> tuple[Array, Array]:
        """What each member's own meter is billed for. (T, N) each"""
        return self["import_kwh"] - self["bought_kwh"], self["export_kwh"] - self["sold_kwh"]

    @property
    def calls(self) -> bool:
        """Whether the record says what storage was called to deliver."""
        return "called_kwh" in self.record.columns

    @cached_property
    def standby_kwh(self) -> Array:
        """What members' storage could have delivered before it was called: what it still could, and what it did. (T, N)

        Within power and time of the slot, down to the least level, and as far as the connection lets out.
        """
        device, called = self.now.flexibility, self["called_kwh"]
        busy = np.zeros(self["charge_kwh"].shape)
        for way in ("charge", "discharge"):
            most = getattr(device, f"{way}_kw") * self.hours
            busy += np.divide(self[f"{way}_kwh"], most, out=np.zeros(busy.shape), where=most > 0)
        power = device.discharge_kw * self.hours * (1.0 - busy)
        held = (self["level_kwh"] - device.level_min_kwh) * device.discharge_efficiency
        free = ~device.obliged & (device.shared == "")
        able = device.by_member(np.where(free, np.maximum(np.minimum(power, held), 0.0), 0.0), self.members) + called
        flows = self["import_kwh"], self["export_kwh"] - called
        return self.now.connection.passed(able, flows, self.hours) * self.record.access

    def meter(self, *, netted: bool) -> Meter:
        """The meters a retailer (netted) or the network reads, done again; columns as settlement states them."""
        crossed = self["import_kwh"], self["export_kwh"]
        if not self.one_meter:
            ways = self.outside_kwh if netted else crossed
            return Meter(import_kwh=ways[0], export_kwh=ways[1], hours=self.hours)
        if netted:
            parts = self["bought_kwh"], self["sold_kwh"]
            columns = [np.hstack([self.outside_kwh[k], self.coupling[k][:, None], parts[k]]) for k in range(2)]
        else:
            lost = self.inside / self.efficiency - self.inside
            net = over_members(crossed[0]) - over_members(crossed[1]) + lost
            joint = np.where(net > 0, net, 0.0), np.where(net < 0, -net, 0.0)
            columns = [np.hstack([joint[k][:, None], crossed[k]]) for k in range(2)]
        return Meter(import_kwh=columns[0], export_kwh=columns[1], hours=self.hours)

    def pooled(self) -> Pooled:
        """What a sharing reads, done again."""
        return Pooled(
            bought_kwh=self["bought_kwh"], sold_kwh=self["sold_kwh"], paid_kwh=self.paid_kwh,
            import_kwh=self["import_kwh"], export_kwh=self["export_kwh"],
            buy=self.terms.coupling_buy, sell=self.terms.coupling_sell, efficiency=self.efficiency,
        )  # fmt: skip

    @cached_property
    def due_fees(self) -> dict[str, Array]:
        """Fees of every slot, done again, by reason and payee. (T, N) each"""
        due: dict[str, Array] = {}
        rate, pool = self.terms.pool.fee_per_kwh, self.terms.pool
        if self.terms.routes is not None:
            for reason, fee in self.terms.routes.fees(self.trades.buyer, self.trades.seller).items():
                paid = 0.5 * fee * self.trades.kwh
                both = [self.by_trade(who, paid) for who in (self.trades.buyer, self.trades.seller)]
                due[f"{reason}>{pool.fee_payee}"] = both[0] + both[1]
        elif rate > 0:
            sides = zip((self["bought_kwh"], self["sold_kwh"]), self.moved, strict=True)
            parts = [np.where(total > 0, self.inside / np.where(total > 0, total, 1.0), 0.0) for _, total in sides]
            fee = self["bought_kwh"] * parts[0][:, None] + self["sold_kwh"] * parts[1][:, None]
            due[f"pool fee>{pool.fee_payee}"] = 0.5 * rate * fee
        if pool.fee_per_trade > 0:
            half = np.full(self.trades.kwh.size, 0.5 * pool.fee_per_trade)
            both = [self.by_trade(who, half) for who in (self.trades.buyer, self.trades.seller)]
            due[f"trade fee>{pool.fee_payee}"] = both[0] + both[1]
        for rule in self.terms.fees:
            name = f"{rule.reason}>{rule.payee.name.lower()}"
            amounts = shared(rule.amounts(self.meter(netted=True)), self.members)
            due[name] = due[name] + amounts if name in due else amounts
        return due


def shared(amounts: Array, members: int) -> Array:
    """The coupling point's amount split by what each part of it would owe alone, rebates beside debts included."""
    if amounts.shape[-1] == members:
        return amounts
    alone, joint = amounts[..., -members:], amounts[..., -members - 1, None]
    owed, back = np.where(alone > 0, alone, 0.0), np.where(alone < 0, -alone, 0.0)
    debts, rebates = owed.sum(axis=-1, keepdims=True), back.sum(axis=-1, keepdims=True)
    turnover = np.where(debts + rebates > 0, debts + rebates, 1.0)
    per_unit = (joint - (debts - rebates)) / turnover
    part: Array = owed * (1.0 + per_unit) - back * (1.0 - per_unit)
    return part + amounts[..., :members] if amounts.shape[-1] > members + 1 else part
