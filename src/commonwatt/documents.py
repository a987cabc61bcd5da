"""Reading documents: YAML, JSON or TOML into plain values, strictly; nothing in them is ever executed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import yaml

from .errors import ScenarioError

LARGEST = 4 * 2**20
LARGEST_JSON = 256 * 2**20
"""Results are JSON too, and can be long; its parser is fast. [bytes]"""
DEEPEST = 40


def read(path: Path) -> dict[str, Any]:
    """The mapping a document holds. Raises ScenarioError naming the file, the line and the rule."""
    text = _text(path)
    parse = PARSERS.get(path.suffix.lower(), _yaml)
    try:
        data: Any = parse(text)
        _check(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ScenarioError(f"{path}: {_reason(error)}; correct the file") from error
    if not isinstance(data, dict):
        raise ScenarioError(f"{path}: holds {type(data).__name__}, not names and values; start with `kind: scenario`")
    return data


def _text(path: Path) -> str:
    try:
        size, most = path.stat().st_size, LARGEST_JSON if path.suffix.lower() == ".json" else LARGEST
        if size > most:
            what = f"{size / 2**20:.0f} MiB (a document has at most {most >> 20} MiB)"
            raise ScenarioError(f"{path}: {what}; put data into input files")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def _reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return where + (getattr(error, "problem", None) or str(error)).splitlines()[0]


def _check(data: Any) -> None:
    """Raises ValueError for what is nested too deep, and for text that cannot be written again."""
    open_ = [(data, 1)]
    while open_:
        value, depth = open_.pop()
        if depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST} levels")
        if isinstance(value, dict):
            open_.extend((inner, depth + 1) for pair in value.items() for inner in pair)
        elif isinstance(value, list):
            open_.extend((inner, depth + 1) for inner in value)
        elif isinstance(value, str) and not value.isascii():
            _check_text(value)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{text!r} holds half a character (text is UTF-8)") from error


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"{twice} stands there twice (a name has one value)")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} (§11: documents hold no infinity or NaN; null means no limit)")


def _error(what: str, mark: yaml.Mark) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, what, mark)


class _Loader(yaml.SafeLoader):
    """Safe, and strict: no name twice, no references."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise _error("references (*) are refused", self.get_event().start_mark)  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=deep)
            if not isinstance(name, str):
                raise _error(f"{name!r} is no name; write it in quotes", key.start_mark)
            if name in seen:
                raise _error(f"{name} stands there twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


PARSERS: dict[str, Callable[[str], Any]] = {".json": _json, ".toml": tomllib.loads}
"""By suffix; anything else is YAML."""


def anchored(value: Any, folder: Path, name: str = "") -> Any:
    """Relative paths of a document made to start at its folder."""
    if isinstance(value, dict):
        return {k: anchored(v, folder, str(k)) for k, v in value.items()}
    if isinstance(value, list):
        return [anchored(v, folder, name) for v in value]
    if name in {"path", "file", "keys"} and isinstance(value, str):
        return _placed(value, folder, name)
    return value


def _placed(value: str, folder: Path, name: str) -> str:
    try:
        return str((folder / Path(value).expanduser()).resolve())
    except (ValueError, RuntimeError) as error:
        raise ScenarioError(f"{name} = {value!r}: {error} (§16: a path); correct it") from error
