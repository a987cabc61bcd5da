"""What all ledgers have in common that are chains of blocks."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from pydantic import PositiveInt

from ..streams import Streams
from . import Ledger
from ._blocks import Block
from ._book import Book
from ._keys import key_files
from ._opening import Opening


class Chained(Ledger):
    """A chain of blocks."""

    block_size: PositiveInt = 50
    """Most entries of a block, a reward aside. [entries]"""
    sign: bool = True
    """Whether members sign their trades and the operator its blocks. [yes or no]"""
    keys: Path | None = None
    """Folder of private keys, `operator.pem` and one for each member; none: keys are made from the seed. [path]"""

    @property
    def micro_reward(self) -> int:
        """What the mint pays for a block, in millionths; 0 for nothing."""
        return 0

    @abstractmethod
    def sealed(self, block: Block, streams: Streams) -> Block | None:
        """The block as it may be added; none if it has to wait for the next slot."""

    @abstractmethod
    def accepts(self, block: Block) -> bool:
        """Whether a block may stand in the chain."""

    def inputs(self) -> tuple[Path, ...]:
        """The key files."""
        return key_files(self.keys) if self.keys and self.sign else ()

    def opened(self, opening: Opening, place: Path | None) -> Book:
        return Book.opened(self, opening, place)
