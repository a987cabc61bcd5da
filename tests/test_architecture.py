"""The shape of the code: which way imports point, how long things are, what importing costs."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import commonwatt

SOURCE = Path(commonwatt.__file__).parent
ROOT = Path(__file__).parent.parent
FILES = sorted(SOURCE.rglob("*.py"))
HEAVY = ("pandas", "pyarrow", "numba", "highspy", "matplotlib", "fastapi", "scipy", "holidays", "IPython")
NESTING = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def place(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def lines(path: Path) -> tuple[str, ...]:
    return tuple(path.read_text(encoding="utf-8").splitlines())


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def docstring_lines(node: ast.AST) -> set[int]:
    """Lines that docstrings take, those of fields included."""
    found: set[int] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant) and isinstance(inner.value.value, str):
            found |= set(range(inner.lineno, (inner.end_lineno or inner.lineno) + 1))
    return found


@cache
def code_lines(path: Path) -> set[int]:
    """Lines that hold code: no blank ones, no comments, no docstrings."""
    found: set[int] = set()
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type not in skipped and token.string:
                found |= set(range(token.start[0], token.end[0] + 1))
    return found - docstring_lines(tree(path))


def length(path: Path, node: Function) -> int:
    """A function's lines of code, signature included."""
    return len([line for line in code_lines(path) if node.lineno <= line <= (node.end_lineno or 0)])


def depth(node: ast.AST, inside: int = 0) -> int:
    """How deep blocks stand in each other; `elif` stands beside its `if`."""
    deepest = inside
    for name, value in ast.iter_fields(node):
        chained = isinstance(node, ast.If) and name == "orelse" and len(value) == 1 and isinstance(value[0], ast.If)
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, Function | ast.ClassDef):
                continue
            if isinstance(child, ast.AST):
                more = isinstance(child, NESTING) and not chained
                deepest = max(deepest, depth(child, inside + more))
    return deepest


def is_public(name: str) -> bool:
    return not name.startswith("_")


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_there_is_something_to_measure() -> None:
    assert len(FILES) > 50
    assert sum(len(list(functions(path))) for path in FILES) > 200


def test_files_are_short() -> None:
    """At most 300 lines of code; one in fifty may need more, none more than 500."""
    sizes = {place(path): len(code_lines(path)) for path in FILES}
    assert {name: size for name, size in sizes.items() if size > 500} == {}
    long = {name: size for name, size in sizes.items() if size > 300}
    assert len(long) <= 0.02 * len(sizes), long


def test_functions_are_short() -> None:
    sizes = {f"{place(path)}:{node.name}": length(path, node) for path in FILES for node in functions(path)}
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert sum(size < 40 for size in sizes.values()) >= 0.95 * len(sizes)


def test_signatures_are_short() -> None:
    """At most eight parameters, but for compiled kernels and data sheets, which say so."""
    long = {}
    for path in FILES:
        for node in functions(path):
            count = len([*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs])
            count -= bool(node.args.args) and node.args.args[0].arg in {"self", "cls"}
            if count > 8 and "noqa: PLR0913" not in lines(path)[node.lineno - 1]:
                long[f"{place(path)}:{node.name}"] = count
    assert long == {}


def test_blocks_are_shallow() -> None:
    deep = {f"{place(path)}:{node.name}": depth(node) for path in FILES for node in functions(path)}
    assert {name: count for name, count in deep.items() if count > 4} == {}


def is_verb(node: Function) -> bool:
    """Whether a method does something: neither a derived value nor what Python itself calls."""
    derived = {ast.unparse(decorator) for decorator in node.decorator_list} & {"property", "cached_property"}
    return not derived and not (node.name.startswith("__") and node.name.endswith("__"))


def test_classes_are_small() -> None:
    many = {}
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                verbs = [inner.name for inner in node.body if isinstance(inner, Function) and is_verb(inner)]
                if len(verbs) > 12:
                    many[f"{place(path)}:{node.name}"] = len(verbs)
    assert many == {}


# --- habits ----------------------------------------------------------------------------------------------------------


def passes_on(handler: ast.ExceptHandler) -> bool:
    """Whether it only tidies up: its last word is a bare `raise`."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_no_error_is_caught_broadly() -> None:
    broad = []
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler):
                names = {"BaseException"} if node.type is None else {ast.unparse(part) for part in ast.walk(node.type)}
                if {"Exception", "BaseException"} & names and not passes_on(node):
                    broad.append(f"{place(path)}:{node.lineno}")
    assert broad == []


ALLOWED_RANDOM = {"Generator", "PCG64DXSM", "SeedSequence", "RandomState", "BitGenerator"}


def test_nothing_draws_from_a_global_generator() -> None:
    found = []
    for path in FILES:
        for node in ast.walk(tree(path)):
            drawn = isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"np.random", "numpy.random"}
            if drawn and node.attr not in ALLOWED_RANDOM:
                found.append(f"{place(path)}:{node.lineno} {node.attr}")
            if isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names):
                found.append(f"{place(path)}:{node.lineno} import random")
            if isinstance(node, ast.ImportFrom) and node.module in {"random", "numpy.random"}:
                found += [f"{place(path)} {a.name}" for a in node.names if a.name not in ALLOWED_RANDOM]
    assert found == []


def legacy() -> list[str]:
    return [place(path) for path in FILES if "RandomState(" in path.read_text(encoding="utf-8")]


def test_the_legacy_generator_serves_reference_sources_only() -> None:
    """Draw for draw means with its own generator (§8)."""
    assert all(name.startswith("sources/") for name in legacy())
    assert len(legacy()) <= 2


OUTER = ("cli.py", "web/", "reports/", "studies/", "ledger/", "store/", "presets/")
"""May know what time it is."""


def test_no_simulation_reads_the_clock() -> None:
    calls = {"now", "today", "utcnow", "time", "time_ns", "perf_counter", "monotonic"}
    owners = {"datetime", "date", "time", "datetime.datetime", "datetime.date", "np.datetime64"}
    found = []
    for path in FILES:
        if place(path).startswith(OUTER):
            continue
        for node in ast.walk(tree(path)):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in calls
            if called and ast.unparse(node.func.value) in owners:
                found.append(f"{place(path)}:{node.lineno}")
    assert found == []


def test_nothing_is_executed_that_a_document_says() -> None:
    risky = {"eval", "exec", "compile", "__import__"}
    found = []
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in risky or name in {"os.system", "pickle.load", "pickle.loads"}:
                    found.append(f"{place(path)}:{node.lineno} {name}")
    assert found == []


def test_only_the_command_line_prints() -> None:
    found = []
    for path in FILES:
        if not place(path).startswith(("cli.py", "_asked.py", "reports/")):
            calls = [n for n in ast.walk(tree(path)) if isinstance(n, ast.Call)]
            found += [
                f"{place(path)}:{n.lineno}" for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"
            ]
    assert found == []


# --- documentation ---------------------------------------------------------------------------------------------------


def modules() -> list[str]:
    found = pkgutil.walk_packages([str(SOURCE)], "commonwatt.")
    return ["commonwatt", *(info.name for info in found if not info.name.endswith("__main__"))]


@pytest.mark.parametrize("name", modules())
def test_everything_public_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    missing = [] if inspect.getdoc(module) else [name]
    for label, thing in vars(module).items():
        if not is_public(label) or getattr(thing, "__module__", None) != name:
            continue
        if inspect.isfunction(thing) and not inspect.getdoc(thing):
            missing.append(label)
        if inspect.isclass(thing):
            missing += [] if thing.__doc__ else [label]
            missing += [f"{label}.{method}" for method in undocumented(thing)]
    assert missing == []


def undocumented(cls: type) -> list[str]:
    """Public methods and properties without a text of their own or inherited."""
    found = []
    for label, thing in vars(cls).items():
        callable_ = inspect.isfunction(thing) or isinstance(thing, property | classmethod | staticmethod)
        if is_public(label) and callable_ and not inspect.getdoc(getattr(cls, label)):
            found.append(label)
    return found


@pytest.mark.parametrize("path", FILES, ids=place)
def test_every_signature_is_annotated(path: Path) -> None:
    bare = []
    for node in functions(path):
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        given = [arg for arg in given if arg.arg not in {"self", "cls"}]
        if any(arg.annotation is None for arg in given) or (node.returns is None and node.name != "__init__"):
            bare.append(node.name)
    assert bare == []


# --- imports ---------------------------------------------------------------------------------------------------------


def fresh(code: str) -> str:
    """What a new process prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE.parent), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("module", ["commonwatt", "commonwatt.cli"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    if module not in modules():
        pytest.skip("is not there")
    loaded = fresh(f"import {module}, sys; print(' '.join(sorted({{name.split('.')[0] for name in sys.modules}})))")
    assert set(HEAVY) & set(loaded.split()) == set()


def test_a_default_run_does_without_what_it_does_not_need() -> None:
    code = "import commonwatt as c, sys; c.run(c.Scenario(seed=1)); print(*(n for n in sys.modules if '.' not in n))"
    assert {"pandas", "pyarrow", "matplotlib", "highspy", "fastapi"} & set(fresh(code).split()) == set()


def test_what_is_public_is_there_and_little() -> None:
    assert sorted(commonwatt.__all__) == list(commonwatt.__all__)
    assert len(commonwatt.__all__) <= 20
    for name in commonwatt.__all__:
        assert inspect.getdoc(getattr(commonwatt, name))


def test_imports_point_down() -> None:
    """The contracts in pyproject.toml: layers, and an audit that imports no verb."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE.parent)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_the_audit_knows_no_verb() -> None:
    verbs = {"settlement", "markets", "dispatch", "simulate", "regulators", "tariffs"}
    imported = set()
    for path in (SOURCE / "audit").rglob("*.py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom):
                imported |= {*(node.module or "").split("."), *(alias.name for alias in node.names)}
    assert verbs & imported == set()


def test_no_plugin_is_named_below_the_scenario() -> None:
    """Settlement and the loop know mechanisms and tariffs by what they give, not by name."""
    kinds = {path.stem for stage in ("markets", "tariffs") for path in (SOURCE / stage).glob("[a-z]*.py")} - {
        "none",
        "pool",
    }
    for name in ("settlement.py", "simulate.py", "flow.py", "exchange.py", "record.py", "totals.py", "rules.py"):
        words = {node.value for node in ast.walk(tree(SOURCE / name)) if isinstance(node, ast.Constant)}
        assert {word for word in words if isinstance(word, str)} & kinds == set(), name
