"""The command that puts runs side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from ._asked import Asked, Force, Json, Output, Quiet, Seed
from ._progress import bar


def compare(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="A B ...", help="Documents, presets or stored results; a study is all of its scenarios."
        ),
    ],
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Two or more runs on the same profiles, side by side: differences in total, per member and per slot.

    Refused where clocks, members or profiles differ. A folder gets tables of all three, and of members by slot.
    """
    from .reports.comparison import show_comparison, write_comparison
    from .studies import compare as compared

    asked = Asked(output, seed, quiet, as_json, force)
    with bar(quiet=asked.quiet) as advance:
        found = compared(*what, seed=seed, progress=advance)
    if output:
        write_comparison(found, output, force=force)
    show_comparison(asked.console(), found)
    asked.answer(found.summary())
