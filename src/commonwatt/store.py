"""A run on disk: one folder, written whole or not at all, that can be audited again.

manifest.json   document, identity, versions, hashes of inputs and files, audit
summary.json    metrics, members, notes; summary.csv has the members' rows
series.parquet  slot, member, flows, prices, money; devices, accounts, entries and trades beside it
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from . import documents
from ._parquet import Tables, read_records
from .audit import Verdict
from .errors import AuditError, DataError, ScenarioError
from .record import Record
from .run import Run, auditor
from .scenario import Scenario, validated
from .simulate import simulate

MANIFEST, SUMMARY = "manifest.json", "summary.json"
FORMAT = 1


@dataclass
class Folder:
    """A folder that appears when everything in it is written, and leaves nothing behind when something fails.

    Use as a context: what is written under `partial` becomes `path` at the end. An existing folder of another
    identity is refused unless `force`; raises ScenarioError then, and where the place cannot be written.
    """

    path: Path
    identity: str
    force: bool = False

    @property
    def partial(self) -> Path:
        """Where files are written meanwhile."""
        return self.path.with_name(self.path.name + ".partial")

    @property
    def kept(self) -> bool:
        """Whether the same result is there already and need not be computed again."""
        return not self.force and self.path.is_dir() and stored_identity(self.path) == self.identity

    def check(self) -> None:
        """Refuses what may not be overwritten, before any work is done."""
        if self.path.exists() and not self.path.is_dir():
            raise ScenarioError(f"{self.path}: is a file (§16: a run goes to a folder); choose another --output")
        owner = stored_identity(self.path) if self.path.is_dir() else None
        if self.path.is_dir() and any(self.path.iterdir()) and not (self.force and owner) and owner != self.identity:
            what = f"holds the result {owner[:8]}" if owner else "holds files that are no result of commonwatt"
            remedy = "take --force to replace it, or another --output" if owner else "choose another --output"
            raise ScenarioError(f"{self.path}: {what} (§16); {remedy}")

    def __enter__(self) -> Self:
        self.check()
        try:
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir(parents=True)
        except OSError as error:
            raise ScenarioError(
                f"{self.path}: cannot be written ({error.strerror}); choose a folder you may write with --output"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            shutil.rmtree(self.partial, ignore_errors=True)
            return
        if self.path.is_dir():
            shutil.rmtree(self.path)
        os.replace(self.partial, self.path)


class RunFolder(Folder):
    """A sink and a folder: takes a run's records as they come, and its summary at the end."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._tables = Tables(self.partial)
        return self

    def take(self, record: Record) -> None:
        """Stores one window."""
        self._tables.take(record)

    def finish(self, run: Run) -> None:
        """Writes manifest and summary; call once, last."""
        self._tables.close()
        write_json(self.partial / SUMMARY, run.summary())
        write_csv(self.partial / "summary.csv", run.members())
        write_json(self.partial / MANIFEST, manifest(run, hashes(self.partial)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._tables.close()
        super().__exit__(kind, error, trace)


def default_folder(name: str, identity: str) -> Path:
    """Where a result goes unless told otherwise (§16)."""
    safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in name).strip("-") or "run"
    return Path("runs") / f"{safe[:60]}-{identity[:8]}"


def manifest(run: Run, files: dict[str, str]) -> dict[str, Any]:
    """What it takes to compute a run again, and to know that it is the same."""
    scenario = run.scenario
    return {
        "format": FORMAT,
        "kind": "run",
        "id": run.identity,
        "document": scenario.model_dump(mode="json", serialize_as_any=True),
        "seed": scenario.seed,
        "versions": versions(scenario),
        "inputs": scenario.inputs(),
        "solver": None,
        "audit": {"line": run.verdict.line, "holds": run.verdict.holds, "checked": list(run.verdict.checked)},
        "declared": {"world": run.promise.world, "balanced": run.promise.balanced},
        "files": files,
    }


def versions(scenario: Scenario) -> dict[str, str]:
    """Of the package, of whoever provides plug-ins in use, and of the numerical libraries."""
    found = dict(line.rsplit(" ", 1) for line in scenario.providers())
    for library in ("numpy", "numba", "pyarrow"):
        with contextlib.suppress(PackageNotFoundError):
            found[library] = version(library)
    return found


def stored_identity(folder: Path) -> str | None:
    """The identity of the result in a folder; None where there is none."""
    try:
        return str(documents.read(folder / MANIFEST)["id"])
    except (ScenarioError, KeyError):
        return None


def stored_summary(folder: Path) -> dict[str, Any]:
    """What a stored run said of itself."""
    return documents.read(folder / SUMMARY)


def stored_scenario(folder: Path) -> Scenario:
    """The document of a stored run. Raises DataError where the folder holds none."""
    try:
        data = documents.read(folder / MANIFEST)
    except ScenarioError as error:
        raise DataError(f"{folder}: is no run folder ({MANIFEST} cannot be read); name a folder that `commonwatt run` wrote") from error
    scenario: Scenario = validated(data.get("document", {}), Scenario, where=f"{folder.name}/{MANIFEST}")
    return scenario


def verify(folder: Path) -> Verdict:
    """Audits a stored run again, from its folder and its inputs alone.

    Raises DataError where files or inputs have changed since, AuditError where the books do not close.
    """
    scenario, stored = stored_scenario(folder), documents.read(folder / MANIFEST)
    _unchanged(folder, stored, scenario)
    community = scenario.community()
    prices = scenario.prices(community)
    audit = auditor(scenario, community, prices)
    for record in read_records(folder, community, scenario.market):
        if record.clock.first == 0:
            audit.repeated(record, _first_again(scenario, record))
        audit.take(record)
    verdict = audit.verdict()
    verdict.check()
    return verdict


def _first_again(scenario: Scenario, stored: Record) -> Record:
    """The first window, simulated anew."""
    window = next(simulate(scenario, cut=stored.clock.slots))
    again = Record.of(window)
    for name in set(stored.columns) ^ set(again.columns):
        raise AuditError(f"series.parquet: column {name} is not what the scenario writes; run it again with --force")
    return again


def _unchanged(folder: Path, stored: dict[str, Any], scenario: Scenario) -> None:
    for name, sha in stored.get("files", {}).items():
        found = _sha(folder / name) if (folder / name).is_file() else "missing"
        if found != sha:
            raise DataError(f"{folder / name}: has changed since it was written (§11); run it again with --force")
    for name, sha in stored.get("inputs", {}).items():
        if scenario.inputs().get(name) != sha:
            raise DataError(f"input {name}: has changed since the run (§11); restore it, or run again")
    if scenario.identity() != stored.get("id"):
        raise DataError(
            f"{folder / MANIFEST}: document and id do not belong together (§11): another version wrote it, or it was "
            "edited; run it again"
        )


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, by name."""
    return {path.name: _sha(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _sha(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def write_json(path: Path, data: Any) -> None:
    """Plain values as UTF-8 JSON, without infinity or NaN."""
    path.write_text(json.dumps(data, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows with a header; text that a spreadsheet would take for a formula is quoted with an apostrophe."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0].keys() if rows else [])
        writer.writerows([[_cell(value) for value in row.values()] for row in rows])


def _cell(value: Any) -> Any:
    risky = isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}
    missing = isinstance(value, float) and not np.isfinite(value)
    return "'" + value if risky else "" if missing else value


def member_rows(runs: dict[str, Run]) -> Iterator[dict[str, Any]]:
    """The members' rows of several runs, with the run's name first."""
    for name, run in runs.items():
        for row in run.members():
            yield {"scenario": name, **row}
