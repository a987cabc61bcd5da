"""What a planner decides once and carries out over one window or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from ..flow import Array, Carry, Certificate, Outlook

LEVEL, CURTAILED = "dispatch.level_kwh", "dispatch.curtailed_kwh"
"""What is left of a plan for later windows, by name."""
PER_SLOT = ("energy_price", "stored_price", "limit_price")
NUMBERS, WORDS = ("cost", "lower", "gap", "asked", "iterations", "binaries"), ("engine", "status", "proof")
"""Parts of a certificate, as a journal keeps them."""
RENEWED = 24
"""Plans after which a kept model is built anew: what a journal gives back in one piece. [plans]"""


@dataclass(frozen=True)
class Decided:
    """The slots of a plan that are still to be carried out."""

    level_kwh: Array
    """(T, K), at the end of each slot."""
    curtailed_kwh: Array
    """(T, N)"""
    proof: Certificate | None = None
    """For a plan just made."""

    @classmethod
    def left(cls, carry: Carry) -> Self | None:
        """What an earlier window left; none where all is done."""
        if LEVEL not in carry or not len(carry[LEVEL]):
            return None
        return cls(carry[LEVEL], carry[CURTAILED])

    @property
    def carry(self) -> Carry:
        """For a later window."""
        return {LEVEL: self.level_kwh, CURTAILED: self.curtailed_kwh}

    def after(self, slots: int) -> Decided:
        """What is left when so many slots are done."""
        return Decided(self.level_kwh[slots:], self.curtailed_kwh[slots:])

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """From a journal."""
        numbers = dict(zip(NUMBERS, kept["numbers"].tolist(), strict=True))
        counts: dict[str, Any] = {name: int(numbers[name]) for name in ("iterations", "binaries")}
        words = dict(zip(WORDS, kept["words"].tolist(), strict=True))
        parts = {name: kept[name] for name in PER_SLOT}
        places = tuple(kept["limit_names"].tolist())
        proof = Certificate(**{**numbers, **counts}, **words, **parts, limit_names=places)
        return cls(kept["level_kwh"], kept["curtailed_kwh"], proof)

    def written(self) -> dict[str, Any]:
        """For a journal."""
        assert self.proof is not None
        return {
            "level_kwh": self.level_kwh, "curtailed_kwh": self.curtailed_kwh,
            **{name: getattr(self.proof, name) for name in PER_SLOT},
            "numbers": np.array([getattr(self.proof, name) for name in NUMBERS], np.float64),
            "limit_names": np.array(self.proof.limit_names, np.str_),
            "words": np.array([getattr(self.proof, name) for name in WORDS]),
        }  # fmt: skip


def decided(solved: Callable[[int], Any], outlook: Outlook, commit: int | None) -> Decided:
    """What is to be done in the next `commit` slots: as a journal has it, or `solved` now, given the plan's number."""
    community, journal = outlook.community, outlook.watch.journal
    slots = min(commit or community.shape[0], community.shape[0])
    slot = community.clock.first
    known = journal.found(slot) if journal else None
    if known:
        return Decided.read(known)
    number = slot // commit if commit else 0
    answer = solved(number)
    made = Decided(answer.level_kwh[:slots], answer.curtailed_kwh[:slots], _alone(answer.certificate, slots))
    if journal:
        journal.add(slot, made.written())
        if commit is None or (number + 1) % RENEWED == 0:
            journal.keep()
    return made


def _alone(proof: Certificate, slots: int) -> Certificate:
    """What it says of the first slots, without the memory of the others."""
    parts: dict[str, Any] = {name: np.array(getattr(proof, name)[:slots]) for name in PER_SLOT}
    return replace(proof, **parts)
