"""Many scenarios on one community: built once, stood alone once, then run one by one."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from ..flow import Community
from ..run import References, Run, run
from ..scenario import Scenario, Study, load
from ..store import RunFolder
from ._results import Results
from .communities import on_community, sized

Progress = Callable[[str, int, int], None]
"""Called with the scenario's name, runs done and runs in all."""
DEFAULT = "benchmark"


def benchmark(
    study: str | Path | Study = DEFAULT,
    *,
    community: Path | str | None = None,
    members: int | None = None,
    slots: int | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> Results:
    """Which tariff and which sharing rule: runs a study, on another community or of another size if asked.

    `study` is a document, its file or a preset; by default ten members, a week, five tariffs, six mechanisms, two
    ways to run devices (§15). Raises ScenarioError, DataError or AuditError as `run` does.
    """
    document = study if isinstance(study, Study) else as_study(load(study))
    document = on_community(document, Path(community)) if community else document
    document = sized(document, members, slots)
    if seed is not None:
        document = document.model_copy(update={"base": document.base.model_copy(update={"seed": seed})})
    return run_study(document, progress=progress)


def as_study(document: Scenario | Study) -> Study:
    """A scenario as the study that runs it alone."""
    return document if isinstance(document, Study) else Study(name=document.name, base=document)


def run_study(study: Study, *, series: Path | None = None, progress: Progress | None = None) -> Results:
    """Runs every scenario of a study, audited. With `series` each run's folder is kept there.

    Raises AuditError where the books of one do not close: then nothing is kept.
    """
    started = time.process_time()
    scenarios, references = study.scenarios(), References()
    communities: dict[str, Community] = {}
    runs: dict[str, Run] = {}
    for name, scenario in scenarios.items():
        key = _community_key(scenario)
        community = communities.setdefault(key, communities.get(key) or scenario.community())
        folder = RunFolder(series / _safe(name), scenario.identity(), force=True) if series else None
        with folder or nullcontext():
            runs[name] = run(scenario, *([folder] if folder else []), community=community, references=references)
            if folder:
                folder.finish(runs[name])
        if progress:
            progress(name, len(runs), len(scenarios))
    return Results(study.name or "study", study, study_identity(study), runs, time.process_time() - started)


def study_identity(study: Study) -> str:
    """SHA-256 over the identities of its runs, in order."""
    runs = "".join(scenario.identity() for scenario in study.scenarios().values())
    return hashlib.sha256(runs.encode()).hexdigest()


def _community_key(scenario: Scenario) -> str:
    """What a community is made of: scenarios that agree in it share one."""
    names = {"source", "devices", "events", "seed", "draw"}
    return json.dumps(scenario.model_dump(mode="json", include=names, serialize_as_any=True), sort_keys=True)


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
