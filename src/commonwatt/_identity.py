"""What tells documents apart: values, files read by what they hold, and whose code is run (§11)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .errors import ScenarioError
from .registry import Reads, Settings


def reading(part: Settings, place: str = "") -> Iterator[tuple[str, Reads]]:
    """Every part below `part` that may read files, and where it stands: ``tariff``, ``devices[0]``."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        for k, inner in enumerate(value if isinstance(value, tuple) else (value,)):
            at = f"{place}{name}[{k}]" if isinstance(value, tuple) else f"{place}{name}"
            if isinstance(inner, Reads):
                yield at, inner
            if isinstance(inner, Settings):
                yield from reading(inner, f"{at}.")


def field_of(part: Reads, path: Path) -> str:
    """The field of `part` that leads to a file it reads: its own, or that of a folder around it."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, Path) and (value == path or value in path.parents):
            return f".{name}"
    return ""


def provider(plugin: type[Settings]) -> str:
    """The distribution that a plug-in comes with, and its version."""
    return _versioned(plugin.__module__.split(".")[0])


@cache
def _versioned(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} unversioned"


def canonical(value: Any) -> Any:
    """The document as JSON knows it; a file counts by what it holds, not by where it lies."""
    if isinstance(value, dict):
        return {str(k): canonical(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(v) for v in value]
    if isinstance(value, Path):
        return "file"
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def sha_of(path: Path, where: str) -> str:
    """SHA-256 of an input file. Raises ScenarioError naming the field it stands in (`where`) and the file."""
    try:
        found = path.stat()
        return _digest(path, (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
    except FileNotFoundError as error:
        raise ScenarioError(f"{where} = {path}: no such file (§16: an input file); correct the path") from error
    except OSError as error:
        what = f"{where} = {path}: cannot be read ({error.strerror})"
        raise ScenarioError(f"{what}; check the file and its permissions") from error


@lru_cache(maxsize=1024)
def _digest(path: Path, state: tuple[int, ...]) -> str:
    """SHA-256 of a file, read once as long as it stays as it is: a study asks for every run."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
