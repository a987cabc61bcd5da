"""Reading documents: YAML, JSON or TOML into plain values, strictly; nothing in them is ever executed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from .errors import ScenarioError

LARGEST = 4 * 2**20
DEEPEST = 40


def read(path: Path) -> dict[str, Any]:
    """The mapping a document holds. Raises ScenarioError naming the file, the line and the rule."""
    text = _text(path)
    parse = {".json": _json, ".toml": tomllib.loads}.get(path.suffix.lower(), _yaml)
    try:
        data = parse(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ScenarioError(f"{path}: {_reason(error)}; correct the file") from error
    if not isinstance(data, dict):
        raise ScenarioError(f"{path}: holds {type(data).__name__}, not names and values; start with `kind: scenario`")
    if _depth(data) > DEEPEST:
        raise ScenarioError(f"{path}: nested deeper than {DEEPEST} levels; flatten it")
    return data


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise ScenarioError(f"{path}: {size} bytes (a document has at most {LARGEST}); put data into input files")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def _reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return where + (getattr(error, "problem", None) or str(error)).splitlines()[0]


def _depth(data: Any) -> int:
    deepest, open_ = 0, [(data, 1)]
    while open_:
        value, depth = open_.pop()
        deepest = max(deepest, depth)
        if depth > DEEPEST:
            return depth
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        open_.extend((v, depth + 1) for v in inner)
    return deepest


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{', '.join(sorted(twice))} stands there twice (a name has one value)")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} (§11: documents hold no infinity or NaN; null means no limit)")


class _Loader(yaml.SafeLoader):
    """Safe, and strict: no name twice, no references."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "references (*) are refused", self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=deep)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{name} stands there twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506  (the loader is a SafeLoader)
