"""The command that scores the mechanism of a stored run, or those of a stored study side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._asked import Asked, Force, Json, Output, Quiet, Seed, as_text


def scorecard(
    result: Annotated[
        Path, typer.Argument(metavar="RESULT", help="The folder of a stored run, or of a study that kept its runs.")
    ],
    tried: Annotated[
        int,
        typer.Option("--tried", min=1, metavar="N", help="Misreports drawn: for each slot of an auction, else in all."),
    ] = 8,
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """How a mechanism did: money left over, losers, groups that would leave, gain missed, what a lie is worth.

    From a stored run, or from each run of a study that was kept with --series.
    """
    from .reports import screen
    from .studies.scorecard import scorecards

    asked = Asked(output, seed, quiet, as_json, force)
    asked.keep_seed()
    found = {name: card.summary() for name, card in scorecards(result, tried).items()}
    if output:
        asked.to_file({".json": lambda: as_text(found)})
    screen.show_scorecards(asked.console(), found)
    asked.answer(found)
