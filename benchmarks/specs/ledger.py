"""Trades on their way into a ledger, and followed through it: against a plain loop that keeps the same entries."""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.harness import Case, Size, Spec, Work
from commonwatt.clock import Clock
from commonwatt.flow import Array, Community
from commonwatt.ledger import NAME, check_ledger
from commonwatt.ledger.hash_chain import HashChain
from commonwatt.record import Record
from commonwatt.run import opening
from commonwatt.scenario import Scenario
from commonwatt.simulate import simulate

MEMBERS = {"full": 200, "quick": 200, "tiny": 6}
SLOTS = {"full": (503, 51), "quick": (101, 11), "tiny": (4, 2)}
"""Without and with signatures: 503 slots of 199 trades are 100,097."""
BLOCK = 50
SCENARIO = Scenario(tariff={"kind": "flat"}, market={"kind": "pool_prorata", "pairs": True})
TRADE = ("slot", "buyer", "seller", "kwh", "price")
Line = tuple[int, int, float, float]
"""Payer, payee (-1: the retailer), kWh, money."""
Entry = tuple[int, int, int, int, int]
"""Slot, payer, payee, energy and money in millionths."""


@dataclass(frozen=True)
class Day:
    """What a run hands to its ledger; every second member has too much in every slot, the others too little."""

    community: Community
    records: tuple[Record, ...]
    sign: bool

    @property
    def trades(self) -> int:
        """How many."""
        return sum(record.trades.kwh.size for record in self.records if record.trades)

    def kept(self, place: Path) -> Array:
        """Its ledger, in a folder; closing it follows the chain once, without signatures."""
        start = opening(SCENARIO, "benchmark", self.community)
        with HashChain(sign=self.sign, block_size=BLOCK).opened(start, place) as book:
            for record in self.records:
                book.take(record)
            return np.array([book.close().trades], np.float64)


@cache
def day(size: Size, sign: bool) -> Day:
    """Of a size, to be signed or not."""
    members, slots = MEMBERS[size], SLOTS[size][sign]
    rng, odd = np.random.default_rng(1), np.arange(members) % 2 == 1
    clock = Clock(datetime(2025, 1, 1, tzinfo=UTC), timedelta(hours=1), slots)
    load, pv = (rng.uniform(0.5, 2, (slots, members)) * side for side in (odd, ~odd))
    community = Community.of(clock, load, pv)
    return Day(community, tuple(Record.of(window) for window in simulate(SCENARIO, community)), sign)


def append(given: Day) -> Work:
    """Records to a closed ledger."""

    def work() -> Array:
        with tempfile.TemporaryDirectory() as place:
            return given.kept(Path(place))

    return work


def verify(given: Day) -> Work:
    """A stored ledger, followed from end to end."""

    def read(place: Path) -> Array:
        return np.array([check_ledger(place).trades], np.float64)

    return stored(given.kept, read)


def followed(given: Day) -> Work:
    """The peer's file, followed from end to end."""
    loop = Loop.of(given)
    return stored(lambda place: loop.write(place / NAME), lambda place: loop.follow(place / NAME))


def stored(write: Callable[[Path], object], read: Callable[[Path], Array]) -> Work:
    """Reads what has been written once."""
    place = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, place)
    write(place)
    return lambda: read(place)


# --- the peer ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loop:
    """The same job, row by row: whole numbers by running totals, a line of JSON each, a commit for each block."""

    slots: list[list[Line]]
    wallets: list[list[float]]
    keys: list[Ed25519PrivateKey]

    @classmethod
    def of(cls, given: Day) -> Loop:
        """What changes hands, slot by slot, as lists."""
        members, retailer = given.community.shape[1], -1
        slots: list[list[Line]] = [[] for _ in range(given.community.shape[0])]
        for record in given.records:
            table, c = record.trades, record.columns
            for row in zip(*(getattr(table, name).tolist() for name in TRADE), strict=True):
                slots[row[0]].append((row[1], row[2], row[3], row[3] * row[4]))
            kwh = (c["import_kwh"] - c["bought_kwh"]) - (c["export_kwh"] - c["sold_kwh"])
            for t, n in zip(*(index.tolist() for index in np.nonzero(np.abs(kwh) > 1e-9)), strict=True):
                line = n, retailer, float(kwh[t, n]), float(c["energy_money"][t, n])
                slots[record.clock.first + t].append(line)
        wallets = [row for record in given.records for row in record.columns["wallet_money"].tolist()]
        keys = [Ed25519PrivateKey.from_private_bytes(bytes([k]) * 32) for k in range(members if given.sign else 0)]
        return cls(slots, wallets, keys)

    def append(self) -> Array:
        """All of it into a new file, which is then followed once."""
        with tempfile.TemporaryDirectory() as place:
            self.write(Path(place) / NAME)
            return self.follow(Path(place) / NAME)

    def write(self, path: Path) -> None:
        """A chain in a file, a slot at a time."""
        height, before, exact, whole = 0, "", [0.0] * (1 + len(self.wallets[0])), [0] * (1 + len(self.wallets[0]))
        with closing(sqlite3.connect(path)) as base:
            base.execute("PRAGMA synchronous = OFF")
            base.execute("CREATE TABLE entry (line TEXT, buyer BLOB, seller BLOB)")
            base.execute("CREATE TABLE block (count INTEGER, root TEXT, hash TEXT)")
            for slot, (lines, wallets) in enumerate(zip(self.slots, self.wallets, strict=True)):
                entries = [_rounded(slot, line, exact, whole) for line in lines]
                if max(abs(held - 1e6 * wallet) for held, wallet in zip(whole, wallets, strict=False)) > len(lines):
                    raise ValueError(f"slot {slot}: the peer's wallets are off")
                for start in range(0, len(entries), BLOCK):
                    before = self._block(base, height, entries[start : start + BLOCK], before)
                    height += 1

    def _block(self, base: sqlite3.Connection, height: int, entries: list[Entry], before: str) -> str:
        hashes = []
        for entry in entries:
            line, pair = json.dumps(entry), (b"", b"")
            if self.keys and entry[2] >= 0:
                pair = self.keys[entry[1]].sign(line.encode()), self.keys[entry[2]].sign(line.encode())
            hashes.append(hashlib.sha256(line.encode()).digest())
            base.execute("INSERT INTO entry VALUES (?, ?, ?)", (line, *pair))
        above = _root(hashes)
        digest = _chained(height, above, before)
        base.execute("INSERT INTO block VALUES (?, ?, ?)", (len(entries), above, digest))
        base.commit()
        return digest

    def follow(self, path: Path) -> Array:
        """Every hash, party and signature of a file: how many trades there are."""
        public, before, trades, members = [key.public_key() for key in self.keys], "", 0, len(self.wallets[0])
        with closing(sqlite3.connect(path)) as base:
            lines = base.execute("SELECT line, buyer, seller FROM entry ORDER BY rowid")
            blocks = base.execute("SELECT count, root, hash FROM block ORDER BY rowid").fetchall()
            for height, (count, above, digest) in enumerate(blocks):
                hashes = []
                for _ in range(count):
                    line, buyer, seller = lines.fetchone()
                    slot, taker, giver, kwh, _ = json.loads(line)
                    hashes.append(hashlib.sha256(line.encode()).digest())
                    known = 0 <= slot < len(self.slots) and 0 <= taker < members and -1 <= giver < members
                    if not known or (kwh < 0 and giver >= 0):
                        raise ValueError(f"block {height}: {line}")
                    if giver >= 0:
                        trades += 1
                        if public:
                            public[taker].verify(buyer, line.encode())
                            public[giver].verify(seller, line.encode())
                before = _chained(height, above, before)
                if above != _root(hashes) or before != digest:
                    raise ValueError(f"block {height}")
        return np.array([trades], np.float64)


def _rounded(slot: int, line: Line, exact: list[float], whole: list[int]) -> Entry:
    """A line in whole numbers: money by the payer's running total."""
    payer, payee, kwh, money = line
    exact[payer] -= 1e6 * money
    amount = whole[payer] - round(exact[payer])
    whole[payer] -= amount
    whole[payee] += amount
    exact[payee] += 1e6 * money
    return slot, payer, payee, round(1e6 * kwh), amount


def _root(hashes: list[bytes]) -> str:
    while len(hashes) > 1:
        if len(hashes) % 2:
            hashes = [*hashes, hashes[-1]]
        hashes = [hashlib.sha256(hashes[k] + hashes[k + 1]).digest() for k in range(0, len(hashes), 2)]
    return hashes[0].hex()


def _chained(height: int, above: str, before: str) -> str:
    return hashlib.sha256(json.dumps([height, above, before]).encode()).hexdigest()


def cases(size: Size) -> Sequence[Case]:
    """Append and verify, without signatures and with them."""
    found = []
    for sign in (False, True):
        given = day(size, sign)
        what = f"{given.trades:,} trades, {'signed by both sides' if sign else 'unsigned'}"
        peer = "plain loop: JSON, a row at a time"
        found += [
            Case(
                "ledger", f"{what}: append, close", peer,
                partial(append, given), lambda given=given: Loop.of(given).append, goal=0.9 if sign else 1.2,
            ),
            Case(
                "ledger", f"{what}: verify", peer,
                partial(verify, given), partial(followed, given), goal=0.9,
            ),
        ]  # fmt: skip
    return found


SPEC = Spec("ledger", "Trades into a ledger, and through it.", cases, rounds=3)
