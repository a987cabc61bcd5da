"""Results on disk: a study's folder, and single files whose form their suffix says (§16)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..presets import exported
from ..run import Run
from ..scenario import Study
from ..store import (
    SUMMARY,
    Folder,
    csv_text,
    json_text,
    member_rows,
    plain_document,
    write_csv,
    write_json,
    write_manifest,
)
from ..studies import Results
from ..studies.verification import RUNS
from .html import html_page

FORMS = (".json", ".csv", ".html")


def write_study(results: Results, folder: Folder) -> dict[str, Any]:
    """Ranking, members, summary, page, the exports asked for and the manifest, into a folder that is open.

    Returns the summary.
    """
    place = folder.partial
    write_csv(place / "ranking.csv", [row.values() for row in results.rows])
    write_csv(place / "members.csv", list(member_rows(results.runs)))
    _write(place / "report.html", html_page(results))
    files = exported(results, place / RUNS)
    for name, text in files.texts.items():
        (place / name).parent.mkdir(exist_ok=True)
        _write(place / name, text)
    summary = {**results.summary(), **({"exports": dict(files.told)} if files.told else {})}
    write_json(place / SUMMARY, summary)
    write_manifest(place, _manifest(results))
    return summary


def study_text(results: Results, suffix: str) -> str:
    """A study as one file: .json (everything), .csv (the ranking), .html (the page)."""
    forms: dict[str, Callable[[], str]] = {
        ".json": lambda: json_text(results.summary()),
        ".csv": lambda: csv_text([row.values() for row in results.rows]),
        ".html": lambda: html_page(results),
    }
    return forms[suffix]()


def run_text(run: Run, suffix: str) -> str:
    """A run as one file: .json (everything), .csv (the members), .html (the page)."""
    if suffix == ".csv":
        return csv_text(run.members())
    if suffix == ".json":
        return json_text(run.summary())
    name = run.scenario.name or "run"
    return html_page(Results(name, Study(name=name, base=run.scenario), run.identity, {name: run}))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")


def _manifest(results: Results) -> dict[str, Any]:
    inputs = {name: sha for run in results.runs.values() for name, sha in run.scenario.inputs().items()}
    return {
        "kind": "study",
        "id": results.identity,
        "document": plain_document(results.study),
        "inputs": inputs,
        "runs": {name: run.identity for name, run in results.runs.items()},
        "audit": {"line": results.audit_line, "holds": all(run.verdict.holds for run in results.runs.values())},
    }
