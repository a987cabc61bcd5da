"""A study's results on disk: one folder, or one file where a suffix asks for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import ScenarioError
from ..presets import exported
from ..store import FORMAT, MANIFEST, SUMMARY, Folder, hashes, member_rows, write_csv, write_json
from ..studies import Results
from .html import write_html


def write_study(results: Results, folder: Folder) -> None:
    """Manifest, ranking, members, summary, page and the exports of the study, into a folder that is open."""
    place = folder.partial
    write_csv(place / "ranking.csv", [row.values() for row in results.rows])
    write_csv(place / "members.csv", list(member_rows(results.runs)))
    write_json(place / SUMMARY, results.summary())
    write_html(results, place / "report.html")
    for name, text in exported(results).items():
        (place / name).write_text(text, encoding="utf-8")
    write_json(place / MANIFEST, _manifest(results, hashes(place)))


def write_file(results: Results, path: Path, *, force: bool) -> None:
    """One file, its form by its suffix: .json (everything), .csv (the ranking), .html (the page)."""
    writers = {
        ".json": lambda to: write_json(to, results.summary()),
        ".csv": lambda to: write_csv(to, [row.values() for row in results.rows]),
        ".html": lambda to: write_html(results, to),
    }
    write_one(path, writers, force=force)


def write_one(path: Path, writers: dict[str, Any], *, force: bool) -> None:
    """Writes `path` whole or not at all, by its suffix. Raises ScenarioError for an unknown suffix or a taken name."""
    check_file(path, tuple(writers), force=force)
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writers[path.suffix.lower()](partial)
        os.replace(partial, path)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be written ({error.strerror}); choose another --output") from error
    finally:
        partial.unlink(missing_ok=True)


def check_file(path: Path, suffixes: tuple[str, ...], *, force: bool) -> None:
    """Refuses a file that cannot be written, before any work is done."""
    if path.suffix.lower() not in suffixes:
        raise ScenarioError(f"{path}: unknown suffix (§16); write a folder, or a file ending in {', '.join(suffixes)}")
    if path.is_dir() or (path.exists() and not force):
        raise ScenarioError(f"{path}: exists already (§16); take --force to replace it, or another --output")


def _manifest(results: Results, files: dict[str, str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "kind": "study",
        "id": results.identity,
        "document": results.study.model_dump(mode="json", serialize_as_any=True),
        "runs": {name: run.identity for name, run in results.runs.items()},
        "audit": {"line": results.audit_line},
        "files": files,
    }
