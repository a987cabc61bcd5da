"""A run that plans for long is killed, and goes on from its plans to the same bits."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest
from tests._command import start

from commonwatt.dispatch._planned import Planner
from commonwatt.reports.delivery import RunJob, deliver
from commonwatt.scenario import load
from commonwatt.store._plans import Plans

DOCUMENT = """\
name: long
source: {kind: synthetic, members: 4, days: 6, slot_minutes: 60}
devices: [{kind: battery}]
dispatch: {kind: community_optimal, prediction: 12}
forecast: {kind: seasonal_naive}
market: {kind: pool}
"""


def computed(home: Path, output: str, monkeypatch: pytest.MonkeyPatch, **flags: bool) -> list[int]:
    """Runs the document here; the numbers of the plans of all members together that had to be made for it."""
    made, solved = [], Planner._solved

    def counted(self, outlook, state, number):
        if self.kind == "community_optimal" and outlook.watch.journal:
            made.append(number)
        return solved(self, outlook, state, number)

    with monkeypatch.context() as patch:
        patch.setattr(Planner, "_solved", counted)
        deliver(
            RunJob(load(home / "long.yaml")), home / output, force=flags.get("force", False), progress=lambda *_: None
        )
    return made


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_goes_on_from_its_plans_to_the_same_bytes(tmp_path, monkeypatch, number):
    (tmp_path / "long.yaml").write_text(DOCUMENT)
    process, plans = start("run", "long.yaml", "--output", "long", cwd=tmp_path), tmp_path / "long.plans.partial"
    second, end = plans / "000000024.npz", time.monotonic() + 120
    while not second.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate()
    kept = len(list(plans.glob("*.npz")))
    assert 2 <= kept < 6
    assert not (tmp_path / "long").exists()
    assert computed(tmp_path, "long", monkeypatch) == list(range(24 * kept, 144))
    assert computed(tmp_path, "whole", monkeypatch) == list(range(144))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long", "long.yaml", "whole"]
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "long" / path.name).read_bytes(), path.name


def kept_plans(place: Path, identity: str = "mine") -> Plans:
    plans = Plans(place, identity)
    plans.open(force=False)
    return plans


def test_plans_come_back_as_they_were(tmp_path):
    plans = kept_plans(tmp_path / "a.plans.partial")
    level, words = np.random.default_rng(0).random((3, 2)), np.array(["highs", "proven"])
    plans.add(0, {"level_kwh": level, "words": words})
    plans.add(3, {"level_kwh": level + 1, "words": words})
    assert plans.found(0) is None, "only noted"
    plans.keep()
    again = kept_plans(tmp_path / "a.plans.partial")
    assert np.array_equal(again.found(0)["level_kwh"], level)
    assert np.array_equal(again.found(3)["level_kwh"], level + 1)
    assert again.found(3)["words"].tolist() == ["highs", "proven"]
    assert again.found(6) is None


@pytest.mark.parametrize("spoil", ["other", "force", "torn", "foreign"])
def test_plans_of_something_else_do_not_count(tmp_path, spoil):
    place = tmp_path / "a.plans.partial"
    plans = kept_plans(place)
    plans.add(0, {"level_kwh": np.ones((1, 1))})
    plans.keep()
    if spoil == "torn":
        (place / "000000000.npz").write_bytes((place / "000000000.npz").read_bytes()[:-30])
    if spoil == "foreign":
        (place / "identity.json").unlink()
    again = Plans(place, "another" if spoil == "other" else "mine")
    again.open(force=spoil == "force")
    assert again.found(0) is None


def test_a_run_that_ends_by_itself_leaves_no_plans(tmp_path, monkeypatch):
    (tmp_path / "long.yaml").write_text(
        DOCUMENT.replace("days: 6", "days: 2").replace("prediction: 12", "prediction: 6")
    )
    assert computed(tmp_path, "done", monkeypatch) == list(range(48))
    assert computed(tmp_path, "done", monkeypatch) == []
    assert computed(tmp_path, "done", monkeypatch, force=True) == list(range(48))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["done", "long.yaml"]
