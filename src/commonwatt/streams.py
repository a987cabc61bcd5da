"""Random numbers: one generator per seed, stream, member and slot (conventions §8, §11)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Streams:
    """Named generators of one seed; adding members, streams or workers changes no other draw.

    `draw` is a study's scenario number: it gives tariffs and events their own numbers, the community keeps its own.
    """

    seed: int
    draw: int = 0

    def at(self, name: str, member: int = 0, slot: int | None = None) -> np.random.Generator:
        """The generator of one stream of one member, and of one slot where something is drawn inside the loop."""
        word = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        key = (word, member) if slot is None else (word, member, slot)
        entropy = [self.seed, self.draw] if self.draw else self.seed
        return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(entropy, spawn_key=key)))

    def rows(self, name: str, first: int, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Uniform numbers of [0, 1), a row for every slot from `first` on: however windows are cut, the same. (T, N)"""
        slots, members = shape
        drawn = np.empty(shape)
        for t in range(slots):
            self.at(name, slot=first + t).random(members, out=drawn[t])
        return drawn
