"""One document per origin system, and the origin's own files: exports beside the results of a study or a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ScenarioError
from ..run import Run
from ..scenario import Scenario, Study
from ..studies import Results
from ._community_export import community_files
from ._files import Files
from ._settlement_export import daily_csv
from ._trading_export import FOLDER, RUNS, trading_files


@dataclass(frozen=True)
class Export:
    """What an origin system writes beside a study's results, or beside a stored run."""

    file: str
    """For people."""
    of_study: Callable[[Results, Path], Files] | None = None
    """From the results and the folder of stored runs."""
    of_run: Callable[[Run, Path], Files] | None = None
    """From a run and the folder of its records."""
    series: bool = False
    """Whether a study's export needs every slot, so that runs have to be kept."""
    scenarios: tuple[str, ...] = ()
    """Scenarios that a study must have for it."""
    needs_orders: bool = False
    """Whether it tells of quotes and single trades, which only markets by order have."""


EXPORTS: dict[str, Export] = {
    "community_logs": Export("five logs of a community, and a report", of_run=community_files, needs_orders=True),
    "daily": Export("daily.csv", lambda results, _: Files({"daily.csv": daily_csv(results)})),
    "trading_system": Export(FOLDER, trading_files, series=True, scenarios=tuple(RUNS)),
}
"""By name."""


def exported(results: Results, runs: Path) -> Files:
    """All files that the study asks for; `runs`: where its runs are stored. Raises ScenarioError as `check_exports`."""
    check_exports(results.study)
    writers = [EXPORTS[name].of_study for name in results.study.exports]
    return Files.joined(*[write(results, runs) for write in writers if write])


def exported_run(run: Run, folder: Path) -> Files:
    """All files that a run's scenario asks for; `folder`: where its records are. Raises ScenarioError as above."""
    check_exports(run.scenario)
    writers = [EXPORTS[name].of_run for name in run.scenario.exports]
    return Files.joined(*[write(run, folder) for write in writers if write])


def check_exports(document: Scenario | Study) -> None:
    """Raises ScenarioError for an export that nobody writes of such a document, or that lacks what it tells of."""
    alone = isinstance(document, Scenario)
    known = [name for name, export in EXPORTS.items() if (export.of_run if alone else export.of_study)]
    unknown = [name for name in document.exports if name not in known]
    if unknown:
        raise ScenarioError(f"exports = {', '.join(unknown)}: unknown (§15); take {', '.join(known)}, or leave it")
    for name in document.exports:
        if isinstance(document, Study):
            _check_scenarios(document, name)
        elif EXPORTS[name].needs_orders and not document.market.by_orders:
            what = f"exports = {name}: tells of quotes, and market {document.market.kind} takes none"
            raise ScenarioError(f"{what} (§15); choose an auction, or leave the export")


def _check_scenarios(study: Study, name: str) -> None:
    missing = [label for label in EXPORTS[name].scenarios if label not in study.scenarios()]
    if missing:
        what = f"exports = {name}: the study has no scenario {missing[0]!r}"
        rule = f"§15: it writes {' and '.join(EXPORTS[name].scenarios)}"
        raise ScenarioError(f"{what} ({rule}); name its variants so, or leave the export")


def needs_series(study: Study) -> bool:
    """Whether an export reads the runs slot by slot."""
    return any(EXPORTS[name].series for name in study.exports if name in EXPORTS)
