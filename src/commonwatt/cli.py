"""The command line: flags in, answers out; no domain logic."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import CommonwattError

if TYPE_CHECKING:
    from rich.console import Console

    from .scenario import Scenario, Study

app = typer.Typer(
    help="The laboratory for prosumer energy communities: tariffs, sharing rules, storage; every run audited.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
)  # fmt: skip
data = typer.Typer(help="Communities as folders: make one, check one.", no_args_is_help=True)
app.add_typer(data, name="data")

Output = Annotated[Path | None, typer.Option("--output", "-o", help="Folder to write, or a file by its suffix.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of the community; default: the document's.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, nothing else.")]
Force = Annotated[bool, typer.Option("--force", help="Compute again and replace an existing result.")]
STAGES = "tariffs markets sources devices dispatch forecasts regulators"


@app.command("run")
def run_command(
    what: Annotated[str, typer.Argument(metavar="FILE|PRESET|RUN", help="A document, a preset, or a run's manifest.")],
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
    verify: Annotated[bool, typer.Option("--verify", help="Audit the stored run in this folder again.")] = False,
) -> None:
    """Run a scenario or a study, audit it, and keep it in a folder."""
    from .scenario import Scenario, load

    if verify:
        _verify(Path(what), quiet=quiet, as_json=as_json)
        return
    document = load(what)
    if isinstance(document, Scenario):
        _run_scenario(_seeded(document, seed), Path(what), output, (quiet, as_json, force))
    else:
        _run_study(document, seed, output, (quiet, as_json, force))


@app.command()
def benchmark(
    study: Annotated[str, typer.Argument(metavar="[STUDY.yaml|PRESET]", help="Default: our own benchmark.")] = "benchmark",
    community: Annotated[
        Path | None,
        typer.Option("--community", help="Folder or file of a community: ours, S0's, CityLearn's, or a scenario."),
    ] = None,
    members: Annotated[int | None, typer.Option("--members", "--buildings", min=1, help="Members to generate.")] = None,
    slots: Annotated[int | None, typer.Option("--slots", "--time-horizon", min=1, help="Slots to generate.")] = None,
    output: Output = None,
    seed: Seed = None,
    series: Annotated[bool, typer.Option("--series", help="Keep every run's folder, with its series.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Which tariff and which sharing rule: tariffs x mechanisms x dispatch on one community, ranked and audited."""
    from .scenario import load
    from .studies import on_community, sized
    from .studies.benchmark import as_study

    document = as_study(load(study))
    document = on_community(document, community) if community else document
    _run_study(sized(document, members, slots), seed, output, (quiet, as_json, force), series=series)


@app.command("list")
def list_command(
    what: Annotated[str, typer.Argument(help=f"{STAGES.replace(' ', ' | ')} | metrics | presets | exports")] = "",
    quiet: Quiet = False,
    as_json: Json = False,
    output: Output = None,
    seed: Seed = None,
) -> None:
    """Print every plug-in with its parameters, units and defaults, read off the classes."""
    from .reports.catalogue import show_catalogue

    _emit_text(show_catalogue(what, as_json=as_json, width=_console(quiet=False).width), output, quiet=quiet)


@app.command()
def schema(output: Output = None, quiet: Quiet = False, as_json: Json = True, seed: Seed = None) -> None:
    """Print the JSON schema of every document."""
    from .scenario import schema as document_schema

    _emit_text(json.dumps(document_schema(), indent=2, sort_keys=True), output, quiet=quiet)


@data.command("make")
def make(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")] = Path("community"),
    source: Annotated[str, typer.Option("--source", help="Kind of generator; `commonwatt list sources`.")] = "synthetic",
    members: Annotated[int | None, typer.Option("--members", "--buildings", min=1, help="Members.")] = None,
    slots: Annotated[int | None, typer.Option("--slots", "--time-horizon", min=1, help="Slots.")] = None,
    table: Annotated[str, typer.Option("--table", help="csv | parquet")] = "csv",
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
    force: Force = False,
) -> None:
    """Generate a community and write it as a folder that `--community` and the source `folder` read."""
    from .studies.communities import describe, made

    community = made(source, members, slots, seed or 0)
    _write_folder(community, output, table, force=force)
    facts = {"folder": str(output), **describe(community)}
    _answer(facts, quiet=quiet, as_json=as_json, title=f"{output} written")


@data.command("check")
def check(
    community: Annotated[Path, typer.Argument(metavar="FOLDER|FILE", help="A community in any form we read.")],
    output: Output = None,
    seed: Seed = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Read a community and name what looks implausible: yields, gaps, flat lines, units."""
    from .quality import check as check_quality
    from .quality import report
    from .reports import screen
    from .studies.communities import community_scenario, describe

    found = _seeded(community_scenario(community), seed).community()
    facts, findings = describe(found), report(check_quality(found))
    result = {**facts, "notes": list(found.notes), "findings": findings}
    if output:
        _emit_text(json.dumps(result, indent=2), output, quiet=True)
    if as_json:
        print(json.dumps(result, indent=2))  # noqa: T201
    elif not quiet:
        screen.show_check(_console(quiet=False), str(community), facts, found.notes, findings)


def main() -> None:
    """Entry point: one screen per error, no traceback, exit codes by conventions §10."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        app()
    except CommonwattError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except SystemExit as ended:
        if ended.code == 130:
            print("interrupted: nothing half-written remains", file=sys.stderr)  # noqa: T201
        raise


def _terminated(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def _run_scenario(scenario: Scenario, source: Path, output: Path | None, flags: tuple[bool, bool, bool]) -> None:
    from .reports import screen
    from .run import run
    from .store import RunFolder, default_folder, stored_summary

    quiet, as_json, force = flags
    name = scenario.name or source.stem
    identity = scenario.identity()
    folder = RunFolder(output or default_folder(name, identity), identity, force)
    console = _console(quiet=quiet or as_json)
    if folder.kept:
        summary = stored_summary(folder.path)
        console.print(f"{folder.path} holds this result already; --force computes it again")
        console.print(summary["audit"])
    else:
        with folder, _bar(console, name) as advance:
            result = run(scenario.model_copy(update={"name": name}), folder, progress=advance)
            folder.finish(result)
        summary = result.summary()
        screen.show_run(console, result)
        console.print(f"written to {folder.path}")
    if as_json:
        print(json.dumps(summary, indent=2))  # noqa: T201


def _run_study(
    study: Study, seed: int | None, output: Path | None, flags: tuple[bool, bool, bool], *, series: bool = False
) -> None:
    from .reports import screen
    from .reports.folder import check_file, write_file, write_study
    from .store import Folder, default_folder
    from .studies import run_study, study_identity

    quiet, as_json, force = flags
    if seed is not None:
        study = study.model_copy(update={"base": _seeded(study.base, seed)})
    console = _console(quiet=quiet or as_json)
    as_file = output is not None and output.suffix != ""
    identity = study_identity(study)
    folder = Folder(output or default_folder(study.name or "study", identity), identity, force)
    if as_file:
        check_file(folder.path, (".json", ".csv", ".html"), force=force)
        with _bar(console, study.name) as advance:
            results = run_study(study, progress=advance)
        write_file(results, folder.path, force=force)
    else:
        if folder.kept:
            folder.force = True
        with folder:
            with _bar(console, study.name) as advance:
                results = run_study(study, series=folder.partial / "runs" if series else None, progress=advance)
            write_study(results, folder)
    screen.show_ranking(console, results)
    console.print(f"written to {folder.path}")
    if as_json:
        print(json.dumps(results.summary(), indent=2))  # noqa: T201


def _verify(folder: Path, *, quiet: bool, as_json: bool) -> None:
    from .reports import screen
    from .store import verify

    verdict = verify(folder)
    if as_json:
        print(json.dumps({"run": str(folder), "holds": verdict.holds, "audit": verdict.line}))  # noqa: T201
    else:
        screen.show_audit(_console(quiet=quiet), str(folder), verdict)


def _write_folder(community: Any, output: Path, table: str, *, force: bool) -> None:
    from .errors import ScenarioError
    from .sources._write import write_folder

    if table not in ("csv", "parquet"):
        raise ScenarioError(f"--table = {table!r}: there are csv and parquet; choose one")
    write_folder(community, output, table=table, force=force)


def _seeded(scenario: Scenario, seed: int | None) -> Scenario:
    return scenario if seed is None else scenario.model_copy(update={"seed": seed})


def _console(*, quiet: bool) -> Console:
    from rich.console import Console

    return Console(quiet=quiet)


def _answer(facts: dict[str, Any], *, quiet: bool, as_json: bool, title: str) -> None:
    from .reports import screen

    if as_json:
        print(json.dumps(facts, indent=2))  # noqa: T201
    elif not quiet:
        screen.show_check(_console(quiet=False), title, facts, (), [])


def _emit_text(text: str, output: Path | None, *, quiet: bool) -> None:
    from .reports.folder import write_one

    if output:
        write_one(output, {output.suffix.lower(): lambda to: to.write_text(text + "\n", encoding="utf-8")}, force=False)
    elif not quiet:
        print(text)  # noqa: T201


@contextmanager
def _bar(console: Console, name: str) -> Iterator[Any]:
    """A progress bar on the error stream; nothing where nobody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = Console(stderr=True, quiet=console.quiet)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task(name or "run", total=None)

        def advance(*done: Any) -> None:
            *label, count, total = done
            progress.update(task, completed=count, total=total, description=str(label[0]) if label else name or "run")

        yield advance


if __name__ == "__main__":
    main()
