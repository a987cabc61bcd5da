"""The command line: flags in, answers out; no domain logic.

Answers go to the standard output, progress and errors to the error stream. Heavy imports wait inside commands.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ._asked import Asked, Force, Json, Output, Quiet, Seed, as_text, tell
from ._compare_command import compare
from ._grid_commands import feeder, grid_capacity
from ._ledger_commands import ledger
from ._parameter_commands import Households, Params, params_command, with_parameters
from ._progress import STOPPED, bar, stop_if_asked
from ._scorecard_command import scorecard
from .errors import CommonwattError

if TYPE_CHECKING:
    from .scenario import Scenario, Study

INTERRUPTED = 130
app = typer.Typer(
    help="The laboratory for prosumer energy communities: tariffs, sharing rules, storage; every run audited.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip
data = typer.Typer(help="Communities as folders: make one, check one.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data, name="data")
app.add_typer(ledger, name="ledger")
data.command("grid-capacity")(grid_capacity)
app.command()(feeder)
app.command()(scorecard)
app.command()(compare)
app.command("params")(params_command)

Members = Annotated[
    int | None, typer.Option("--members", "--buildings", min=1, metavar="N", help="How many members to generate.")
]
Slots = Annotated[
    int | None, typer.Option("--slots", "--time-horizon", min=1, metavar="N", help="How many slots to generate.")
]


Place = Annotated[
    Path | None,
    typer.Option("--community", metavar="FOLDER|FILE", help="Run it on this community: a folder or a scenario."),
]


@app.command("run")
def run_command(  # noqa: PLR0913  (every option is a flag of its own)
    what: Annotated[
        str, typer.Argument(metavar="FILE|PRESET|RUN", help="A document, a preset's name, or a stored result.")
    ],
    verify: Annotated[bool, typer.Option("--verify", help="Audit the stored result RUN again.")] = False,
    params: Params = None,
    households: Households = None,
    community: Place = None,
    members: Members = None,
    slots: Slots = None,
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Run a scenario or a study, audit it, and keep it in a folder.

    What ran before is answered from its folder; --force computes it again.
    """
    from .scenario import Scenario, load
    from .studies import on_community, sized

    asked = Asked(output, seed, quiet, as_json, force)
    if verify:
        _verify(Path(what), asked)
        return
    document = load(what) if params is households is None else with_parameters(what, params, households)
    document = sized(on_community(document, community) if community else document, members, slots)
    if isinstance(document, Scenario):
        document = document.model_copy(update={"name": document.name or Path(what).stem})
    _compute(document, asked)


@app.command()
def benchmark(  # noqa: PLR0913  (every option is a flag of its own)
    study: Annotated[
        str, typer.Argument(metavar="[STUDY.yaml|PRESET]", help="What to run; without it, the default benchmark.")
    ] = "benchmark",
    community: Place = None,
    members: Members = None,
    slots: Slots = None,
    scenarios: Annotated[
        int | None,
        typer.Option("--scenarios", min=1, metavar="N", help="How many scenarios to draw, of a study that draws."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, metavar="N", help="Processes; by default all processors for many plans."),
    ] = None,
    series: Annotated[bool, typer.Option("--series", help="Keep every run, so that it can be verified.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print the whole ranking, not its head.")] = False,
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Which tariff and which sharing rule suit a community best.

    Tariffs x mechanisms x ways to run devices on one community: ranked, audited, with a report.
    """
    from .scenario import load
    from .studies import drawing, on_community, sized
    from .studies.benchmark import as_study

    document = load(study)
    document = sized(on_community(document, community) if community else document, members, slots)
    asked = Asked(output, seed, quiet, as_json, force)
    document = drawing(as_study(document), scenarios)
    _compute(document, asked, series=series, verbose=verbose, workers=workers)


@app.command()
def explain(
    result: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a stored run.")],
    member: Annotated[str, typer.Option("--member", metavar="M", help="Whose bill or devices: a name or a number.")],
    slot: Annotated[
        str, typer.Option("--slot", metavar="T", help="Why the devices did so then: a slot's number or time.")
    ] = "",
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """A member's bill line by line; with --slot, why its devices did what they did.

    Tells it from the stored run: prices, what energy was worth to the plan, limits reached.
    """
    from .reports import explanation
    from .studies.explain import explain_bill, explain_slot

    asked = Asked(output, seed, quiet, as_json, force)
    found = explain_slot(result, member, slot) if slot else explain_bill(result, member)
    if output:
        asked.to_file({".json": lambda: as_text(found)})
    (explanation.show_slot if slot else explanation.show_bill)(asked.console(), found)
    asked.answer(found)


@app.command("list")
def list_command(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[WHAT]",
            help="sources, devices, tariffs, charges, forecasts, dispatch, markets, bidders, regulators, ledgers, "
            "metrics, presets, or exports.",
        ),
    ] = "",
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Everything that can be chosen, with parameters, units and defaults."""
    from .reports.catalogue import catalogue_data, catalogue_text

    asked = Asked(output, seed, quiet, as_json, force)
    forms = {".json": lambda: as_text(catalogue_data(what)), ".txt": lambda: catalogue_text(what, 100) + "\n"}
    if output:
        asked.to_file(forms)
    elif as_json or not quiet:
        tell(forms[".json"]() if as_json else catalogue_text(what, asked.console().width) + "\n")


@app.command()
def schema(
    output: Output = None, seed: Seed = None, quiet: Quiet = False, as_json: Json = True, force: Force = False
) -> None:
    """The JSON schema of every document, for editors that complete and check."""
    from .scenario import schema as document_schema

    text = as_text(document_schema())
    if output:
        Asked(output, seed, quiet, as_json, force).to_file({".json": lambda: text})
    elif not quiet:
        tell(text)


@data.command("make")
def make(  # noqa: PLR0913  (every option is a flag of its own)
    source: Annotated[
        str,
        typer.Option("--source", metavar="KIND|FILE", help="Generator (`commonwatt list sources`), or a scenario."),
    ] = "synthetic",
    members: Members = None,
    slots: Slots = None,
    table: Annotated[str, typer.Option("--table", metavar="csv|parquet", help="Form of the tables.")] = "csv",
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder to write.")] = Path(
        "community"
    ),
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Generate a community and write it as a folder, for --community and the source `folder`."""
    from .reports import screen
    from .studies.communities import describe, made, write_community

    community = made(source, members, slots, seed)
    write_community(community, output, table, force=force)
    facts, asked = describe(community), Asked(output, seed, quiet, as_json, force)
    screen.show_facts(asked.console(), f"{output} written", facts)
    asked.answer({"folder": str(output), **facts})


@data.command("check")
def check(
    community: Annotated[Path, typer.Argument(metavar="FOLDER|FILE", help="A community in any form we read.")],
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Read a community and name what looks implausible: yields, gaps, flat lines, units."""
    from .reports import screen
    from .studies.communities import checked, community_scenario

    asked = Asked(output, seed, quiet, as_json, force)
    found = checked(asked.seeded(community_scenario(community)))
    if output:
        asked.to_file({".json": lambda: as_text(found)})
    screen.show_check(asked.console(), str(community), found)
    asked.answer(found)


def main() -> None:
    """Entry point: one screen per error, no traceback, exit codes by conventions §10."""
    STOPPED.clear()
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else somebody wants it ignored
        signal.signal(signal.SIGINT, _stop)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        _run_app()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except CommonwattError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}; check the path, its permissions and the space left", 2)
    except KeyboardInterrupt:
        for number in (signal.SIGINT, signal.SIGTERM):  # asked once is enough
            signal.signal(number, signal.SIG_IGN)
        namedtuple(
            "Nothing", ()
        )  # Python would end by the signal if it met a class in the making: making one clears that
        _fail("interrupted; nothing half-written remains", INTERRUPTED)


def _run_app() -> None:
    try:
        app()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            raise KeyboardInterrupt from ended
        if ended.code:
            raise


def _fail(text: str, code: int) -> None:
    print(f"error: {text}", file=sys.stderr)  # noqa: T201
    sys.exit(code)


def _stop(number: int, frame: Any) -> None:
    STOPPED.append(number)
    stop_if_asked()


def _compute(
    document: Scenario | Study, asked: Asked, *, series: bool = False, verbose: bool = False, workers: int | None = None
) -> None:
    """Runs a document, keeps the answer and shows it."""
    from .reports import screen
    from .reports.delivery import Job, RunJob, StudyJob, deliver
    from .scenario import Scenario

    job: Job = RunJob(asked.seeded(document)) if isinstance(document, Scenario) else StudyJob(
        document.model_copy(update={"base": asked.seeded(document.base)}), series, workers
    )  # fmt: skip
    with bar(quiet=asked.quiet) as advance:
        found = deliver(job, asked.output, force=asked.force, progress=advance)
    console = asked.console()
    if isinstance(document, Scenario):
        screen.show_run(console, found.summary)
    else:
        screen.show_ranking(console, found.summary, None if verbose else screen.SHOWN)
        screen.show_exports(console, found.summary)
    told = "found in {}; --force computes it again" if found.kept else "written to {}"
    screen.show_line(console, told.format(found.path))
    asked.answer(found.summary)


def _verify(folder: Path, asked: Asked) -> None:
    """Audits a stored result again, and says what holds."""
    from .reports import screen
    from .studies import verify_result

    asked.keep_seed()
    verdicts = verify_result(folder)
    lines = {name: verdict.line for name, verdict in verdicts.items()}
    found = {"result": str(folder), "holds": all(v.holds for v in verdicts.values()), "audits": lines}
    if asked.output:
        asked.to_file({".json": lambda: as_text(found)})
    screen.show_verified(asked.console(), str(folder), lines)
    asked.answer(found)


if __name__ == "__main__":
    main()
