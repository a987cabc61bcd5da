"""Blocks chained by their hashes."""

from typing import Literal

from ..streams import Streams
from ._blocks import Block
from ._chained import Chained


class HashChain(Chained):
    """Every block names the hash of the one before; the operator adds blocks at the end of every slot."""

    kind: Literal["hash_chain"] = "hash_chain"

    def sealed(self, block: Block, streams: Streams) -> Block:
        return block

    def accepts(self, block: Block) -> bool:
        return (block.miner, block.nonce) == (-1, 0)
