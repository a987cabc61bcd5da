"""The command line: the same flags everywhere, answers on one stream, light to start, readable at any width."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys

import pytest
from tests._command import SCENARIO, STUDY, call, ended, nothing_left, refused, start

from commonwatt import registry
from commonwatt.reports import screen
from commonwatt.reports.catalogue import KNOWN, STAGES, catalogue_data
from commonwatt.scenario import presets

HEAVY = ("pandas", "pyarrow", "numba", "matplotlib", "scipy", "highspy")
COMMANDS = {
    "run": ["run", "small.yaml"],
    "benchmark": ["benchmark", "few.yaml"],
    "list": ["list"],
    "schema": ["schema"],
    "data make": ["data", "make", "--source", "sample", "--slots", "24"],
    "data check": ["data", "check", "homes"],
    "compare": ["compare", "small.yaml", "small.yaml"],
    "params": ["params"],
    "ledger verify": ["ledger", "verify", "kept"],
    "ledger export": ["ledger", "export", "kept", "--trade", "1"],
}
FLAGS = ("--output", "--seed", "--quiet", "--json", "--force", "--help")
SUFFIX = {"data make": ""}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run with a ledger."""
    place = tmp_path_factory.mktemp("kept")
    (place / "small.yaml").write_text(SCENARIO + "ledger: {kind: hash_chain}\n")
    assert call("run", "small.yaml", "--output", "kept", cwd=place).code == 0
    return place / "kept"


@pytest.fixture
def home(tmp_path, kept):
    shutil.copytree(kept, tmp_path / "kept")
    (tmp_path / "small.yaml").write_text(SCENARIO)
    (tmp_path / "few.yaml").write_text(STUDY)
    call("data", "make", "--source", "sample", "--members", 3, "--slots", 24, "--output", "homes", cwd=tmp_path)
    return tmp_path


# --- flags ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_the_same_flags(command, tmp_path):
    told = call(*command.split(), "--help", cwd=tmp_path)
    assert told.code == 0
    assert all(flag in told.out for flag in FLAGS)
    assert max(len(line) for line in told.out.splitlines()) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_json_is_all_there_is(command, home):
    answer = call(*COMMANDS[command], "--json", cwd=home)
    assert answer.code == 0
    assert isinstance(answer.data, dict)
    assert not answer.err
    assert ": NaN" not in answer.out


@pytest.mark.parametrize("command", COMMANDS)
def test_quiet_is_quiet(command, home):
    answer = call(*COMMANDS[command], "--quiet", cwd=home)
    assert (answer.code, answer.out, answer.err) == (0, "", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_seed_and_output_go_where_they_should(command, home):
    place = "out" if command == "data make" else "out.json"
    answer = call(*COMMANDS[command], "--seed", 7, "--output", place, cwd=home)
    assert answer.code == 0, answer.err
    assert (home / place).exists()
    if command != "data make":
        json.loads((home / place).read_text())
    refused(call(*COMMANDS[command], "--seed", 7, "--output", place, "--quiet", cwd=home), place, "--force")
    assert call(*COMMANDS[command], "--output", place, "--force", "--quiet", cwd=home).code == 0


@pytest.mark.parametrize("command", ["run", "benchmark", "data make"])
def test_another_seed_is_another_community(command, home):
    found = [call(*COMMANDS[command], "--json", "--seed", s, "--output", f"o{s}", cwd=home).data for s in (1, 2)]
    part = {"run": "metrics", "benchmark": "ranking", "data make": "load_kwh"}[command]
    assert found[0][part] != found[1][part]


@pytest.mark.parametrize("words", [["--no-such"], ["run"], ["run", "--seed", "-1", "a"], ["nonsense"], ["data"], []])
def test_what_the_command_line_does_not_know_ends_with_2(words, tmp_path):
    answer = call(*words, cwd=tmp_path)
    assert answer.code == 2
    assert "Traceback" not in answer.err


# --- light ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--help"], ["list"], ["list", "markets"], ["schema"]], ids=" ".join)
def test_looking_around_loads_nothing_heavy(words, tmp_path):
    probe = (
        "import sys\nfrom commonwatt.cli import main\n"
        "try:\n    main()\nfinally:\n"
        f"    print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", probe, *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"


# --- a process of its own ---------------------------------------------------------------------------------------------


def test_the_command_as_a_process(home):
    answer = ended(start("run", "small.yaml", "--json", cwd=home))
    assert (answer.code, answer.err) == (0, "")
    assert answer.data["audit"].startswith("audit: ")
    refused(ended(start("run", "none.yaml", cwd=home)), "none.yaml: no such file, result or preset")


def test_progress_is_shown_to_terminals_only(home):
    shown, screen_of = pty.openpty()
    process = start("benchmark", "few.yaml", cwd=home, stderr=screen_of)
    os.close(screen_of)
    seen = b""
    while block := _read(shown):  # until the process ends
        seen += block
    os.close(shown)
    out = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert "6/6" in seen.decode()
    assert "6/6" not in out
    assert "\x1b" not in out


def _read(handle):
    try:
        return os.read(handle, 4096)
    except OSError:
        return b""


def test_a_closed_pipe_is_no_accident(tmp_path):
    process = start("list", "--json", cwd=tmp_path)
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 1
    assert "Traceback" not in error
    assert "Exception" not in error


def test_figures_need_an_extra_and_the_page_does_not(home, tmp_path):
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "sitecustomize.py").write_text("import sys\nsys.modules['matplotlib'] = None\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "blocked")}
    answer = ended(start("benchmark", "few.yaml", "--output", "out", cwd=home, env=environment))
    assert (answer.code, answer.err) == (0, "")
    page = (home / "out" / "report.html").read_text()
    assert "pip install" in page
    assert "commonwatt[reports]" in page


# --- what a newcomer reads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize("words", [["benchmark", "few.yaml"], ["run", "small.yaml"]], ids=" ".join)
def test_answers_fit_the_screen(home, words, width):
    answer = call(*words, cwd=home, width=width)
    lines = [line for line in answer.out.splitlines() if not line.startswith(("audit:", "written to", "found in"))]
    assert max(map(len, lines)) <= width
    assert "…" not in answer.out or width < 100


@pytest.mark.parametrize("width", [80, 120])
def test_a_ranking_names_the_world_on_every_row(home, width):
    answer = call("benchmark", "few.yaml", cwd=home, width=width)
    rows = [line for line in answer.out.splitlines() if re.match(r" *(\d+|-) +(flat|time_of_use) ", line)]
    assert len(rows) == 6
    worlds = ("one ", "own ", "both ") if width == 80 else ("one meter ", "own meters ", "both ")
    assert [sum(f" {world}" in row for row in rows) for world in worlds] == [2, 2, 2]
    for figure in ("cost", "saving", "los", "fair"):
        assert figure in answer.out


def test_a_ranking_keeps_its_figures_on_a_narrow_screen(tmp_path):
    answer = call("benchmark", "--slots", 96, cwd=tmp_path, width=60)
    assert "…" in answer.out
    rows = [line for line in answer.out.splitlines() if re.match(r" ?\d+ \w+[ …]", line)]
    assert all(re.search(r"\d+\.\d\d +-?\d+\.\d\d +\d+ +\d\.\d{3}$", row.rstrip()) for row in rows)


def test_variants_keep_their_names(tmp_path):
    answer = call("run", "settlement_comparison", cwd=tmp_path)
    for name in ("conventional", "mid_market_rate", "bill_sharing"):
        assert re.search(rf"^ *[-1] +{name} ", answer.out, re.MULTILINE)
    assert "in all runs: dispatch passive" in answer.out
    assert "contract(basis=reference)" in answer.out  # its rows do not compare like with like


def test_names_from_outside_are_text_not_markup(home):
    (home / "odd.yaml").write_text(SCENARIO.replace("name: small", 'name: "[/red][bold]x[link=a]"'))
    answer = call("run", "odd.yaml", cwd=home)
    assert answer.code == 0, answer.err
    assert "[/red][bold]x[link=a]" in answer.out


def test_a_run_says_who_gains(home):
    answer = call("run", "small.yaml", cwd=home)
    for word in ("total cost", "EUR", "kWh", "member", "alone", "saving", "audit: ", "written to runs/small-"):
        assert word in answer.out
    assert len(answer.out.splitlines()) < 45


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-1e-12, "0.000"),
        (3.0, "3"),
        (0.12345, "0.123"),
        (12.346, "12.35"),
        (1234567.891, "1,234,567.89"),
        (None, "-"),
    ],
)
def test_numbers_as_people_read_them(value, text):
    assert screen.number(value) == text


def test_amounts_as_people_read_them():
    assert [screen.amount(v) for v in (-0.001, 5.816, 999.99, 1234.5, None)] == ["0.00", "5.82", "999.99", "1,234", "-"]


# --- the catalogue ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", KNOWN)
@pytest.mark.parametrize("width", [80, 120])
def test_the_catalogue_shows_everything(what, width, tmp_path):
    answer = call("list", what, cwd=tmp_path, width=width)
    assert answer.code == 0
    words = " ".join(answer.out.split())
    assert all(name in words for name in catalogue_data(what)[what])
    assert max(map(len, answer.out.splitlines())) <= width
    assert "…" not in answer.out


@pytest.mark.parametrize("stage", STAGES)
def test_the_catalogue_names_every_parameter_with_its_default(stage):
    for kind, described in catalogue_data(stage)[stage].items():
        named = registry.parameters(STAGES[stage][kind])
        assert set(described["parameters"]) == {p.name for p in named}
        assert all(described["text"] and p["text"] for p in described["parameters"].values())
    json.dumps(catalogue_data(stage), allow_nan=False)


def test_the_catalogue_as_files(tmp_path):
    for name in ("all.json", "all.txt"):
        assert call("list", "--output", name, cwd=tmp_path).code == 0
    assert list(json.loads((tmp_path / "all.json").read_text())) == list(KNOWN)
    assert all(name in (tmp_path / "all.txt").read_text() for name in presets())
    refused(call("list", "--output", "all.pdf", cwd=tmp_path), "all.pdf: unknown suffix '.pdf'", ".json, .txt")
    refused(call("list", "tarifs", cwd=tmp_path), "list tarifs: unknown", "tariffs")
    nothing_left(tmp_path, "all.json", "all.txt")


def test_the_schema_knows_every_kind(tmp_path):
    text = call("schema", cwd=tmp_path).out
    assert all(f'"{kind}"' in text for kinds in STAGES.values() for kind in kinds)


# --- data -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["csv", "parquet"])
@pytest.mark.parametrize("source", ["synthetic", "sample", "settlement_comparison", "community_p2p"])
def test_a_community_is_made_and_checked(tmp_path, source, table):
    words = ("--source", source, "--table", table, "--seed", 3, "--output", "homes", "--json")
    made = call("data", "make", *words, cwd=tmp_path)
    assert made.code == 0, made.err
    found = call("data", "check", "homes", "--json", cwd=tmp_path)
    assert {**made.data, "folder": ""} == {"folder": "", **{k: v for k, v in found.data.items() if k in made.data}}
    assert not [line for line in found.data["findings"] if line.startswith("warning")]


def test_a_check_names_what_looks_wrong(home):
    table = home / "homes" / "load_profiles.csv"
    lines = table.read_text().splitlines()
    stuck = [lines[0], *(",".join([*line.split(",")[:-1], "0"]) for line in lines[1:])]
    table.write_text("\n".join(stuck))
    answer = call("data", "check", "homes", cwd=home)
    assert answer.code == 0
    assert "load [kWh]" in answer.out
    refused(call("data", "check", "nowhere", cwd=home), "nowhere: is neither a folder nor a file")
