"""What a planner decides once and carries out over one window or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from ..flow import Array, Carry, Certificate, Outlook, Planned

LEVEL, CURTAILED = "dispatch.level_kwh", "dispatch.curtailed_kwh"
"""What is left of a plan for later windows, by name."""
PER_SLOT = ("energy_price", "stored_price", "limit_price")
NUMBERS, WORDS = ("cost", "lower", "gap", "asked", "iterations", "binaries"), ("engine", "status", "proof")
"""Parts of a certificate, as a journal keeps them."""
TABLES = ("level_kwh", "curtailed_kwh", "unserved_kwh", "pooled_kwh")
"""What a plan decides."""
RENEWED = 24
"""Plans after which a kept model is built anew: what a journal gives back in one piece. [plans]"""


@dataclass(frozen=True)
class Decided:
    """The slots of a plan that are still to be carried out."""

    level_kwh: Array
    """(T, K), at the end of each slot."""
    curtailed_kwh: Array
    """(T, N)"""
    plan: Planned | None = None
    """For a plan just made, whole."""

    @classmethod
    def left(cls, carry: Carry) -> Self | None:
        """What an earlier window left; none where all is done."""
        if LEVEL not in carry or not len(carry[LEVEL]):
            return None
        return cls(carry[LEVEL], carry[CURTAILED])

    @classmethod
    def of(cls, plan: Planned, slots: int) -> Self:
        """So many slots of a plan just made."""
        return cls(np.array(plan.level_kwh[:slots]), np.array(plan.curtailed_kwh[:slots]), plan)

    @property
    def carry(self) -> Carry:
        """For a later window."""
        return {LEVEL: self.level_kwh, CURTAILED: self.curtailed_kwh}

    def after(self, slots: int) -> Decided:
        """What is left when so many slots are done."""
        return Decided(self.level_kwh[slots:], self.curtailed_kwh[slots:])


def decided(solved: Callable[[int], Any], beliefs: Mapping[str, Any], outlook: Outlook, commit: int | None) -> Decided:
    """What is to be done in the next `commit` slots: as a journal has it, or `solved` now, given the plan's number.

    `beliefs`: what the plan is made on, as `Planned` names it.
    """
    community, journal = outlook.community, outlook.watch.journal
    slots = min(commit or community.shape[0], community.shape[0])
    slot = community.clock.first
    known = journal.found(slot) if journal else None
    if known:
        return Decided.of(Planned(**beliefs, **_read(known)), slots)
    number = slot // commit if commit else 0
    answer = solved(number)
    tables = {name: getattr(answer, name) for name in TABLES}
    plan = Planned(**beliefs, **tables, proof=_alone(answer.certificate, slots))
    if journal:
        journal.add(slot, _written(plan))
        if commit is None or (number + 1) % RENEWED == 0:
            journal.keep()
    return Decided.of(plan, slots)


def _written(plan: Planned) -> dict[str, Any]:
    """A plan for a journal: what it decides, and its proof."""
    return {
        **{name: getattr(plan, name) for name in TABLES},
        **{name: getattr(plan.proof, name) for name in PER_SLOT},
        "numbers": np.array([getattr(plan.proof, name) for name in NUMBERS], np.float64),
        "limit_names": np.array(plan.proof.limit_names, np.str_),
        "words": np.array([getattr(plan.proof, name) for name in WORDS]),
    }  # fmt: skip


def _read(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The same from a journal."""
    numbers = dict(zip(NUMBERS, kept["numbers"].tolist(), strict=True))
    counts: dict[str, Any] = {name: int(numbers[name]) for name in ("iterations", "binaries")}
    words = dict(zip(WORDS, kept["words"].tolist(), strict=True))
    prices = {name: kept[name] for name in PER_SLOT}
    places = tuple(kept["limit_names"].tolist())
    proof = Certificate(**{**numbers, **counts}, **words, **prices, limit_names=places)
    return {"proof": proof, **{name: kept[name] for name in TABLES}}


def _alone(proof: Certificate, slots: int) -> Certificate:
    """What it says of the first slots, without the memory of the others."""
    parts: dict[str, Any] = {name: np.array(getattr(proof, name)[:slots]) for name in PER_SLOT}
    return replace(proof, **parts)
