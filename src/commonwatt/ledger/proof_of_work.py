"""Blocks that somebody has worked for."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from itertools import count
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt

from ..streams import Streams
from ._blocks import Block
from ._chained import Chained
from ._units import micro

NONCES = 2**62


class ProofOfWork(Chained):
    """Miners search a number that gives their block a hash with leading zeros; the mint rewards who finds it.

    At the end of every slot blocks are mined until no entry waits. Which miner a block goes to, and where its search
    begins, is drawn. With a single operator the work adds no security: it is there because communities try it.
    """

    kind: Literal["proof_of_work"] = "proof_of_work"
    miners: PositiveInt = 15
    """Miners that blocks are drawn among. [miners]"""
    difficulty: Annotated[int, Field(ge=0, le=8)] = 3
    """Leading zeros that a block's hash must have, in hexadecimal. [digits]"""
    reward: NonNegativeFloat = 0.1
    """What the mint pays for a block. [money]"""
    max_attempts: PositiveInt | None = None
    """Numbers a miner tries before it gives up until the next slot; none: until it finds one. [attempts]"""

    @property
    def micro_reward(self) -> int:
        return micro(self.reward)

    def sealed(self, block: Block, streams: Streams) -> Block | None:
        drawn = streams.at("ledger", block.height, block.slot)
        mined = replace(block, miner=int(drawn.integers(self.miners)))
        start, zeros = int(drawn.integers(NONCES)), "0" * self.difficulty
        begun = sha256(mined.without_nonce)
        for attempt in count() if self.max_attempts is None else range(self.max_attempts):
            trial = begun.copy()
            trial.update(((start + attempt) % NONCES).to_bytes(8, "big"))
            if trial.hexdigest().startswith(zeros):
                return replace(mined, nonce=(start + attempt) % NONCES)
        return None

    def accepts(self, block: Block) -> bool:
        return 0 <= block.miner < self.miners and block.digest.hex().startswith("0" * self.difficulty)
