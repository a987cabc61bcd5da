"""Stored results, audited again: a run, or a study with the runs it kept."""

from __future__ import annotations

from pathlib import Path

from ..audit import Verdict
from ..scenario import Study, validated
from ..store import check_identity, read_manifest, unchanged, verify
from .benchmark import study_identity

RUNS = "runs"


def verify_result(folder: Path) -> dict[str, Verdict]:
    """The verdict on every stored run in a result's folder, by its name; empty where a study kept no series.

    Raises DataError where a file or an input has changed since, AuditError where the books do not close.
    """
    if read_manifest(folder).get("kind") != "study":
        return {folder.name: verify(folder)}
    stored = unchanged(folder)
    study: Study = validated(stored["document"], Study, where=f"{folder.name}/manifest.json")
    inputs = {name: sha for scenario in study.scenarios().values() for name, sha in scenario.inputs().items()}
    check_identity(folder, stored, study_identity(study), inputs)
    return {path.name: verify(path) for path in kept_runs(folder)}


def kept_runs(folder: Path) -> list[Path]:
    """Folders of the runs that a study's folder holds, in order."""
    return sorted(path for path in (folder / RUNS).glob("*") if path.is_dir())
