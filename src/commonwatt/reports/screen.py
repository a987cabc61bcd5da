"""Answers on the terminal: tables by rich, nothing computed here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..audit import Verdict
from ..registry import Plugin, parameters
from ..run import Run
from ..studies import Results, Row

SHOWN = 12


def show_run(console: Console, run: Run) -> None:
    """One run: the answer, then who gains and who loses."""
    metrics, currency = run.metrics, run.scenario.currency
    console.print(f"[bold]{run.scenario.name or 'run'}[/bold]  world: {_world(run.world)}")
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in metrics.items():
        if not math.isnan(value):
            table.add_row(name.replace("_", " "), number(value))
    console.print(table)
    members = Table("member", title=f"members [{currency}]", title_justify="left", box=None, pad_edge=False)
    columns = ("load_kwh", "pv_kwh", "alone_bill", "bill", "saving")
    for column in columns:
        members.add_column(column.replace("_", " "), justify="right")
    rows = run.members()
    for row in rows[:SHOWN]:
        members.add_row(str(row["member"]), *(number(row[column]) for column in columns))
    console.print(members)
    if len(rows) > SHOWN:
        console.print(f"... and {len(rows) - SHOWN} more in summary.csv")
    show_remarks(console, run.notes, run.finding_lines)
    show_verdict(console, run.verdict.line)


def show_ranking(console: Console, results: Results, most: int = SHOWN) -> None:
    """A study: the ranking of each world, the references, the audit."""
    console.print(f"[bold]{results.title}[/bold]  amounts in {results.currency}, rank by losers, fairness, cost")
    for world in results.worlds:
        ranked = results.ranked(world)
        console.print(_ranking(f"{_world(world)}: {len(ranked)} runs", ranked[:most]))
        if len(ranked) > most:
            console.print(f"... and {len(ranked) - most} more in ranking.csv")
    references = [row for row in results.rows if row.rank is None]
    if references:
        console.print(_ranking("nothing shared: the reference in every world", references[:most]))
    show_remarks(console, results.notes, results.findings)
    show_verdict(console, results.audit_line)


def _ranking(title: str, rows: list[Row]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in ("", "tariff", "mechanism", "dispatch", "world"):
        table.add_column(name, justify="right" if not name else "left", no_wrap=True)
    for name in ("cost", "saving", "losers", "fairness", "self-suff.", "peak kW"):
        table.add_column(name, justify="right")
    for row in rows:
        metrics = row.run.metrics
        table.add_row(
            str(row.rank or "-"), row.tariff, _mechanism(row), row.dispatch, _world(row.world),
            number(metrics["total_cost"]), number(metrics["saving"]), number(metrics["losers"]),
            "-" if row.rank is None else number(metrics["fairness"]),
            percent(metrics["self_sufficiency"]), number(metrics["peak_import"]),
        )  # fmt: skip
    return table


def _mechanism(row: Row) -> str:
    """The mechanism, or the name that a study's variant gives it."""
    return row.market if "/" in row.name or row.name in ("", "base") else f"{row.name} ({row.market})"


def show_remarks(console: Console, notes: Iterable[str], findings: Iterable[str]) -> None:
    """What was assumed, and what looks implausible in the data."""
    for note in notes:
        console.print(Text(f"note: {note}", style="dim"))
    for finding in findings:
        console.print(Text(f"check: {finding}", style="yellow"))


def show_verdict(console: Console, line: str) -> None:
    """The audit's one line."""
    console.print(Text(line, style="green"), soft_wrap=True)


def show_plugins(console: Console, title: str, plugins: dict[str, type[Plugin]]) -> None:
    """Every plug-in of a stage with its parameters, read off the classes."""
    console.print(f"[bold]{title}[/bold]")
    for kind, plugin in plugins.items():
        text = " ".join((plugin.__doc__ or "").split())
        console.print(f"\n[bold cyan]{kind}[/bold cyan]  {text}", highlight=False, soft_wrap=False)
        promised = promise_line(plugin)
        if promised:
            console.print(f"  promises: {promised}", highlight=False, style="dim")
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 2))
        for parameter in parameters(plugin):
            choices = f" ({' | '.join(parameter.choices)})" if parameter.choices else ""
            unit = f"\\[{parameter.unit}]" if parameter.unit else ""
            table.add_row(parameter.name, _default(parameter.default), unit, parameter.text + choices)
        if table.row_count:
            console.print(table, highlight=False)


def promise_line(plugin: type[Plugin]) -> str:
    """What a mechanism promises with its default parameters; empty for other plug-ins."""
    promise = getattr(plugin(), "promise", None) if hasattr(plugin, "promise") else None
    if promise is None:
        return ""
    flags = {name: value for name, value in vars(promise).items() if isinstance(value, bool)}
    kept = [name for name, value in flags.items() if value]
    lost = [name for name, value in flags.items() if not value]
    return f"{_world(promise.world)}, {', '.join(kept)}" + (f"; not {', '.join(lost)}" if lost else "")


def show_named(console: Console, title: str, named: dict[str, str]) -> None:
    """Names with a line each: presets, metrics, exports."""
    console.print(f"[bold]{title}[/bold]")
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, text in named.items():
        table.add_row(f"[cyan]{name}[/cyan]", text)
    console.print(table, highlight=False)


def show_check(console: Console, name: str, facts: dict[str, Any], notes: Iterable[str], findings: list[str]) -> None:
    """What a community holds, and what looks wrong with it."""
    console.print(f"[bold]{name}[/bold]")
    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in facts.items():
        table.add_row(key, number(value) if isinstance(value, float) else str(value))
    console.print(table, highlight=False)
    show_remarks(console, notes, findings)
    console.print(f"{len(findings)} findings" if findings else "nothing implausible found")


def show_audit(console: Console, name: str, verdict: Verdict) -> None:
    """A stored run, audited again."""
    console.print(f"[bold]{name}[/bold]: files, inputs and identity unchanged")
    show_verdict(console, verdict.line)


def number(value: float) -> str:
    """A number as people read it: four or more significant figures, no exponent where it can be helped."""
    if math.isnan(value):
        return "-"
    if value == round(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.3f}"


def percent(value: float) -> str:
    """A share in percent."""
    return "-" if math.isnan(value) else f"{100 * value:.1f} %"


def _world(world: str) -> str:
    return world.replace("_", " ")


def _default(value: Any) -> str:
    if value is None:
        return "none"
    kind = getattr(value, "kind", None)
    return str(kind if kind else value) if value != () else "()"
