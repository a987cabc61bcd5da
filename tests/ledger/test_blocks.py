"""What is hashed, to the byte: published trees, and hashes worked out by hand."""

import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonwatt.ledger._blocks import Block, climbed, leaves, packed, path, root

INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Merkle tree hashes over the first 1 to 8 inputs: the test data of Certificate Transparency (RFC 6962)."""


def hashed(*inputs):
    return [hashlib.sha256(b"\x00" + bytes.fromhex(each)).digest() for each in inputs]


@pytest.mark.parametrize("count", range(1, 9))
def test_the_tree_is_that_of_rfc_6962(count):
    assert root(hashed(*INPUTS[:count])).hex() == ROOTS[count - 1]


def by_definition(hashes):
    """RFC 6962, 2.1, word for word."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + by_definition(hashes[:k]) + by_definition(hashes[k:])).digest()


@given(st.integers(1, 70), st.data())
def test_every_leaf_leads_to_the_root_and_nowhere_else(count, data):
    hashes = [hashlib.sha256(bytes([k])).digest() for k in range(count)]
    k = data.draw(st.integers(0, count - 1))
    way, above = path(hashes, k), root(hashes)
    assert above == by_definition(hashes)
    assert climbed(hashes[k], k, count, way) == above
    assert climbed(hashes[k], k, count, [*way, above]) is None
    assert climbed(hashes[k], k + count, count, way) is None
    assert climbed(hashes[k], -1, count, way) is None
    if way:
        assert climbed(hashes[k], k, count, way[:-1]) is None
        assert climbed(hashes[k], k, count, way[::-1]) != above or way == way[::-1]
        assert climbed(hashes[k], k ^ 1, count, way) != above


def test_an_entry_is_six_numbers_and_the_hash_of_its_reason():
    numbers = [np.array([value, 1]) for value in (7, 40, 3, -2, 1_250_000, -375_000)]
    content = packed(numbers, ["trade", "grid"], np.array([0, 1]))
    reason = hashlib.sha256(b"trade").digest()[:16]
    assert content[:64] == struct.pack(">6q", 7, 40, 3, -2, 1_250_000, -375_000) + reason
    assert content[64:] == struct.pack(">6q", 1, 1, 1, 1, 1, 1) + hashlib.sha256(b"grid").digest()[:16]
    assert leaves(content)[0] == hashlib.sha256(b"\x00" + content[:64]).digest()
    assert leaves(packed([np.zeros(0, int)] * 6, [], np.zeros(0, int))) == []


def test_a_block_is_its_header():
    block = Block(3, 17, 120, 50, -1, b"p" * 32, b"r" * 32, nonce=9)
    header = b"\x02" + struct.pack(">5q", 3, 17, 120, 50, -1) + b"p" * 32 + b"r" * 32 + struct.pack(">q", 9)
    assert block.digest == hashlib.sha256(header).digest()
