"""README and docs say what is so: every example runs, every table is current, every name has its entry.

On a page, blocks run in order, in one empty folder and with one namespace:

``python``  executed, or with ``>>>`` compared with what it prints
``yaml``    documents (they start with ``kind:``) are validated; small scenarios are run
``sh``      lines that start with ``commonwatt`` are run and must end with exit code 0

A comment before a block changes that: ``<!-- file: name -->`` writes the block to a file, ``<!-- exit: 2 -->`` expects
another exit code, with the message in the ``text`` block that follows.
"""

from __future__ import annotations

import ast
import doctest
import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from commonwatt import (
    _events,
    accounts,
    cli,
    connection,
    envelope,
    exchange,
    flow,
    limits,
    noun,
    routes,
    rules,
    streams,
    zones,
)  # fmt: skip
from commonwatt.ledger._file import TABLES
from commonwatt.metrics import METRICS
from commonwatt.pool import Pool, Standby
from commonwatt.record import Record
from commonwatt.reports import screen
from commonwatt.scenario import Scenario, Study, validated
from commonwatt.studies import Scorecard
from commonwatt.studies.entries import QUANTITIES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
BLOCK = re.compile(
    r"(?:<!-- (?P<key>file|exit): (?P<value>[^>]+?) -->\n+)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.S | re.M
)
SMALL = 5_000
"""Slots x members up to which a document in the docs is run."""
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    where: str
    kind: str
    text: str
    key: str
    value: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("text"))
        found.append(
            Block(f"{page.name}:{line}", match["kind"], match["text"], match["key"] or "", match["value"] or "")
        )
    return found


LONG = {"README.md", "docs/quickstart.md"}
"""They run the whole default benchmark."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n in LONG else ()) for n in NAMES])
def test_examples_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    space: dict[str, Any] = {"__name__": "page"}
    found = blocks(ROOT / name)
    for k, block in enumerate(found):
        if block.key == "file":
            path = tmp_path / block.value
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if block.kind == "python" and (block.key != "file"):
            run_python(block, space)
        elif block.kind == "yaml" and block.text.startswith("kind:"):
            run_document(block, tmp_path)
        elif block.kind == "sh":
            message = found[k + 1].text if block.key == "exit" else ""
            run_shell(block, message, capsys, monkeypatch)


def run_python(block: Block, space: dict[str, Any]) -> None:
    if ">>>" not in block.text:
        exec(compile(block.text, block.where, "exec"), space)
        return
    test = doctest.DocTestParser().get_doctest(block.text, space, block.where, block.where, 0)
    out: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    runner.run(test, out=out.append, clear_globs=False)
    space.update(test.globs)
    assert runner.summarize(verbose=False).failed == 0, "".join(out)


def run_document(block: Block, folder: Path) -> None:
    import yaml

    import commonwatt as cw

    path = folder / "document.yaml"
    path.write_text(block.text, encoding="utf-8")
    document = cw.load(path)
    assert yaml.safe_load(block.text)["kind"] == document.kind
    if isinstance(document, Study):
        assert document.scenarios(), block.where
        return
    if document.source.kind in ("folder", "citylearn"):
        return
    community = document.community()
    if community.load_kw.size <= SMALL:
        assert cw.run(document, community=community).verdict.holds, block.where


def run_shell(block: Block, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for line in block.text.splitlines():
        if not line.startswith("commonwatt "):
            continue
        code, error = command(shlex.split(line, comments=True), capsys, monkeypatch)
        assert code == int(block.value if block.key == "exit" else 0), f"{block.where}: {line}\n{error}"
        if message:
            assert squeezed(message) == squeezed(error), block.where


def command(words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Exit code and error text of one command."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(sys, "argv", expanded(words))
    capsys.readouterr()
    try:
        cli.main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        signal.signal(signal.SIGTERM, before)
    return code, capsys.readouterr().err


def expanded(words: list[str]) -> list[str]:
    """Patterns such as ``runs/village-*`` as the shell hands them over."""
    out: list[str] = []
    for word in words:
        out += sorted(map(str, Path().glob(word))) or [word] if "*" in word else [word]
    return out


def squeezed(text: str) -> str:
    return " ".join(text.split())


# --- pages ----------------------------------------------------------------------------------------------------------


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "_generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_blocks_are_current() -> None:
    make = generator()
    stale = [page.name for page in make.pages() if make.current(text := page.read_text("utf-8")) != text]
    assert stale == [], "run: python docs/_generate.py"


def test_the_picture_stands_alone() -> None:
    import xml.etree.ElementTree as Tree

    path = DOCS / "img" / "benchmark.svg"
    text = path.read_text(encoding="utf-8")
    assert len(text) < 150_000
    assert "var(" not in text
    assert "http" not in text.replace("http://www.w3.org/", "")
    Tree.fromstring(text)


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name) if name else page
        assert there.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(there), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_no_traces_and_plain_writing(page: Path) -> None:
    text = page.read_text("utf-8")
    assert not re.search(r"(?<![\w.])/(home|root|work|tmp|Users|private)/", text)
    assert not re.search("[\U0001f300-\U0001faff]", text)
    assert text.count("—") == 0
    assert "TODO" not in text
    assert text.endswith("\n")
    assert not re.search(r"[ \t]+$", text, re.M)


def test_every_page_is_on_the_map() -> None:
    text = (DOCS / "index.md").read_text("utf-8")
    missing = [page.name for page in DOCS.glob("*.md") if page.name != "index.md" and f"({page.name}" not in text]
    assert missing == []


def test_every_error_clause_can_be_looked_up() -> None:
    cited = set()
    for path in (ROOT / "src").rglob("*.py"):
        cited |= set(re.findall(r"§(\d+)", path.read_text("utf-8")))
    heads = set(re.findall(r"^## §(\d+)", (DOCS / "conventions.md").read_text("utf-8"), re.M))
    assert cited <= heads
    assert heads == {str(n) for n in range(1, 17)}


def test_every_invariant_is_explained() -> None:
    from commonwatt.audit._invariants import INVARIANTS
    from commonwatt.audit._plans import PLANNED

    text = (DOCS / "audit.md").read_text("utf-8").partition("## What each invariant catches")[2]
    rows = set(re.findall(r"^\| ([A-Z]\d) \|", text, re.M))
    assert rows == {*INVARIANTS, *PLANNED, "D1", "L1"}


# --- glossary -------------------------------------------------------------------------------------------------------


def nouns() -> Iterator[type[Any]]:
    for module in (flow, exchange, connection, routes, envelope, accounts, rules):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, noun.Noun) and value.__module__ == module.__name__:
                yield value
    yield from (flow.Clock, Record, streams.Streams)


def code_names() -> set[str]:
    names = {field.name for each in nouns() for field in fields(each)}
    parts = (
        Scenario,
        Study,
        Pool,
        Standby,
        _events.Events,
        _events.Outage,
        _events.Maintenance,
        limits.Limits,
        limits.Group,
        zones.Zone,
    )
    for shape in parts:
        names |= set(shape.model_fields)
    names |= set(METRICS) | set(screen.FEEDER) | set(QUANTITIES) | {field.name for field in fields(Scorecard)}
    names |= {account.name.lower() for account in flow.Account}
    run = small_study()
    names |= set(run.rows[0].values())
    first = next(iter(run.runs.values()))
    names |= set(first.members()[0])
    community = first.scenario.community()
    window = next(iter(simulated(first.scenario, community)))
    names |= {name.partition(":")[0] for name in Record.of(window).columns}
    names |= {column.split()[0] for columns in TABLES.values() for column in columns.split(", ")}
    names |= set(first.ledger.summary())
    names |= set(first.facts.run.by_member) - {name for name in first.facts.run.by_member if ":" in name}
    return names - {"kind"} | {"kind"}


def simulated(scenario: Scenario, community: flow.Community) -> Any:
    import commonwatt as cw

    return cw.simulate(scenario, community)


def small_study() -> Any:
    import commonwatt as cw

    base = {
        "source": {"kind": "synthetic", "members": 2, "days": 1},
        "tariff": {"kind": "flat", "fixed_per_day": 0.1},
        "pool": {"fee_per_kwh": 0.01},
        "ledger": {"kind": "proof_of_work", "difficulty": 1},
    }
    study = validated({"kind": "study", "base": base, "axes": {"market": [{"kind": "pool"}]}}, Study)
    return cw.benchmark(study)


def glossary() -> set[str]:
    text = (DOCS / "glossary.md").read_text("utf-8")
    cells = re.findall(r"^\| (`[^|]*`) \|", text, re.M)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_the_glossary_has_every_name() -> None:
    assert sorted(code_names() - glossary()) == []


def test_the_glossary_has_no_name_that_is_gone() -> None:
    assert sorted(glossary() - code_names()) == []


# --- examples that are whole files ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_plugins_of_others_are_found(tmp_path: Path) -> None:
    """The files of extending.md, as an installed distribution with entry points."""
    found = {b.value: b.text for b in blocks(DOCS / "extending.md") if b.key == "file"}
    package, settings = tmp_path / "our_tariffs", tmp_path / "our_tariffs-1.0.dist-info"
    for name, text in found.items():
        if name.endswith(".py"):
            ast.parse(text)
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    (package / "__init__.py").write_text('"""Tariffs and markets of our own."""\n', encoding="utf-8")
    settings.mkdir()
    (settings / "METADATA").write_text("Metadata-Version: 2.1\nName: our-tariffs\nVersion: 1.0\n", encoding="utf-8")
    points = re.findall(
        r'^\[project\.entry-points\."([\w.]+)"\]\n(.*?)(?=^\[|\Z)', found["pyproject.toml"], re.S | re.M
    )
    lines = [f"[{group}]\n" + entries.replace('"', "") for group, entries in points]
    assert len(lines) == 2
    (settings / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "test_ours.py").write_text(found["tests/test_ours.py"], encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_ours.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    shutil.rmtree(package / "__pycache__", ignore_errors=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
