"""S2's parameter files on the command line: look at one, change it, keep it, run the preset with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._asked import Asked, Force, Json, Output, Quiet, Seed
from .errors import ScenarioError

if TYPE_CHECKING:
    from .scenario import Study

Params = Annotated[
    Path | None, typer.Option("--params", metavar="FILE", help="Parameter file of the preset trading_system.")
]
Households = Annotated[
    Path | None,
    typer.Option("--households", metavar="PATH", help="Tables of households for the preset trading_system."),
]


def params_command(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A parameter file; without it, the defaults.")
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="GROUP.NAME=VALUE", help="Another value; may stand repeatedly.")
    ] = None,
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """The parameters of the preset trading_system: values, ranges, units, meaning.

    With --output FILE.json they are kept, for `commonwatt run trading_system --params`. Without FILE: the defaults.
    """
    from .presets.parameters import Parameters, described, warnings
    from .reports import screen

    given = Parameters.load(file) if file else Parameters()
    if changes:
        given = given.changed(dict(_change(text) for text in changes))
    asked = Asked(output, seed, quiet, as_json, force)
    if output:
        asked.to_file({".json": given.text})
    screen.show_parameters(asked.console(), described(given), warnings(given))
    asked.answer(given.model_dump())


def _change(text: str) -> tuple[str, Any]:
    """A name and its value."""
    name, given, value = text.partition("=")
    if not given:
        raise ScenarioError(f"--set {text}: no value (written GROUP.NAME=VALUE); add it")
    try:
        return name.strip(), json.loads(value)
    except json.JSONDecodeError:
        return name.strip(), value


def with_parameters(what: str, file: Path | None, households: Path | None) -> Study:
    """The preset with the parameters of a file. Raises ScenarioError for another document."""
    from .presets.parameters import PRESET, Parameters, configured

    if what != PRESET:
        flag = "--params" if file else "--households"
        raise ScenarioError(f"{flag}: {what} has no such parameters (only the preset {PRESET}); leave it out")
    return configured(Parameters.load(file) if file else Parameters(), households)
