"""Many scenarios on one community: built once, stood alone once, then run one by one."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import CommonwattError, ScenarioError
from ..flow import Community
from ..run import References, Run, run
from ..scenario import Scenario, Study, load
from ..store import RunFolder, file_name
from ._results import Results
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
) -> Results:
    """Which tariff and which sharing rule: runs a study, on another community or of another size if asked.

    `study` is a document, its file or a preset; by default ten members, a week, five tariffs, five mechanisms and
    none, two ways to run devices (§15). `scenarios` is how many scenarios a study with `drawn` draws. Raises
    ScenarioError, DataError or AuditError as `run` does.
    """
    named = study if isinstance(study, Study) else load(study)
    placed = on_community(named, Path(community)) if community else named
    document = drawing(as_study(sized(placed, members, slots)), scenarios)
    if seed is not None:
        document = document.model_copy(update={"base": document.base.model_copy(update={"seed": seed})})
    return run_study(document, progress=progress)


def as_study(document: Scenario | Study) -> Study:
    """A scenario as the study that runs it alone."""
    return document if isinstance(document, Study) else Study(name=document.name, base=document)


def run_study(study: Study, *, series: Path | None = None, progress: Progress | None = None) -> Results:
    """Runs every scenario of a study, audited. With `series` each run's folder is kept there.

    Raises ScenarioError, DataError or AuditError naming the scenario: then nothing is kept.
    """
    started = time.process_time()
    scenarios, references = study.scenarios(), References()
    if not scenarios:
        raise ScenarioError("axes: one has no choices, so there is nothing to run (§2); add a choice, or drop the axis")
    communities: dict[str, Community] = {}
    runs: dict[str, Run] = {}
    for name, scenario in scenarios.items():
        key = _community_key(scenario)
        if key not in communities:
            communities[key] = scenario.community()
        folder = series / run_folder(len(runs), name) if series else None
        with _named(name):
            runs[name] = _run(scenario, communities[key], references, folder)
        if progress:
            progress(name, len(runs), len(scenarios))
    return Results(study.name or "study", study, study_identity(study), runs, time.process_time() - started)


def _run(scenario: Scenario, community: Community, references: References, folder: Path | None) -> Run:
    if folder is None:
        return run(scenario, community=community, references=references)
    with RunFolder(folder, force=True, identity=scenario.identity()) as kept:
        result = run(scenario, kept, community=community, references=references, folder=kept.partial)
        kept.finish(result)
    return result


@contextmanager
def _named(scenario: str) -> Iterator[None]:
    """Says in which scenario something was found."""
    try:
        yield
    except CommonwattError as error:
        error.args = (f"{scenario}: {error}",)
        raise


def run_folder(number: int, name: str) -> str:
    """The folder of a study's run: numbered, for names that differ only in what a file system does not take."""
    return f"{number + 1:03d}-{file_name(name)[:80]}"


def study_identity(study: Study) -> str:
    """SHA-256 over the names and identities of its runs, in order."""
    runs = [[name, scenario.identity()] for name, scenario in study.scenarios().items()]
    return hashlib.sha256(json.dumps(runs).encode()).hexdigest()


def _community_key(scenario: Scenario) -> str:
    """What a community is made of: scenarios that agree in it share one."""
    names = {"source", "devices", "events", "limits", "zones", "seed", "draw"}
    return json.dumps(scenario.model_dump(mode="json", include=names, serialize_as_any=True), sort_keys=True)
