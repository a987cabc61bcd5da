"""Random numbers: named, independent, and the same whoever else draws (§8, §11)."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from commonwatt.streams import Streams

PINNED = [0.8985614957057594, 0.3015263292232878, 0.3405741083615782]


def first(streams: Streams, *at: object) -> float:
    return float(streams.at(*at).random())  # type: ignore[arg-type]


def test_the_key_is_what_the_conventions_say() -> None:
    """SeedSequence(seed, spawn_key=(first four bytes of SHA-256 of the name, member[, slot])), PCG64DXSM."""
    word = int.from_bytes(hashlib.sha256(b"profile").digest()[:4], "big")
    for member, slot, key in ((0, None, (word, 0)), (7, None, (word, 7)), (7, 3, (word, 7, 3))):
        sequence = np.random.SeedSequence(42, spawn_key=key)
        expected = np.random.Generator(np.random.PCG64DXSM(sequence)).random(5)
        assert np.array_equal(Streams(42).at("profile", member, slot).random(5), expected)


def test_draws_are_pinned() -> None:
    """These numbers never change; a change would change every community."""
    values = [first(Streams(0), "load"), first(Streams(42), "pv", 3), first(Streams(42, draw=2), "events", 0, 95)]
    assert values == PINNED


def test_rows_of_slots_are_the_same_however_they_are_asked_for() -> None:
    """A row per slot; one member more at the end changes no other draw."""
    streams = Streams(5, draw=1)
    whole = streams.rows("lots", 10, (6, 4))
    assert np.array_equal(whole, np.vstack([streams.rows("lots", slot, (1, 4)) for slot in range(10, 16)]))
    assert np.array_equal(whole, streams.rows("lots", 10, (6, 5))[:, :4])
    assert np.array_equal(whole[2], streams.at("lots", slot=12).random(4))
    assert not np.array_equal(whole, streams.rows("lot", 10, (6, 4)))
    assert ((whole >= 0) & (whole < 1)).all()


def test_the_same_stream_twice_is_the_same() -> None:
    assert np.array_equal(Streams(5).at("load", 2).random(100), Streams(5).at("load", 2).random(100))


@pytest.mark.parametrize(
    "other",
    [
        (Streams(6), "load", 2, None),
        (Streams(5, draw=1), "load", 2, None),
        (Streams(5), "loads", 2, None),
        (Streams(5), "load", 3, None),
        (Streams(5), "load", 2, 0),
        (Streams(5), "load", 0, 2),
    ],
    ids=["seed", "draw", "name", "member", "slot", "slot for member"],
)
def test_every_part_of_the_key_counts(other: tuple[Streams, str, int, int | None]) -> None:
    streams, name, member, slot = other
    assert first(Streams(5), "load", 2) != first(streams, name, member, slot)


def test_streams_are_independent() -> None:
    draws = np.array([Streams(1).at("load", n).standard_normal(4000) for n in range(12)])
    related = np.corrcoef(draws)[~np.eye(12, dtype=bool)]
    assert abs(related).max() < 0.08


def test_no_two_keys_collide() -> None:
    names = ["load", "pv", "battery", "vehicle", "events", "critical_peak"]
    seen = [first(Streams(seed), name, member) for seed in range(5) for name in names for member in range(40)]
    assert len(set(seen)) == len(seen)


def test_another_process_draws_the_same() -> None:
    """Nothing depends on how a process hashes text."""
    code = "from commonwatt.streams import Streams; print(Streams(9).at('load', 1).random().hex())"
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env=environment(seed), capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("0", "1")
    }
    assert found == {first(Streams(9), "load", 1).hex()}


def environment(hash_seed: str) -> dict[str, str]:
    return {**os.environ, "PYTHONHASHSEED": hash_seed}
