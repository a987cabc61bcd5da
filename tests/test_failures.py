"""When something goes wrong: one screen that says where, what, which rule and what to do; nothing half-written."""

import os
import resource
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from tests._command import SCENARIO, STUDY, call, ended, nothing_left, refused, start

LONG = """\
source: {kind: settlement_comparison, consumers: 60, prosumers: 240, days: 100}
tariff: {kind: contract}
market: {kind: pool_prorata}
"""
MANY = """\
kind: study
base: {source: {kind: sample, members: 8, slots: 20000}}
axes:
  tariff: [{kind: flat}, {kind: time_of_use}, {kind: critical_peak}, {kind: real_time}, {kind: emergency}]
  market: [{kind: none}, {kind: pool}, {kind: mid_market_rate}, {kind: bill_sharing}, {kind: core_price}]
  dispatch: [{kind: passive}, {kind: self_consumption}]
"""


@pytest.fixture
def home(tmp_path):
    (tmp_path / "small.yaml").write_text(SCENARIO)
    (tmp_path / "few.yaml").write_text(STUDY)
    (tmp_path / "long.yaml").write_text(LONG)
    return tmp_path


# --- documents --------------------------------------------------------------------------------------------------------

WRONG = {
    "preset": ("benchmrk", "benchmrk: no such file, result or preset; did you mean benchmark?"),
    "kind of document": ("kind: vpq", "document.kind = 'vpq'"),
    "plug-in": ("market: {kind: polo}", "market.kind = 'polo': unknown plug-in; did you mean pool?"),
    "parameter": ("tariff: {kind: flat, pricee: 1}", "tariff.pricee: unknown parameter"),
    "field": ("tarif: {kind: flat}", "tarif: unknown parameter (documents are closed); did you mean tariff?"),
    "range": ("market: {kind: pool, spread: 2}", "market.spread = 2: input should be less than or equal to 1"),
    "text in a number": ("seed: many", "seed = 'many'"),
    "no number": ("tariff: {kind: time_of_use, on_peak: .nan}", "tariff.on_peak = nan"),
    "infinity": ("tariff: {kind: time_of_use, on_peak: .inf}", "tariff.on_peak = inf"),
    "version": ("version: 2", "version = 2"),
    "syntax": ("seed: [1", "a.yaml: line"),
    "several": ("seed: a\ndraw: b", "draw = 'b'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_document_is_one_screen(tmp_path, what):
    text, said = WRONG[what]
    if what != "preset":
        (tmp_path / "a.yaml").write_text(text + "\n")
    refused(call("run", text if what == "preset" else "a.yaml", cwd=tmp_path), said)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "make", [lambda p: p.mkdir(), lambda p: p.symlink_to(p.name), os.mkfifo], ids=["folder", "loop", "pipe"]
)
def test_what_is_no_file_is_refused(tmp_path, make):
    make(tmp_path / "a.yaml")
    refused(call("run", "a.yaml", cwd=tmp_path), "a.yaml")


def test_a_name_too_long_for_the_disk_is_refused(tmp_path):
    refused(call("run", "x" * 5000, cwd=tmp_path), "File name too long")
    refused(call("run", "benchmark", "--output", "x" * 300, cwd=tmp_path), "File name too long")


# --- input files ------------------------------------------------------------------------------------------------------

TABLE = "load_profiles.csv"


def cells(change):
    """A table's cells, changed."""

    def mend(path):
        rows = [line.split(",") for line in path.read_text().splitlines()]
        change(rows)
        path.write_text("\n".join(",".join(row) for row in rows))

    return mend


def put(value):
    return cells(lambda rows: rows[3].__setitem__(2, value))


SPOILT = {
    "missing column": (cells(lambda rows: [row.pop() for row in rows]), "home"),
    "text": (put("much"), "row 4, column"),
    "nan": (put("nan"), "nan"),
    "infinity": (put("inf"), "inf"),
    "empty": (put(""), "''"),
    "negative": (put("-1"), "(§3: energy is never negative)"),
    "missing hour": (cells(lambda rows: rows.pop(5)), "missing (§1"),
    "doubled hour": (cells(lambda rows: rows.insert(5, rows[5])), "stands twice (§1"),
    "too short": (cells(lambda rows: rows.pop()), TABLE.replace("load", "pv")),
    "no rows": (lambda path: path.write_text("time,a\n"), "no rows"),
    "nothing": (lambda path: path.write_text(""), "nothing in it"),
    "binary": (lambda path: path.write_bytes(os.urandom(4096)), TABLE),
    "folder": (lambda path: (path.unlink(), path.mkdir()), TABLE),
    "huge": (lambda path: os.truncate(path, (1 << 30) + 1), "MiB"),
    "gone": (lambda path: path.unlink(), "load_profiles"),
}


@pytest.mark.parametrize("what", SPOILT)
@pytest.mark.parametrize("words", [["benchmark", "few.yaml", "--community"], ["data", "check"]], ids=" ".join)
def test_a_wrong_table_is_one_screen(home, what, words):
    call("data", "make", "--source", "sample", "--members", 3, "--slots", 24, "--output", "homes", cwd=home)
    spoil, said = SPOILT[what]
    spoil(home / "homes" / TABLE)
    answer = call(*words, "homes", cwd=home)
    refused(answer, said)
    nothing_left(home, "small.yaml", "few.yaml", "long.yaml", "homes")


# --- places -----------------------------------------------------------------------------------------------------------

TAKEN = {
    "a file": ("file", "file: is a file (§16"),
    "below a file": ("file/run", "file is a file (§16: no folder)"),
    "another result": ("result", "result: holds another result"),
    "a foreign folder": ("foreign", "holds files that are no result of commonwatt"),
    "no such device": ("/proc/nowhere/run", "cannot be written"),
    "the root": ("/", "name a folder inside it"),
    "unknown suffix": ("a.xyz", "a.xyz: unknown suffix '.xyz' (§16"),
    "a folder with a suffix": ("folder.json", "folder.json: is a folder"),
    "a file that is there": ("file.json", "file.json: exists (§16); replace it with --force"),
}


@pytest.mark.parametrize("what", TAKEN)
@pytest.mark.parametrize("document", ["small.yaml", "few.yaml"])
def test_a_place_that_cannot_be_is_refused_before_any_work(home, what, document, monkeypatch):
    for name in ("file", "file.json"):
        (home / name).write_text("mine")
    for name in ("foreign", "folder.json"):
        (home / name).mkdir()
        (home / name / "mine.txt").write_text("mine")
    call("run", "small.yaml", "--seed", 99, "--output", "result", cwd=home)
    before = sorted(home.rglob("*"))
    for module in ("commonwatt.reports.delivery", "commonwatt.studies._workers"):
        monkeypatch.setattr(sys.modules[module], "run", lambda *_, **__: pytest.fail("computed"))
    place, said = TAKEN[what]
    refused(call("run", document, "--output", place, cwd=home), said, "--output" if "suffix" not in what else "")
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize("document", ["small.yaml", "few.yaml"])
@pytest.mark.parametrize("place", ["out", "out.json"])
def test_a_full_disk_is_told_and_nothing_stays(home, document, place):
    assert call("run", document, "--output", "once", "--quiet", cwd=home).code == 0  # all that is compiled is cached
    shutil.rmtree(home / "once")
    limit = 4096 if document == "small.yaml" else 12_000

    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if place == "out.json" and document == "small.yaml":
        limit = 512
    process = start("run", document, "--output", place, cwd=home, preexec_fn=little_room, env=environment)
    refused(ended(process), f"{place}: cannot be written: File too large", "free some space")
    nothing_left(home, "small.yaml", "few.yaml", "long.yaml")


def test_a_full_output_stream_is_told(tmp_path):
    with Path("/dev/full").open("w") as full:
        process = start("list", "--json", cwd=tmp_path, stdout=full)
        error = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert error.startswith("error: No space left on device")
    assert len(error.splitlines()) == 1


# --- signals ----------------------------------------------------------------------------------------------------------


def wait_for(path, process, seconds=60):
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "seen"),
    [
        (signal.SIGINT, 130, "long.partial"),
        (signal.SIGINT, 130, "long.partial/series.parquet"),
        (signal.SIGTERM, 143, "long.partial/series.parquet"),
    ],
    ids=["ctrl-c-beginning", "ctrl-c-middle", "terminated-middle"],
)
def test_a_run_that_is_stopped_leaves_nothing(home, number, code, seen):
    process = start("run", "long.yaml", "--output", "deep/long", cwd=home)
    wait_for(home / "deep" / seen, process)
    process.send_signal(number)
    answer = ended(process)
    assert answer.code == code
    assert not answer.out
    assert "Traceback" not in answer.err
    assert len(answer.err.splitlines()) <= 1
    nothing_left(home, "small.yaml", "few.yaml", "long.yaml")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("output", "number", "code"),
    [("many", signal.SIGINT, 130), ("many.json", signal.SIGTERM, 143)], ids=["ctrl-c-folder", "terminated-file"],
)  # fmt: skip
def test_a_study_that_is_stopped_leaves_nothing(home, output, number, code):
    (home / "many.yaml").write_text(MANY)
    flags = ["--series"] if output == "many" else []
    process = start("benchmark", "many.yaml", "--output", output, *flags, cwd=home)
    wait_for(home / f"{output}.partial", process)
    if flags:
        wait_for(home / "many.partial" / "runs" / "002-flat-none-self_consumption", process)
    process.send_signal(number)
    answer = ended(process)
    assert answer.code == code, answer
    assert "Traceback" not in answer.err
    nothing_left(home, "small.yaml", "few.yaml", "long.yaml", "many.yaml")


@pytest.mark.slow
def test_a_killed_run_leaves_what_the_next_one_clears(home):
    process = start("run", "long.yaml", "--output", "long", cwd=home)
    wait_for(home / "long.partial" / "series.parquet", process)
    process.kill()
    process.communicate()
    nothing_left(home, "small.yaml", "few.yaml", "long.yaml", "long.partial")
    assert call("run", "small.yaml", "--output", "long", cwd=home).code == 0
    nothing_left(home, "small.yaml", "few.yaml", "long.yaml", "long")
    assert call("run", "--verify", "long", cwd=home).code == 0


@pytest.mark.slow
def test_a_stopped_replacement_keeps_the_old_result(home):
    call("run", "small.yaml", "--output", "here", cwd=home)
    process = start("run", "long.yaml", "--output", "here", "--force", cwd=home)
    wait_for(home / "here.partial", process)
    process.send_signal(signal.SIGINT)
    assert ended(process).code == 130
    nothing_left(home, "small.yaml", "few.yaml", "long.yaml", "here")
    assert call("run", "--verify", "here", cwd=home).code == 0
    shutil.rmtree(home / "here")
