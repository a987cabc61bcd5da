"""Rules about money that are data: fees look at one slot, charges and sharings at a stretch of slots.

A rule over a stretch is a fold. Its author never sees where windows are cut: settlement
continues the sums slot by slot, and asks for the amounts when the rule's period closes.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from .accounts import Account
from .clock import Period
from .noun import TM, TN, Array, Noun, PerSlot


@dataclass(frozen=True, eq=False, kw_only=True)
class Meter(Noun):
    """What meters show, each on its own: members' meters, or the coupling point's."""

    import_kwh: TM
    export_kwh: TM
    hours: float

    @property
    def columns(self) -> int:
        """Meters."""
        return int(self.import_kwh.shape[1])


@dataclass(frozen=True, eq=False, kw_only=True)
class Pooled(Noun):
    """What went through the pool, and what the grid charges and pays at the coupling point."""

    bought_kwh: TN
    sold_kwh: TN
    paid_kwh: TN
    buy: PerSlot
    sell: PerSlot
    efficiency: float

    @property
    def columns(self) -> int:
        """Members."""
        return int(self.bought_kwh.shape[1])


@dataclass(frozen=True, eq=False, kw_only=True)
class Fee(Noun):
    """Money per slot that is no price times energy."""

    payee: Account
    reason: str

    @abstractmethod
    def amounts(self, meter: Meter) -> Array:
        """What each meter owes in each slot. (T, M) [money]"""


Reads = TypeVar("Reads", Meter, Pooled)


@dataclass(frozen=True, eq=False, kw_only=True)
class Fold(Noun, Generic[Reads]):
    """Sums carried from slot to slot, and what they cost when the period closes.

    `add` must give the same bits for a stretch in one piece or in several: use `noun.running_sum`.
    """

    period: Period
    payee: Account
    reason: str

    @abstractmethod
    def start(self, columns: int) -> Array:
        """The sums when a period opens; last axis: meters or members, or whatever the rule carries."""

    @abstractmethod
    def add(self, carry: Array, reads: Reads) -> Array:
        """The sums after another stretch of the same period."""

    @abstractmethod
    def amounts(self, carry: Array) -> Array:
        """What each meter or member owes for the period. [money]"""

    def next(self, carry: Array, columns: int) -> Array:
        """The sums the next period opens with: anew, unless a rule remembers (ratchets, credits)."""
        return self.start(columns)


@dataclass(frozen=True, eq=False, kw_only=True)
class Charge(Fold[Meter]):
    """A tariff's charge per period; reads every meter on its own (demand, tiers, fixed, minimum bill)."""

    netted: bool = False
    """Whether energy traded inside is taken off the member's meter first."""

    @property
    def steady(self) -> bool:
        """Whether it is owed whatever the meters read: then no plan changes it."""
        return False


@dataclass(frozen=True, eq=False, kw_only=True)
class Sharing(Fold[Pooled]):
    """A mechanism that shares the pool's cost per period or horizon; reads all members together."""
