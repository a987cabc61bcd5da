"""Many scenarios on one community: built once, stood alone once, then run one by one."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import ScenarioError
from ..run import Run
from ..scenario import Scenario, Study, load
from ..store import file_name
from ._results import Results
from ._workers import Task, at_once, in_turn, processes
from .communities import drawing, on_community, sized

Progress = Callable[[str, int, int], None]
"""Called with the scenario's name, runs done and runs in all."""
DEFAULT = "benchmark"


def benchmark(
    study: str | Path | Study = DEFAULT,
    *,
    community: Path | str | None = None,
    members: int | None = None,
    slots: int | None = None,
    scenarios: int | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
    workers: int | None = 1,
) -> Results:
    """Which tariff and which sharing rule: runs a study, on another community or of another size if asked.

    `study` is a document, its file or a preset; by default ten members, a week, five tariffs, five mechanisms and
    none, two ways to run devices (§15). `scenarios` is how many scenarios a study with `drawn` draws; `workers` as
    in `run_study`. Raises ScenarioError, DataError or AuditError as `run` does.
    """
    named = study if isinstance(study, Study) else load(study)
    placed = on_community(named, Path(community)) if community else named
    document = drawing(as_study(sized(placed, members, slots)), scenarios)
    if seed is not None:
        document = document.model_copy(update={"base": document.base.model_copy(update={"seed": seed})})
    return run_study(document, progress=progress, workers=workers)


def as_study(document: Scenario | Study) -> Study:
    """A scenario as the study that runs it alone."""
    return document if isinstance(document, Study) else Study(name=document.name, base=document)


def run_study(
    study: Study, *, series: Path | None = None, progress: Progress | None = None, workers: int | None = 1
) -> Results:
    """Runs every scenario of a study, audited. With `series` each run's folder is kept there.

    `workers` is how many processes share the work; None: one for each processor where many plans are to be made. The
    results are the same to the bit. A script that asks for more than one must be importable (`if __name__ ==
    "__main__":`). Raises ScenarioError, DataError or AuditError naming the scenario: then nothing is kept.
    """
    started = time.process_time()
    scenarios = study.scenarios()
    if not scenarios:
        raise ScenarioError("axes: one has no choices, so there is nothing to run (§2); add a choice, or drop the axis")
    tasks = [
        Task(name, scenario, series / run_folder(number, name) if series else None)
        for number, (name, scenario) in enumerate(scenarios.items())
    ]
    found: dict[int, Run] = {}
    elsewhere = 0.0

    def keep(number: int, result: Run) -> None:
        found[number] = result
        if progress:
            progress(tasks[number].name, len(found), len(tasks))

    many = processes(tasks, workers)
    if many > 1:
        for numbers, results, seconds in at_once(tasks, many):
            elsewhere += seconds
            for number, result in zip(numbers, results, strict=True):
                keep(number, result)
    else:
        for number, result in enumerate(in_turn(tasks)):
            keep(number, result)
    runs = {task.name: found[number] for number, task in enumerate(tasks)}
    seconds = time.process_time() - started + elsewhere
    return Results(study.name or "study", study, study_identity(study), runs, seconds)


def run_folder(number: int, name: str) -> str:
    """The folder of a study's run: numbered, for names that differ only in what a file system does not take."""
    return f"{number + 1:03d}-{file_name(name)[:80]}"


def study_identity(study: Study) -> str:
    """SHA-256 over the names and identities of its runs, in order."""
    runs = [[name, scenario.identity()] for name, scenario in study.scenarios().items()]
    return hashlib.sha256(json.dumps(runs).encode()).hexdigest()
