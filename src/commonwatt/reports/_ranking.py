"""The tables of a page: ranking, costs, members, losers, identities."""

from __future__ import annotations

import math

from . import _words as words
from ._tags import Cell, Column, table
from ._view import Line, View

TOP = 10
MOST_LINES = 500
MOST_MEMBERS = 200


def ranking(view: View, world: str, most: int | None = None) -> str:
    """The ranking of one world with the references below, or only its first lines."""
    ranked = view.ranked(world)
    lines = ranked[:most] if most else [*ranked[:MOST_LINES], *view.references]
    caption = (
        f"The best {len(lines)} of {len(ranked)}"
        if most
        else "All scenarios, best first, then the references; choose a heading to sort"
    )
    return table(caption, _columns(view), [_ranked(x) for x in lines], sortable=not most, kind="ranking")


def _columns(view: View) -> list[Column]:
    texts = [Column(title, numeric=False) for title in ("tariff", "mechanism", "dispatch", "world")]
    return [
        Column("rank"), *texts, Column("cost", view.currency), Column("saving", view.currency), Column("saving", "%"),
        Column("losers"), Column("fairness"), Column("self-sufficiency", "%"), Column("peak import", "kW"),
        Column("peak export", "kW"),
    ]  # fmt: skip


def _ranked(line: Line) -> list[Cell]:
    m, rank = line.run.metrics, line.row.rank
    return [
        Cell(str(rank) if rank else words.NONE, rank or 1e9, kind="rank"),
        Cell(line.tariff), Cell(line.rule, kind=f"rule m{line.hue}"), Cell(line.dispatch), Cell(line.world),
        _number(m["total_cost"]), _number(m["saving"], kind="good" if m["saving"] > 0 else ""),
        _number(100 * m["saving_share"], 1),
        _number(m["losers"], 0, "bad" if m["losers"] > 0 else ""), _number(m["fairness"], 3),
        _number(100 * m["self_sufficiency"], 1), _number(m["peak_import"], 2), _number(m["peak_export"], 2),
    ]  # fmt: skip


def _number(value: float, digits: int | None = None, kind: str = "") -> Cell:
    text = words.money(value) if digits is None else words.number(value, digits)
    return Cell(text, -1e300 if math.isnan(value) else value, kind=kind)


def costs(view: View, world: str) -> str:
    """What each mechanism costs under each tariff, shaded by cost; rules that cost the same share a row."""
    lines = view.as_asked([*view.references, *view.ranked(world)])
    tariffs = [*dict.fromkeys(x.tariff for x in lines)]
    rows: dict[tuple[str, str], dict[str, Line]] = {}
    for line in lines:
        rows.setdefault((line.dispatch, line.rule), {})[line.tariff] = line
    if len(tariffs) < 2 or len(rows) < 2 or len(lines) < 0.75 * len(tariffs) * len(rows):
        return ""
    values = [x.run.metrics["total_cost"] for x in lines]
    low, wide = min(values), max(max(values) - min(values), 1e-12)
    columns = [Column("mechanism", numeric=False), Column("dispatch", numeric=False), *(Column(t) for t in tariffs)]
    return table(
        f"What the community pays, and its saving [{view.currency}]",
        columns,
        [
            [Cell(words.listed(rules), kind="wrap"), Cell(way), *(_cost(row.get(t), low, wide) for t in tariffs)]
            for way, rules, row in _alike(rows)
        ],
        kind="heat",
    )


def _alike(rows: dict[tuple[str, str], dict[str, Line]]) -> list[tuple[str, list[str], dict[str, Line]]]:
    """Dispatch, mechanisms that cost the same under every tariff, and one of them by tariff."""
    found: dict[tuple[object, ...], tuple[str, list[str], dict[str, Line]]] = {}
    for (way, rule), row in rows.items():
        cost = tuple((tariff, round(line.run.metrics["total_cost"], 6)) for tariff, line in row.items())
        shared = any(line.hue for line in row.values())
        found.setdefault((way, shared, cost), (way, [], row))[1].append(rule)
    return list(found.values())


def _cost(line: Line | None, low: float, wide: float) -> Cell:
    if line is None:
        return Cell(words.NONE)
    cost, saving = line.run.metrics["total_cost"], line.run.metrics["saving"]
    below = f"saves {words.money(saving)}" if line.hue else "no sharing"
    return Cell(words.money(cost), cost, style=f"--heat:{60 * (cost - low) / wide:.0f}%", below=below)


def members(view: View, line: Line) -> str:
    """Every member's energy and bill under one scenario; where there are very many, those that gain least."""
    rows = line.run.members()
    left_out = len(rows) - MOST_MEMBERS
    caption = f"Every member under {line.rule}, {line.setting}; choose a heading to sort"
    if left_out > 0:
        rows = sorted(rows, key=lambda row: row["saving"])[:MOST_MEMBERS]
        caption += f". The {MOST_MEMBERS} that gain least, {left_out:,} more are left out"
    unit = view.currency
    columns = [
        Column("member", numeric=False), Column("load", "kWh"), Column("PV", "kWh"),
        Column("bought via the pool", "kWh"), Column("sold via the pool", "kWh"),
        Column("load alone would cost", unit), Column("standing alone", unit), Column("bill", unit),
        Column("saving", unit), Column("saving", "% of the load's cost"),
    ]  # fmt: skip
    losing = {line.run.facts.community.names[n] for n in line.losing()}
    return table(caption, columns, [_member(row, row["member"] in losing) for row in rows], sortable=True)


def _member(row: dict[str, float], loses: bool) -> list[Cell]:
    saving, gross = row["saving"], row["gross_bill"]
    kind = "bad" if loses else "good" if saving > 0 else ""
    return [
        Cell(str(row["member"])),
        *(_number(row[c], 1) for c in ("load_kwh", "pv_kwh", "bought_kwh", "sold_kwh")),
        *(_number(row[c]) for c in ("gross_bill", "alone_bill", "bill")),
        _number(saving, kind=kind), _number(100 * saving / gross if gross > 0 else math.nan, 1, kind),
    ]  # fmt: skip


def losers(view: View, world: str) -> str:
    """By mechanism: in how many scenarios somebody loses, who, and what the worst of them is; empty if nobody does."""
    ranked = view.ranked(world)
    rows = []
    for rule in dict.fromkeys(x.rule for x in ranked):
        mine = [x for x in ranked if x.rule == rule]
        losing = [x for x in mine if x.losing()]
        if losing:
            rows.append(_losers(rule, len(mine), losing))
    columns = [
        Column("mechanism", numeric=False), Column("scenarios with losers"), Column("most losers"),
        Column("who", numeric=False), Column("largest loss", view.currency), Column("of", numeric=False),
        Column("in", numeric=False),
    ]  # fmt: skip
    return table("Who pays more than standing alone, by mechanism", columns, rows) if rows else ""


def _losers(rule: str, of: int, losing: list[Line]) -> list[Cell]:
    names = losing[0].run.facts.community.names
    worst = min(losing, key=lambda x: float(x.run.savings.min()))
    who = sorted({n for x in losing for n in x.losing()})
    shown = ", ".join(names[n] for n in who[:12]) + (f" and {len(who) - 12} more" if len(who) > 12 else "")
    return [
        Cell(rule, kind=f"rule m{losing[0].hue}"), Cell(f"{len(losing)} of {of}", len(losing)),
        _number(max(len(x.losing()) for x in losing), 0), Cell(shown),
        _number(-float(worst.run.savings.min()), kind="bad"), Cell(names[worst.losing()[0]]), Cell(worst.setting),
    ]  # fmt: skip


def identities(view: View) -> str:
    """Name and identity of every run."""
    columns = [Column("scenario", numeric=False), Column("run", "SHA-256", numeric=False)]
    rows = [[Cell(name), Cell(run.identity, kind="code")] for name, run in view.results.runs.items()]
    return table("Run ids: the same id is the same document, data and version", columns, rows[:MOST_LINES])
