"""Commands on ledgers: follow one from end to end, take the proof of a trade out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._asked import Asked, Force, Json, Output, Quiet, Seed, as_text

ledger = typer.Typer(help="Ledgers of runs: check one, prove a trade.", no_args_is_help=True, rich_markup_mode=None)


@ledger.command()
def verify(
    place: Annotated[
        Path, typer.Argument(metavar="RUN|FILE", help="A run's folder, a ledger's file, or a trade's proof (.json).")
    ],
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Follow a ledger from end to end; name the first bad block, entry or signature.

    In a run's folder also its manifest and wallets. A proof is checked without its ledger.
    """
    from .reports import screen
    from .store import verify_ledger

    asked = Asked(output, seed, quiet, as_json, force)
    found = verify_ledger(place)
    if output:
        asked.to_file({".json": lambda: as_text(found)})
    screen.show_ledger(asked.console(), found)
    asked.answer(found)


@ledger.command()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN|FILE", help="A run's folder, or a ledger's file.")],
    trade: Annotated[int, typer.Option("--trade", min=0, metavar="N", help="Number of the trade, from 0.")] = 0,
    output: Annotated[
        Path, typer.Option("--output", "-o", "--to", metavar="FILE", help="Where the proof goes (.json).")
    ] = Path("proof.json"),
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Write the proof of a trade: `commonwatt ledger verify FILE` checks it without the ledger."""
    from .ledger import proof_of
    from .reports import screen

    proof = proof_of(run, trade)
    asked = Asked(output, seed, quiet, as_json, force)
    asked.to_file({".json": lambda: as_text(proof)})
    screen.show_line(asked.console(), f"proof of trade {trade} written to {output}")
    asked.answer(proof)
