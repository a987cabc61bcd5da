"""Studies on several processes: the same bits, the same errors, and nobody left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests._command import hears_ctrl_c

from commonwatt.errors import MissingExtra, ScenarioError
from commonwatt.scenario import Study
from commonwatt.store import read_manifest
from commonwatt.studies import run_study
from commonwatt.studies._workers import FEWEST_PLANS, Task, processes

COMMAND = [sys.executable, "-m", "commonwatt.cli", "benchmark", "tariff_benchmark", "--workers", "2", "--quiet"]


def study(**base: Any) -> Study:
    document = {
        "kind": "study", "base": {"source": {"kind": "sample", "members": 3, "slots": 48}, **base},
        "axes": {"market": [{"kind": "none"}, {"kind": "pool"}],
                 "dispatch": [{"kind": "self_consumption"}, {"kind": "community_optimal"}],
                 "tariff": [{"kind": "flat"}, {"kind": "time_of_use"}]},
    }  # fmt: skip
    return Study.model_validate(document)


def test_two_processes_give_the_bits_of_one(tmp_path: Path) -> None:
    ways = {workers: run_study(study(), series=tmp_path / str(workers), workers=workers) for workers in (1, 2)}
    assert list(ways[1].runs) == list(ways[2].runs)
    for one, two in zip(ways[1].runs.values(), ways[2].runs.values(), strict=True):
        assert one.bills.tobytes() == two.bills.tobytes()
        assert one.summary() == two.summary()
    for folder in (tmp_path / "1").iterdir():
        one, two = (read_manifest(tmp_path / part / folder.name)["files"] for part in "12")
        assert {name: one[name] for name in one if "parquet" in name} == {n: two[n] for n in two if "parquet" in n}


def test_what_is_wrong_in_another_process_is_told_as_ever() -> None:
    wrong = study(market={"kind": "pool", "price": "signal"})
    wrong = wrong.model_copy(update={"axes": {"tariff": wrong.axes["tariff"]}})
    texts = []
    for workers in (1, 2):
        with pytest.raises(ScenarioError, match="community price") as caught:
            run_study(wrong, workers=workers)
        texts.append(str(caught.value))
    assert texts[0].partition(":")[2] == texts[1].partition(":")[2]


def test_an_error_travels_whole() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(MissingExtra("figures", "reports")))
    assert type(error) is MissingExtra
    assert str(error) == str(MissingExtra("figures", "reports"))


def test_processes_are_for_many_plans() -> None:
    tasks = [Task(name, scenario) for name, scenario in study().scenarios().items()]
    plans = [task for task in tasks if not task.scenario.dispatch.causal]
    rules = [task for task in tasks if task.scenario.dispatch.causal]
    assert processes(rules * FEWEST_PLANS, None) == 1
    assert processes(plans[:1] * (FEWEST_PLANS - 1), None) == 1
    assert processes(plans * FEWEST_PLANS, None) == len(os.sched_getaffinity(0))
    assert processes(rules, 3) == 3
    assert processes(rules[:1], 3) == 1


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_whoever_stops_a_study_stops_all_of_it(tmp_path: Path, number: int, code: int) -> None:
    out = tmp_path / "out"
    command = [*COMMAND, "--output", str(out)]
    running = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, preexec_fn=hears_ctrl_c)
    try:
        wait_for(lambda: len(group(running.pid)) >= 3)
        running.send_signal(number)
        assert running.wait(60) == code
        wait_for(lambda: not group(running.pid))
        assert not out.exists()
    finally:
        if group(running.pid):
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()


def group(leader: int) -> list[int]:
    """Who lives in a process group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, pgid = path.read_text().rpartition(")")[2].split()[:3]
            if int(pgid) == leader and state != "Z":
                found.append(int(path.parent.name))
    return found


def wait_for(what: Any, seconds: float = 90.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.2)
