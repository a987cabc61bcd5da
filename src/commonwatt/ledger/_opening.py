"""How a ledger begins: whose it is, who takes part, with which keys, and what everybody starts with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from ..accounts import Account
from ..clock import Clock
from ..noun import Array, Index
from ._blocks import root
from ._keys import UNSIGNED, Keyring
from ._units import MICRO, shared_out

if TYPE_CHECKING:
    from ._chained import Chained

FORMAT = "1"
LINE, CHARTER = b"\x03", b"\x04"
"""First byte of what is hashed: no entry, node or block."""


@dataclass(frozen=True)
class Opening:
    """What a ledger has to know of its run."""

    run: str
    """Identity of the run."""
    currency: str
    clock: Clock
    names: tuple[str, ...]
    wallets: Array
    """Of every member before the first slot. (N,) [money]"""
    efficiency: float
    """Of the pool: where a market leaves open who trades with whom, pairs are made. [-]"""
    seed: int
    draw: int


@dataclass(frozen=True)
class Party:
    """A member (0, 1, 2, ...) or an account (-1, -2, ...)."""

    number: int
    name: str
    micro_opening: int
    """What it starts with, in millionths of the currency."""
    key: bytes
    """Ed25519 public key; empty for whoever signs nothing."""


@dataclass(frozen=True)
class Charter:
    """What stands at the beginning of a ledger; the first block names its hash."""

    facts: dict[str, str]
    parties: tuple[Party, ...]

    @classmethod
    def of(cls, opening: Opening, rules: Chained, keyring: Keyring | None) -> Charter:
        """Of a run; without keys where nobody signs."""
        clock, origin = opening.clock, keyring.origin if keyring else UNSIGNED
        facts = {
            "format": FORMAT, "run": opening.run, "currency": opening.currency, "keys": origin,
            "rules": rules.model_dump_json(exclude={"keys"}), "slots": str(clock.horizon),
            "slot_seconds": f"{clock.slot.total_seconds():g}", "start": clock.start.isoformat(), "zone": clock.zone,
        }  # fmt: skip
        held = shared_out(opening.wallets * MICRO).tolist()
        operator, *own = keyring.public if keyring else [b""] * (1 + len(held))
        members = [Party(n, *each) for n, each in enumerate(zip(opening.names, held, own, strict=True))]
        accounts = [Party(int(a), a.name.lower(), 0, operator if a is Account.OPERATOR else b"") for a in Account]
        return cls(facts, (*members, *accounts))

    @cached_property
    def lines(self) -> list[str]:
        """Facts by name, then members and accounts, a line of JSON each."""
        parties = [[party.number, party.name, party.micro_opening, party.key.hex()] for party in self.parties]
        facts = [[name, value] for name, value in sorted(self.facts.items())]
        return [json.dumps(line, separators=(",", ":"), ensure_ascii=False) for line in (*facts, *parties)]

    @cached_property
    def hashes(self) -> list[bytes]:
        """Of every line."""
        return [line_hash(line) for line in self.lines]

    @cached_property
    def chain(self) -> bytes:
        """The hash that tells this ledger from any other: of the number of its lines and the root over them."""
        return charter_hash(len(self.hashes), root(self.hashes))

    @cached_property
    def rules(self) -> Chained:
        """How blocks are added. Raises ValueError for rules that nobody knows."""
        return rules_of(self.facts["rules"])

    @property
    def names(self) -> tuple[str, ...]:
        """Of everybody, members first."""
        return tuple(party.name for party in self.parties)

    @property
    def held(self) -> Index:
        """What everybody starts with, members first, in millionths. (P,)"""
        return np.array([party.micro_opening for party in self.parties], np.int64)


def line_hash(line: str) -> bytes:
    """The hash of a line of a charter."""
    return sha256(LINE + line.encode()).digest()


def charter_hash(lines: int, above: bytes) -> bytes:
    """The hash of a charter of so many lines with a root over them."""
    return sha256(CHARTER + lines.to_bytes(8, "big") + above).digest()


def rules_of(text: str) -> Chained:
    """How blocks are added, as a charter says it. Raises ValueError for rules that nobody knows."""
    from . import LEDGERS
    from ._chained import Chained

    stated = json.loads(text)
    kind = stated.get("kind") if isinstance(stated, dict) else None
    rules = LEDGERS[kind].model_validate(stated) if kind in LEDGERS else None
    if isinstance(rules, Chained):
        return rules
    raise ValueError(f"rules of kind {kind!r} are unknown")
