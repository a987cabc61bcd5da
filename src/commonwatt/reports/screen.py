"""Answers on the terminal, from summaries as they are stored: nothing is computed here.

Text from documents and files is shown as it is, never read as markup.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..metrics import METRICS
from ._words import plural

SHOWN = 12
NARROW = 104
"""Columns of a terminal below which tables shorten their headings. [characters]"""
GAP = 1
HEX = 12
"""Characters of a hash where it is only to be recognised."""
LEAST_LEFT = 0.005
"""Money with the operator that is worth a line. [money]"""
WORLDS = {"own_meters": "own meters", "one_meter": "one meter", "both": "both"}
SHORT_WORLDS = {"own_meters": "own", "one_meter": "one", "both": "both"}
MEMBERS = {
    "load_kwh": "load kWh", "pv_kwh": "PV kWh", "alone_bill": "alone", "bill": "bill", "saving": "saving",
}  # fmt: skip
CHECKED = {
    "members": "members", "slots": "slots", "slot_minutes": "minutes a slot", "start": "start", "zone": "zone",
    "load_kwh": "load [kWh]", "pv_kwh": "PV [kWh]", "devices": "devices",
}  # fmt: skip
FEEDER = {
    "lowest_voltage": "lowest voltage [of nominal]", "highest_voltage": "highest voltage [of nominal]",
    "highest_loading": "highest loading [of rated]", "losses_kwh": "losses [kWh]",
    "voltage_hours": "voltage out of bounds [h]", "loading_hours": "overloaded [h]",
}  # fmt: skip
Values = Mapping[str, Any]


def show_run(console: Console, summary: Values) -> None:
    """One run: the answer, then who gains and who loses."""
    currency = summary["currency"]
    console.print(Text.assemble((summary["name"] or "run", "bold"), f"  world: {WORLDS[summary['world']]}"))
    table = plain_table()
    table.add_column(justify="left")
    table.add_column(justify="right")
    for name, value in summary["metrics"].items():
        if value is not None:
            unit = _unit(name).replace("money", currency)
            table.add_row(Text(name.replace("_", " ")), number(value), Text(unit))
    console.print(table, highlight=False)
    rows = summary["members"]
    members = plain_table(f"members, amounts in {currency}")
    members.add_column("member", overflow="ellipsis", no_wrap=True)
    for heading in MEMBERS.values():
        members.add_column(heading, justify="right")
    for row in rows[:SHOWN]:
        members.add_row(Text(str(row["member"])), *(amount(row[column]) for column in MEMBERS))
    console.print(members, highlight=False)
    if len(rows) > SHOWN:
        console.print(f"... and {plural(len(rows) - SHOWN, 'more member')}: summary.csv has them all", highlight=False)
    show_remarks(console, summary["notes"], summary["findings"])
    for part, line in (("solver", plan_line), ("forecast", forecast_line), ("ledger", ledger_line)):
        if summary.get(part):
            show_line(console, line(summary[part]).replace("money", currency))
    show_line(console, summary["audit"])


def forecast_line(forecast: Values) -> str:
    """How far off a planner's forecast was, in a line."""
    load, pv = forecast["load_kw"], forecast["pv_kw"]
    noise = " with noise" if load["mae_kw"] + pv["mae_kw"] > 0 else ""
    which = f"{forecast['kind']}, an oracle{noise}" if forecast["oracle"] else forecast["kind"]
    said = (
        f"{name} {number(found['mae_kw'])} kW, bias {number(found['bias_kw'])}"
        for name, found in (("load", load), ("PV", pv))
    )
    return f"forecast: {which}; mean absolute error per member: {', '.join(said)}"


def ledger_line(ledger: Values) -> str:
    """What a run's ledger holds, in a line."""
    counts = [
        plural(ledger[name], one) for name, one in (("entries", "entry"), ("trades", "trade"), ("blocks", "block"))
    ]
    pending = f", {plural(ledger['pending'], 'entry')} pending" if ledger["pending"] else ""
    return f"ledger: {', '.join(counts)}{pending}, head {ledger['head'][:HEX]}"


def show_ledger(console: Console, found: Values) -> None:
    """A ledger that was followed, or the proof of a trade."""
    if "proof" in found:
        traded = f"{found['buyer']} bought {found['kwh']:.6f} kWh from {found['seller']}"
        console.print(
            Text(f"trade {found['trade']} in slot {found['slot']}: {traded} for {found['money']:.6f}"), end=" "
        )
        console.print(Text(f"{found['currency']}; block {found['block']} of ledger {found['chain']}"), highlight=False)
        show_line(console, f"{plural(found['signatures'], 'signature')} and the way to the block hold")
        return
    console.print(Text.assemble((found["ledger"], "bold"), f": ledger {found['chain']}, head {found['head']}"))
    console.print(Text(f"keys: {found['keys']}"), highlight=False)
    if not found["closed"]:
        console.print("its writer was stopped: this is what it had finished", highlight=False)
    show_line(console, ledger_line(found) + f", {plural(found['signatures'], 'signature')}: all hold")
    if found["replayed"]:
        show_line(console, "its entries lead to every wallet of the run, slot by slot")


def plan_line(solver: Values) -> str:
    """What is proven of the plan, in a line; of the least proven where there are several."""
    cost, gap, plans = solver["cost"], solver["gap"], solver["plans"]
    reached = "unknown" if gap is None else f"{gap:.0e}"
    worth = "unknown" if cost is None else f"{cost:.6g} money"
    which = "plan" if plans == 1 else f"{plans} plans, the least proven"
    return f"{which}: {solver['status']}, {worth} by {solver['engine']}, gap {reached} by {solver['proof']}"


def show_ranking(console: Console, summary: Values, most: int | None = SHOWN) -> None:
    """A study: the ranking of each world (`most` rows; None: all), the references, the audit."""
    title = f"  amounts in {summary['currency']}; fewest losers first, then fairest, then cheapest"
    console.print(Text.assemble((summary["title"], "bold"), title))
    rows = summary["ranking"]
    told = _same_in_all(rows)
    if told:
        console.print(Text("in all runs: " + ", ".join(f"{part} {kind}" for part, kind in told.items())))
    for world in ("one_meter", "own_meters", "both"):
        here = [row for row in rows if row["world"] == world]
        if not here:
            continue
        titled = "nothing shared: the reference in every world" if world == "both" else WORLDS[world]
        console.print()
        console.print(_ranking(f"{titled}: {plural(len(here), 'run')}", here[:most], rows, console.width))
        if most is not None and len(here) > most:
            console.print(f"... and {len(here) - most} more: ranking.csv has them all", highlight=False)
        if len(here) > 1 and world != "both":
            show_cheapest(console, here, summary["currency"])
    console.print()
    show_operator(console, rows, summary["currency"])
    show_remarks(console, summary["notes"], summary["findings"])
    show_line(console, summary["audit"])


def show_cheapest(console: Console, rows: Sequence[Values], currency: str) -> None:
    """The run that costs the community least: fairness decides the ranking, not cost."""
    row = min(rows, key=lambda row: (round(row["total_cost"], 6), row["rank"]))
    text = f"cheapest for all together: {row['scenario']}, {amount(row['total_cost'])} {currency}, rank {row['rank']}"
    console.print(Text(text), highlight=False)


def show_operator(console: Console, rows: Sequence[Values], currency: str) -> None:
    """A line for each run that leaves the operator money, or takes it: members' bills alone do not tell."""
    for row in rows:
        left = row["operator_result"] or 0.0
        if abs(left) >= LEAST_LEFT:
            says = "collects {} {} less than the grid charges" if left < 0 else "leaves {} {} with the operator"
            text = f"operator: {row['scenario']} {says.format(number(abs(left)), currency)}"
            console.print(Text(text, style="yellow" if left < 0 else ""), highlight=False)


@dataclass(frozen=True)
class _Column:
    """One column of a ranking: its heading, wide and narrow, and what stands in a row."""

    wide: str
    narrow: str
    cell: Callable[[Values], str]
    name: bool = False

    def heading(self, *, narrow: bool) -> str:
        return self.narrow if narrow else self.wide


def _same_in_all(rows: Sequence[Values]) -> dict[str, str]:
    """Parts that every run has in common: told once, not in every row."""
    kinds = {part: {row[part] for row in rows} for part in ("tariff", "dispatch")}
    return {part: found.pop() for part, found in kinds.items() if len(found) == 1}


def _ranking(title: str, rows: Sequence[Values], everyone: Sequence[Values], width: int) -> Table:
    narrow = width < NARROW
    told = _same_in_all(everyone)
    names = [_Column("", "", lambda row: str(row["rank"] or "-"))]
    if any(_own_name(row) for row in everyone):
        names.append(_Column("scenario", "scenario", _scenario, name=True))
    for heading, part in (("tariff", "tariff"), ("mechanism", "market"), ("dispatch", "dispatch")):
        if part not in told:
            names.append(_Column(heading, heading, _reads(part), name=True))
    worlds = SHORT_WORLDS if narrow else WORLDS
    names.append(_Column("world", "world", lambda row: worlds[row["world"]], name=True))
    table = plain_table(title)
    shown = _fitting(names, everyone, width, narrow=narrow)
    for column in shown:
        fixed = not column.name or column.wide == "world"
        justify: Any = "left" if column.name else "right"
        table.add_column(column.heading(narrow=narrow), justify=justify, overflow="ellipsis", no_wrap=fixed)
    for row in rows:
        table.add_row(*(Text(column.cell(row)) for column in shown))
    return table


FIGURES = (
    _Column("cost", "cost", lambda row: amount(row["total_cost"])),
    _Column("saving", "saving", lambda row: amount(row["saving"])),
    _Column("losers", "lose", lambda row: number(row["losers"])),
    _Column("fairness", "fair", lambda row: "-" if row["rank"] is None else number(row["fairness"])),
    _Column("self-suff.", "self-s.", lambda row: percent(row["self_sufficiency"])),
    _Column("peak kW", "kW", lambda row: amount(row["peak_import"])),
    _Column("group gains", "group", lambda row: amount(row.get("coalition_excess"))),
)
ABOUT_REGRET = (
    FIGURES[0], _Column("regret", "regret", lambda row: amount(row["regret"])), *FIGURES[4:], *FIGURES[1:4],
)  # fmt: skip
"""The same where a study asks what better forecasts would bring."""
LEAST = 4
"""Figures that every terminal shows; the others where there is room."""


def _fitting(names: list[_Column], rows: Sequence[Values], width: int, *, narrow: bool) -> list[_Column]:
    """All columns that fit; names are shortened before the first four figures are left out."""
    columns = [*names, *(ABOUT_REGRET if any(row.get("regret") is not None for row in rows) else FIGURES)]

    def needed() -> int:
        wide = (max(len(c.heading(narrow=narrow)), *(len(c.cell(row)) for row in rows)) for c in columns)
        return sum(wide) + GAP * len(columns)

    while needed() > width and len(columns) > len(names) + LEAST:
        columns.pop()
    return columns


def _reads(part: str) -> Callable[[Values], str]:
    return lambda row: str(row[part])


def _own_name(row: Values) -> str:
    """What a scenario's name says beyond its kinds."""
    kinds = {_kind(row[part]) for part in ("tariff", "market", "dispatch")} | {"base"}
    return " / ".join(part for part in row["scenario"].split(" / ") if _kind(part) not in kinds)


def _kind(label: str) -> str:
    """A label without its parameters."""
    return label.partition("(")[0]


def _scenario(row: Values) -> str:
    """The same; a scenario of a single name keeps it."""
    return _own_name(row) or ("" if " / " in row["scenario"] else row["scenario"])


def show_remarks(console: Console, notes: Iterable[str], findings: Iterable[str]) -> None:
    """What was assumed, and what looks implausible in the data."""
    for note in notes:
        console.print(Text(f"note: {note}"), highlight=False)
    for finding in findings:
        console.print(Text(finding, style="yellow" if finding.startswith("warning") else ""), highlight=False)


def show_line(console: Console, line: str) -> None:
    """The audit's one line."""
    console.print(Text(line, style="green"), soft_wrap=True)


def show_facts(console: Console, title: str, facts: Values) -> None:
    """What a community holds."""
    console.print(Text(title, style="bold"))
    table = plain_table()
    for key, value in facts.items():
        table.add_row(Text(CHECKED.get(key, key)), number(value) if isinstance(value, float) else Text(str(value)))
    console.print(table, highlight=False)


def show_exports(console: Console, summary: Values) -> None:
    """What the files of an origin system add up to."""
    for name, told in summary.get("exports", {}).items():
        facts = {
            key.replace("_", " "): "-" if value is None else value
            for key, value in told.items() if not isinstance(value, list)
        }  # fmt: skip
        show_facts(console, name.replace("_", " "), facts)


def show_check(console: Console, title: str, found: Values) -> None:
    """What a community holds, what was assumed, and what looks wrong with it."""
    show_facts(console, title, {key: found[key] for key in CHECKED})
    show_remarks(console, found["notes"], found["findings"])
    warnings = sum(line.startswith("warning") for line in found["findings"])
    console.print(plural(warnings, "warning") if warnings else "nothing implausible found", highlight=False)


def show_feeder(console: Console, found: Values) -> None:
    """What a run does to a network: the worst of it, and the slots that are too much."""
    show_facts(console, f"{found['result']} on {found['network']}", {told: found[n] for n, told in FEEDER.items()})
    rows, table = found["violated"], plain_table()
    for row in rows[:SHOWN]:
        voltage = f"{number(row['lowest_voltage'])} to {number(row['highest_voltage'])} of nominal voltage"
        loaded = f"{row['branch']} at {row['highest_loading']:.0%}"
        table.add_row(*(Text(cell) for cell in (row["time"], voltage, loaded)))
    console.print(table, highlight=False)
    more = f", {len(rows) - SHOWN} of them not shown; --json and --output have all" if len(rows) > SHOWN else ""
    console.print(f"{plural(len(rows), 'slot')} out of bounds{more}", highlight=False)


def show_parameters(console: Console, rows: Sequence[Values], warnings: Iterable[str]) -> None:
    """A parameter file: every value with its range, unit and meaning."""
    for group in dict.fromkeys(row["group"] for row in rows):
        table = plain_table(group)
        for heading in ("name", "value", "range", "unit", "meaning"):
            table.add_column(heading, no_wrap=heading != "meaning")
        for row in rows:
            if row["group"] == group:
                value = str(row["value"]).lower() if isinstance(row["value"], bool) else f"{row['value']:.10g}"
                style = "" if row["value"] == row["default"] else "bold"
                table.add_row(row["name"], Text(value, style=style), row["range"], row["unit"], row["meaning"])
        console.print(table, highlight=False)
    show_remarks(console, warnings, ())


def show_verified(console: Console, name: str, audits: Mapping[str, str]) -> None:
    """A stored result, audited again."""
    console.print(Text.assemble((name, "bold"), ": files, inputs and identity are unchanged"))
    for run, line in audits.items():
        show_line(console, line if len(audits) == 1 else f"{run}: {line}")
    if not audits:
        console.print("no series kept, so nothing to audit again; `commonwatt benchmark --series` keeps them")


def show_scorecards(console: Console, found: Mapping[str, Values]) -> None:
    """Mechanisms side by side, each measured by what cannot all be had at once."""
    table = plain_table("all amounts before fees of the pool; - where a number has no meaning")
    for heading, _ in SCORES:
        text = heading in ("run", "lie about")
        table.add_column(heading, justify="left" if text else "right", overflow="fold", no_wrap=heading != "run")
    for name, card in found.items():
        table.add_row(*(Text(cell(name, card)) for _, cell in SCORES))
    console.print(table, highlight=False)


SCORES: tuple[tuple[str, Callable[[str, Values], str]], ...] = (
    ("run", lambda name, card: name),
    ("residual", lambda name, card: amount(card["budget_residual"])),
    ("losers", lambda name, card: number(card["losers"])),
    ("group", lambda name, card: amount(card["coalition_excess"])),
    ("effic.", lambda name, card: percent(card["efficiency"])),
    ("lie about", lambda name, card: card["misreport"] or "-"),
    ("gains", lambda name, card: number(card["misreport_gain"])),
    ("lies that pay", lambda name, card: percent(card["paying_misreports"])),
    ("spread", lambda name, card: number(card["price_spread"])),
)
"""Columns of scorecards: heading, and what stands in the row of a run."""


def number(value: float | None) -> str:
    """As people read it: whole numbers whole, two decimals from ten on, else three; no exponent."""
    if value is None or math.isnan(value):
        return "-"
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return _unsigned_zero(f"{value:,.2f}" if abs(value) >= 10 else f"{value:.3f}")


def amount(value: float | None) -> str:
    """Money and energy in a table: two decimals, none from a thousand on."""
    if value is None or math.isnan(value):
        return "-"
    return _unsigned_zero(f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}")


def percent(value: float | None) -> str:
    """A share in percent."""
    return "-" if value is None or math.isnan(value) else f"{100 * value:.1f}%"


def _unsigned_zero(text: str) -> str:
    return text.removeprefix("-") if not text.strip("-0.,") else text


def _unit(metric: str) -> str:
    """The unit in brackets at the end of a metric's docstring; nothing for a share."""
    found = re.search(r"\[([^\[\]]+)\]\s*$", METRICS[metric].__doc__ or "") if metric in METRICS else None
    return found[1] if found and found[1] != "-" else ""


def plain_table(title: str = "") -> Table:
    """A table without lines; with a title, it has headings too."""
    return Table(
        title=Text(title, style="bold") if title else None, title_justify="left", box=None, pad_edge=False,
        padding=(0, GAP, 0, 0), show_header=bool(title), header_style="underline",
    )  # fmt: skip
