"""Rules about money that are data: fees look at one slot, charges and sharings at a stretch of slots.

A rule over a stretch is a fold. Its author never sees where windows are cut: settlement
continues the sums slot by slot, and asks for the amounts when the rule's period closes.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from .accounts import Account
from .clock import Clock, Period
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
    """What went through the pool and the physical meters, and the grid's prices at the coupling point."""

    bought_kwh: TN
    sold_kwh: TN
    paid_kwh: TN
    import_kwh: TN
    export_kwh: TN
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

    def notes(self, carry: Array) -> dict[str, float]:
        """What a report should tell of the period's amounts, such as their standard error. [money]"""
        return {}


@dataclass(frozen=True, eq=False, kw_only=True)
class PeakTerm(Noun):
    """A part of a charge, as planners see it: rate x max(locked, highest weight x import) over slots of a period."""

    weight: PerSlot
    """kW that a kWh imported in the slot counts as; 0 where it does not count. [1/h]"""
    rate: float
    """[money/kW]"""
    locked_kw: Annotated[Array, "M"]
    """Owed already, meter by meter. [kW]"""


@dataclass(frozen=True, eq=False, kw_only=True)
class TierTerm(Noun):
    """A part of a charge, as planners see it: each step's rate on what a period's import exceeds its threshold by."""

    above_kwh: Annotated[Array, "B"]
    step: Annotated[Array, "B"]
    """What each threshold adds to the price of what lies above it. [money/kWh]"""
    used_kwh: Annotated[Array, "M"]
    """Imported in the period already, meter by meter. [kWh]"""


Terms = tuple[PeakTerm, ...] | tuple[TierTerm, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Charge(Fold[Meter]):
    """A tariff's charge per period; reads every meter on its own (demand, tiers, fixed, minimum bill).

    Which meters: members' own; behind one meter, the coupling point's (first) and then members' parts of it.
    """

    netted: bool = False
    """Whether energy traded inside is taken off the member's meter first."""

    def terms(self, carry: Array, hours: float) -> Terms | None:
        """What it costs in this stretch of one period, given the sums so far; in slots of `hours`.

        None: no planner can heed it. An empty tuple: it is owed whatever the meters read, and no plan changes it.
        """
        return None


@dataclass(frozen=True, eq=False, kw_only=True)
class Sharing(Fold[Pooled]):
    """A mechanism that shares the pool's cost per period or horizon; reads all members together."""


def ahead(charge: Charge, clock: Clock, carry: Array | None, columns: int) -> list[tuple[int, int, Terms]] | None:
    """What a charge costs in every stretch of `clock` that lies in one period: start, stop, terms; for planners.

    `carry`: the sums so far, none at the start of a run. None where the charge states no terms.
    """
    found = list[tuple[int, int, Terms]]()
    for start, stop, closes in clock.stretches(charge.period):
        sums = charge.start(columns) if carry is None else carry
        terms = charge.window(start, stop).terms(sums, clock.hours)
        if terms is None:
            return None
        found.append((start, stop, terms))
        carry = charge.next(sums, columns) if closes else sums
    return found
