"""The benchmarks run, their rows say what they should, and ours and the peers' numbers agree. No time is asserted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks import __main__ as command
from benchmarks import growth, harness

from commonwatt.optimum import block

KEYS = {"spec", "size", "peer", "ours_s", "peer_s", "ratio", "goal", "ok", "memory_mib"}
NAMES = list(harness.specs())
FILES = Path(harness.__file__).parent / "specs"


def test_every_file_is_a_spec() -> None:
    assert sorted(NAMES) == sorted(path.stem for path in FILES.glob("[a-z]*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_runs_and_its_numbers_agree(name: str) -> None:
    reason = harness.specs()[name].missing()
    if reason:
        pytest.skip(reason)
    rows = harness.rows(name, "tiny")
    assert rows
    for row in rows:
        plain = row.plain()
        assert set(plain) == KEYS
        assert row.spec == name
        assert row.size
        assert row.peer
        assert row.ours_s > 0
        assert row.peer_s > 0
        assert row.ratio == pytest.approx(row.peer_s / row.ours_s)
        assert row.memory_mib > 0


def test_different_numbers_are_refused() -> None:
    harness.agree("same", np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-12]))
    with pytest.raises(ValueError, match="differ by"):
        harness.agree("other", np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-6]))
    with pytest.raises(ValueError, match="shape"):
        harness.agree("other", np.array([1.0]), np.array([1.0, 2.0]))


def row_of(ok: bool) -> harness.Row:
    return harness.Row("s1_bills", "small", "a peer", 0.5, 1.0, 2.0, 3.0, ok, 100.0)


def test_json_is_one_object_per_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "measured", lambda name, size: [row_of(False)])
    assert command.main(["s1_bills", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [row_of(False).plain()]
    assert command.main(["s1_bills", "--json", "--strict"]) == 1


def test_the_table_shows_every_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "measured", lambda name, size: [row_of(True)])
    assert command.main(["--quick", "--strict"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("yes") == sum(not spec.missing() for spec in harness.specs().values())


def test_a_spec_without_its_peer_is_skipped_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "auction_huang"
    monkeypatch.delenv("COMMONWATT_PYMARKET", raising=False)
    assert command.main([name, "--strict"]) == 0
    assert f"{name}: skipped, COMMONWATT_PYMARKET names no Python" in capsys.readouterr().err


def test_a_row_without_a_goal_is_for_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "specs", lambda: {"slow": harness.Spec("slow", "", lambda size: [slow])})
    slow = harness.Case("slow", "small", "a peer", *[lambda: lambda: np.ones(1)] * 2, goal=None)
    assert harness.rows("slow", "tiny")[0].ok
    slow = replace(slow, goal=1e12)
    assert not harness.rows("slow", "tiny")[0].ok
    slow = replace(slow, goal=None, most_s=0.0)
    assert not harness.rows("slow", "tiny")[0].ok


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["nothing"])
    assert "no such spec" in capsys.readouterr().err


def test_growth_prints_a_table_and_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert growth.main(["--most", "10", "--plot", str(tmp_path / "growth.svg")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["members", "gap", "iterations", "CPU", "s", "wall", "s"]
    assert [line.split()[:2] for line in lines[1:]] == [["10", "1e-03"], ["10", "1e-06"]]
    assert all(0 < int(line.split()[2]) <= block.MOST for line in lines[1:])
    drawn = (tmp_path / "growth.svg").read_text(encoding="utf-8")
    assert "CPU seconds" in drawn
    assert "iterations" in drawn
