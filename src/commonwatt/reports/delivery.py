"""From a document to an answer: computed or found on disk, written where it is wanted, and summed up (§11, §16)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from ..presets import check_exports, exported_run, needs_series
from ..run import run
from ..scenario import Scenario, Study
from ..store import File, Folder, RunFolder, default_folder, stored_summary, writing
from ..studies import run_study, study_identity
from ..studies.verification import RUNS
from ..watch import Journal, Watch
from .folder import FORMS, run_text, study_text, write_study

Progress = Callable[[str, int, int], None]
"""Called with what is being computed, how much is done, and how much there is."""


class Job(Protocol):
    """Something to compute."""

    @property
    def name(self) -> str:
        """For people and for the folder."""

    @property
    def identity(self) -> str:
        """What is computed is the same where this is (§11)."""

    def folder(self, path: Path, *, force: bool) -> Folder:
        """Where it is kept."""

    def kept(self, folder: Folder) -> bool:
        """Whether `folder` holds all that is wanted already."""

    def into(self, folder: Any, progress: Progress) -> dict[str, Any]:
        """Computes it into an open folder; returns the summary."""

    def text(self, suffix: str, progress: Progress) -> tuple[str, dict[str, Any]]:
        """Computes it; returns the text of one file, and the summary."""


@dataclass(frozen=True)
class RunJob:
    """One scenario."""

    scenario: Scenario

    def __post_init__(self) -> None:
        check_exports(self.scenario)

    @property
    def name(self) -> str:
        """The scenario's."""
        return self.scenario.name or "run"

    @cached_property
    def identity(self) -> str:
        """The run's."""
        return self.scenario.identity()

    def folder(self, path: Path, *, force: bool) -> Folder:
        """A sink for its series."""
        return RunFolder(path, force=force, identity=self.identity)

    def kept(self, folder: Folder) -> bool:
        """Whether the run is there."""
        return folder.kept

    def into(self, folder: RunFolder, progress: Progress) -> dict[str, Any]:
        """Series as they come, then exports, summary and manifest."""
        result = run(self.scenario, folder, folder=folder.partial, **self._told(progress, folder.plans))
        return folder.finish(result, exported_run)

    def text(self, suffix: str, progress: Progress) -> tuple[str, dict[str, Any]]:
        """Summary, members or page."""
        result = run(self.scenario, **self._told(progress))
        return run_text(result, suffix), result.summary()

    def _told(self, progress: Progress, journal: Journal | None = None) -> dict[str, Any]:
        """How a run tells of windows done, of a long plan before the first, and of what was decided."""

        def planning(steps: int, gap: float) -> None:
            progress(f"{self.name}: planning, {steps} iterations", 0, 1)

        return {"progress": lambda done, of: progress(self.name, done, of), "watch": Watch(planning, journal=journal)}


@dataclass(frozen=True)
class StudyJob:
    """Several scenarios; with `series` every run keeps its folder."""

    study: Study
    series: bool = False
    workers: int | None = None

    def __post_init__(self) -> None:
        check_exports(self.study)

    @property
    def name(self) -> str:
        """The study's."""
        return self.study.name or "study"

    @cached_property
    def identity(self) -> str:
        """That of all its runs."""
        return study_identity(self.study)

    def folder(self, path: Path, *, force: bool) -> Folder:
        """A folder of tables and a page."""
        return Folder(path, force=force, identity=self.identity)

    def kept(self, folder: Folder) -> bool:
        """Whether the study is there, with its series if they are wanted."""
        return folder.kept and (not self.keeps_runs or (folder.path / RUNS).is_dir())

    @property
    def keeps_runs(self) -> bool:
        """Whether every run keeps its folder: asked for, or read by an export."""
        return self.series or needs_series(self.study)

    def into(self, folder: Folder, progress: Progress) -> dict[str, Any]:
        """Runs, tables, page, exports and manifest."""
        kept = folder.partial / RUNS if self.keeps_runs else None
        results = run_study(self.study, series=kept, progress=progress, workers=self.workers)
        with writing(folder.path):
            return write_study(results, folder)

    def text(self, suffix: str, progress: Progress) -> tuple[str, dict[str, Any]]:
        """Summary, ranking or page."""
        results = run_study(self.study, progress=progress, workers=self.workers)
        return study_text(results, suffix), results.summary()


@dataclass(frozen=True)
class Delivered:
    """An answer and where it lies; `kept` if it was there before."""

    summary: dict[str, Any]
    path: Path
    kept: bool = False


def deliver(job: Job, output: Path | None, *, force: bool, progress: Progress) -> Delivered:
    """Writes what `job` computes to `output`: a file if it has a suffix, else a folder, by default one in `runs`.

    A folder that holds the same result answers without computing, unless `force`. Raises ScenarioError for a place
    that is taken or cannot be written, before any work is done.
    """
    if output is not None and output.suffix:
        with File(output, force=force, suffixes=FORMS) as file:
            text, summary = job.text(output.suffix.lower(), progress)
            with writing(output):
                file.partial.write_text(text, encoding="utf-8", newline="")
        return Delivered(summary, output)
    path = output or default_folder(job.name, job.identity)
    folder = job.folder(path, force=force)
    if job.kept(folder):
        return Delivered(stored_summary(path), path, kept=True)
    with folder:
        return Delivered(job.into(folder, progress), path)
