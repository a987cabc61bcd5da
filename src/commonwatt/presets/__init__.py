"""One document per origin system, and the origin's own files: exports beside a study's results."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ScenarioError
from ..studies import Results
from ._settlement_export import daily_csv

Export = Callable[[Results], str]
EXPORTS: dict[str, tuple[str, Export]] = {"daily": ("daily.csv", daily_csv)}
"""By name: the file, and what writes its text."""


def exported(results: Results) -> dict[str, str]:
    """Text of every file that the study asks for, by file name. Raises ScenarioError for an unknown export."""
    unknown = [name for name in results.study.exports if name not in EXPORTS]
    if unknown:
        raise ScenarioError(f"exports = {unknown}: there are {', '.join(EXPORTS)}; correct the document")
    return {EXPORTS[name][0]: EXPORTS[name][1](results) for name in results.study.exports}
