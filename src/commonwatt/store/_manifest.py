"""A result's manifest: what it takes to compute it again, and a seal by which any change shows."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .. import documents
from ..errors import DataError, ScenarioError
from ..scenario import MANIFEST
from ._tables import json_text, write_json

SUMMARY = "summary.json"
FORMAT = 1
REMEDY = "restore it, or compute again with --force"


def write_manifest(folder: Path, data: dict[str, Any]) -> None:
    """Writes `data` with the hash of every file in `folder` and a seal over all of it; call last."""
    sealed = {"format": FORMAT, **data, "files": hashes(folder)}
    write_json(folder / MANIFEST, {**sealed, "seal": _seal(sealed)})


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a result. Raises DataError where there is none, or where a single byte has changed."""
    path = folder / MANIFEST
    try:
        data = documents.read(path)
        text = path.read_bytes()
    except (ScenarioError, OSError) as error:
        what = "is no result of commonwatt" if not path.exists() else f"its manifest cannot be read: {error}"
        raise DataError(f"{folder}: {what} (§16); name a folder that commonwatt wrote") from error
    if data.get("format") != FORMAT:
        raise DataError(f"{path}: format {data.get('format')!r} (this version reads {FORMAT}); {REMEDY}")
    sealed = {name: value for name, value in data.items() if name != "seal"}
    if data.get("seal") != _seal(sealed) or text != json_text(data).encode():
        raise DataError(f"{path}: has changed since it was written (§11: it carries a seal); {REMEDY}")
    return data


def unchanged(folder: Path) -> dict[str, Any]:
    """The manifest, once every file is what it was. Raises DataError naming the first that is not."""
    data = read_manifest(folder)
    found = hashes(folder)
    for name, sha in data["files"].items():
        if name not in found:
            raise DataError(f"{folder / name}: is missing (§11: part of the result); {REMEDY}")
        if found[name] != sha:
            raise DataError(f"{folder / name}: has changed since it was written (§11); {REMEDY}")
    return data


def stored_identity(folder: Path) -> str | None:
    """The identity of the result in a folder, whatever its state; None where there is none."""
    try:
        return str(documents.read(folder / MANIFEST)["id"])
    except (ScenarioError, KeyError):
        return None


def stored_summary(folder: Path) -> dict[str, Any]:
    """What a stored result says of itself. Raises DataError where anything in the folder has changed."""
    unchanged(folder)
    summary: dict[str, Any] = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    return summary


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the manifest, by its name within the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {path.relative_to(folder).as_posix(): sha(path) for path in files}


def sha(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(data: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
