"""Commands about the grid that a community hangs on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._asked import Asked, Force, Json, Output, Quiet, Seed, as_text


def grid_capacity(  # noqa: PLR0913  (every option is a flag of its own)
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.csv", help="Table to write.")] = Path(
        "grid_data.csv"
    ),
    steps: Annotated[
        int | None, typer.Option("--steps", "--slots", min=1, metavar="N", help="How many slots; 90, or all of --from.")
    ] = None,
    kind: Annotated[
        str, typer.Option("--kind", metavar="constant|synthetic", help="The same always, or lower at peak and noisy.")
    ] = "constant",
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Take it from a CSV or Parquet table instead.")
    ] = None,
    import_kw: Annotated[float | None, typer.Option("--import-kw", metavar="KW", help="Import limit.")] = None,
    export_kw: Annotated[float | None, typer.Option("--export-kw", metavar="KW", help="Export limit.")] = None,
    peak_reduction: Annotated[
        float | None, typer.Option("--peak-reduction", metavar="SHARE", help="How much lower from 17 to 21 h.")
    ] = None,
    noise: Annotated[
        float | None, typer.Option("--noise", metavar="SHARE", help="Standard deviation of a random factor.")
    ] = None,
    slot_minutes: Annotated[float, typer.Option("--slot-minutes", min=1, metavar="MIN", help="Length of a slot.")] = 60,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Write a table of what the grid lets through, for `limits.file` of a scenario or a community's folder."""
    from .reports import screen
    from .studies.capacity import as_csv, capacity, told

    numbers = {"import_cap_kw": import_kw, "export_cap_kw": export_kw, "peak_reduction": peak_reduction, "noise": noise}
    found = capacity(kind, source, steps, slot_minutes, seed or 0, **numbers)
    asked = Asked(output, seed, quiet, as_json, force)
    asked.to_file({".csv": lambda: as_csv(found)})
    screen.show_facts(asked.console(), f"{output} written", told(found))
    asked.answer({"file": str(output), **told(found)})


def feeder(  # noqa: PLR0913  (every option is a flag of its own)
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A stored run's folder.")],
    network: Annotated[
        Path,
        typer.Option("--network", metavar="PREFIX", help="Tables PREFIX_bus.csv, PREFIX_line.csv, _trafo, _load."),
    ],
    exactly: Annotated[bool, typer.Option("--exact", help="Full power flow (extra [grid]), not linearised.")] = False,
    power_factor: Annotated[
        float, typer.Option("--power-factor", min=0.1, max=1.0, metavar="F", help="Of what members take, inductive.")
    ] = 0.95,
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """What a stored run does to a low-voltage network: voltages, loadings, losses, and every slot that is too much.

    Members are connected in turn to the network's connection points. A file ends in .csv (all slots) or .json.
    """
    from .reports import screen
    from .store import csv_text
    from .studies.feeder import check_stored

    asked = Asked(output, seed, quiet, as_json, force)
    asked.keep_seed()
    report = check_stored(run, network, exactly=exactly, power_factor=power_factor)
    found = {"result": str(run), "network": str(network), **report.summary(), "violated": report.rows()}
    if output:
        every = {".csv": lambda: csv_text(report.rows(violated=False)), ".json": lambda: as_text(found)}
        asked.to_file(every)
    screen.show_feeder(asked.console(), found)
    asked.answer(found)
