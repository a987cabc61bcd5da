"""A run's folder: a sink for its records, and what it takes to compute the same again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from pydantic_core import to_jsonable_python

from ..record import Record
from ..registry import Settings
from ..run import Run
from ..scenario import Scenario
from ._manifest import SUMMARY, write_manifest
from ._parquet import Tables
from ._place import Folder, writing
from ._plans import SUFFIX, Plans
from ._tables import write_csv, write_json


class Exported(Protocol):
    """Further files of a run."""

    @property
    def texts(self) -> Mapping[str, str]:
        """By name."""

    @property
    def told(self) -> Mapping[str, Any]:
        """What the summary tells of them, by export."""


Exports = Callable[[Run, Path], Exported]
"""Makes further files of a run whose records are in a folder."""
LIBRARIES = ("numpy", "numba", "pyarrow")


@dataclass
class RunFolder(Folder):
    """A folder and a sink: takes a run's records as they come, and its summary at the end."""

    _tables: Tables = field(init=False, repr=False)
    plans: Plans = field(init=False, repr=False)
    """What a planner decided so far; a killed run goes on from there."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._tables = Tables(self.partial)
        self.plans = Plans(self.target.with_name(self.target.name + SUFFIX), self.identity)
        self.plans.open(force=self.force)
        return self

    def take(self, record: Record) -> None:
        """Stores one window."""
        with writing(self.path):
            self._tables.take(record)

    def finish(self, run: Run, exports: Exports | None = None) -> dict[str, Any]:
        """Writes exports, summary and manifest; call once, last. Returns the summary."""
        summary = run.summary()
        with writing(self.path):
            self._tables.take_plans(run.plans)
            self._tables.close()
            files = exports(run, self.partial) if exports else None
            for name, text in files.texts.items() if files else ():
                (self.partial / name).write_text(text, encoding="utf-8", newline="")
            summary |= {"exports": dict(files.told)} if files and files.told else {}
            write_json(self.partial / SUMMARY, summary)
            write_csv(self.partial / "summary.csv", run.members())
            if run.beliefs:
                write_csv(self.partial / "forecast_errors.csv", run.beliefs.rows())
            write_manifest(self.partial, manifest(run))
        return summary

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._tables.close()
            if kind is None or issubclass(kind, Exception):
                self.plans.clear()
        super().__exit__(kind, error, trace)


def manifest(run: Run) -> dict[str, Any]:
    """What it takes to compute a run again, and to know that it is the same."""
    scenario = run.scenario
    return {
        "kind": "run",
        "id": run.identity,
        "document": plain_document(scenario),
        "seed": scenario.seed,
        "versions": versions(scenario),
        "inputs": scenario.inputs(),
        "solver": run.solver,
        "ledger": run.ledger.summary() if run.ledger else None,
        "audit": {"line": run.verdict.line, "holds": run.verdict.holds, "checked": list(run.verdict.checked)},
        "declared": {"world": run.promise.world, "balanced": run.promise.balanced},
    }


def plain_document(document: Settings) -> dict[str, Any]:
    """A document as JSON holds it, with files where they lie on this machine."""
    plain: dict[str, Any] = to_jsonable_python(_absolute(document.model_dump(serialize_as_any=True)))
    return plain


def _absolute(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _absolute(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_absolute(inner) for inner in value]
    return str(value.resolve()) if isinstance(value, Path) else value


def versions(scenario: Scenario) -> dict[str, str]:
    """Of whoever provides plug-ins in use, and of the numerical libraries."""
    found = dict(line.rsplit(" ", 1) for line in scenario.providers())
    for library in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[library] = version(library)
    return found
