"""One document per origin system, and the origin's own files: exports beside a study's results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ScenarioError
from ..scenario import Study
from ..studies import Results
from ._files import Files
from ._settlement_export import daily_csv
from ._trading_export import FOLDER, RUNS, trading_files


@dataclass(frozen=True)
class Export:
    """What an origin system writes beside a study's results."""

    file: str
    """For people."""
    write: Callable[[Results, Path], Files]
    """From the results and the folder of stored runs."""
    series: bool = False
    """Whether it needs every slot, so that runs have to be kept."""
    scenarios: tuple[str, ...] = ()
    """Scenarios that a study must have for it."""


EXPORTS: dict[str, Export] = {
    "daily": Export("daily.csv", lambda results, _: Files({"daily.csv": daily_csv(results)})),
    "trading_system": Export(FOLDER, trading_files, series=True, scenarios=tuple(RUNS)),
}
"""By name."""


def exported(results: Results, runs: Path) -> Files:
    """All files that the study asks for; `runs`: where its runs are stored. Raises ScenarioError as `check_exports`."""
    check_exports(results.study)
    found = [EXPORTS[name].write(results, runs) for name in results.study.exports]
    texts = {name: text for files in found for name, text in files.texts.items()}
    return Files(texts, {name: value for files in found for name, value in files.told.items()})


def check_exports(study: Study) -> None:
    """Raises ScenarioError for an export that nobody writes, or that the study has not the scenarios for."""
    unknown = [name for name in study.exports if name not in EXPORTS]
    if unknown:
        raise ScenarioError(f"exports = {', '.join(unknown)}: unknown (§15); take {', '.join(EXPORTS)}, or leave it")
    for name in study.exports:
        missing = [label for label in EXPORTS[name].scenarios if label not in study.scenarios()]
        if missing:
            what = f"exports = {name}: the study has no scenario {missing[0]!r}"
            rule = f"§15: it writes {' and '.join(EXPORTS[name].scenarios)}"
            raise ScenarioError(f"{what} ({rule}); name its variants so, or leave the export")


def needs_series(study: Study) -> bool:
    """Whether an export reads the runs slot by slot."""
    return any(EXPORTS[name].series for name in study.exports if name in EXPORTS)
