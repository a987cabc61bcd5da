"""A study as one HTML page: no second file, no address outside, readable in light, in dark and on paper."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from string import Template

from ..presets._settlement_export import daily
from ..studies import Results
from . import _answer as answer
from . import _ranking as ranking
from . import _words as words
from . import figures
from ._glossary import GLOSSARY
from ._tags import details, escape, items, paragraph
from ._view import View

FOLDER = Path(__file__).parent
HEADINGS = {
    "one_meter": "Behind one meter: the community is billed at its coupling point",
    "own_meters": "With own meters: everyone keeps a retailer, traded energy is netted",
}
SHORT = {"one_meter": "One meter", "own_meters": "Own meters"}
FEW = 6
"""Scenarios that are drawn day by day, a line each."""
INFO = "info: "
"""How a finding begins that is no warning."""
NEED = "Figures need the extra [reports]: pip install 'commonwatt[reports]'"


def html_page(results: Results) -> str:
    """The page as text. Without matplotlib it holds the tables and says what the figures need."""
    view = View(results)
    script = _file("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return Template(_file("page.html")).substitute(
        title=escape(results.title),
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
        style=_file("page.css"),
        script=script,
        version=escape(_version()),
        heading=escape(words.sentence(results.title.replace("_", " "))),
        asked="".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in answer.asked(view)),
        audit=escape(results.audit_line),
        warnings=_warnings(view),
        answer="".join(_answer(view, world) for world in _worlds(view)),
        menu="".join(f'<li><a href="#{w}">{SHORT[w]}</a></li>' for w in results.worlds),
        worlds="".join(_world(view, world) for world in results.worlds) or _alone(view),
        operator=_operator(view),
        community=_grid(_community(view)),
        reproduce=_reproduce(view),
        glossary="".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in GLOSSARY.items()),
    )


@cache
def _file(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _version() -> str:
    try:
        return version("commonwatt")
    except PackageNotFoundError:
        return "unversioned"


def _worlds(view: View) -> tuple[str, ...]:
    return view.results.worlds or ("both",)


def _warnings(view: View) -> str:
    findings = [line for line in view.results.findings if not line.startswith(INFO)]
    notes = [*view.results.notes, *(line.removeprefix(INFO) for line in view.results.findings if line not in findings)]
    found = f'<div class="box warn"><h2>Check the data first</h2>{items(findings)}</div>' if findings else ""
    if not figures.available():
        notes.append(NEED)
    return found + (f'<div class="box"><h2>Assumed and noted</h2>{items(notes)}</div>' if notes else "")


def _answer(view: View, world: str) -> str:
    first, *rest = answer.verdict(view, world)
    label = f'<p class="label">{escape(SHORT[world])}</p>' if len(view.results.worlds) > 1 else ""
    return f'<div class="answer">{label}{paragraph(first, "lead")}{items(rest)}{_tiles(view, world)}</div>'


def _tiles(view: View, world: str) -> str:
    ranked = view.ranked(world)
    if not ranked:
        return ""
    m, unit = ranked[0].run.metrics, view.currency
    tiles = [
        ("cost", words.money(m["total_cost"]), unit), ("saving", words.money(m["saving"]), unit),
        ("saving", words.percent(m["saving_share"]), "of the load's cost"),
        ("losers", words.number(m["losers"], 0), f"of {words.plural(len(ranked[0].run.savings), 'member')}"),
        ("fairness", words.number(m["fairness"]), "of 1"),
        ("self-sufficiency", words.percent(m["self_sufficiency"]), "of the load"),
        ("peak import", words.number(m["peak_import"]), "kW"),
    ]  # fmt: skip
    inside = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)} <small>{escape(unit)}</small></dd></div>"
        for name, value, unit in tiles
    )
    return f'<dl class="tiles">{inside}</dl>'


def _world(view: View, world: str) -> str:
    ranked = view.ranked(world)
    short = len(ranked) > ranking.TOP + 2
    full = ranking.ranking(view, world)
    tables = ranking.ranking(view, world, ranking.TOP) if short else full
    rest = details(f"All {len(ranked)} scenarios, sortable, with the references", full) if short else ""
    rule = (
        "Ranked by losers, then by fairness on savings (to a thousandth), then by cost. “none” is the reference and "
        "stands in both worlds; scenarios of different worlds are never ranked against each other."
    )
    drawn = [figures.trade_off(view, world), figures.gains(view, world)] if figures.available() else []
    costs = ranking.costs(view, world)
    losers = ranking.losers(view, world) or paragraph("Nobody pays more than standing alone in any of these scenarios.")
    parts = [
        f'<section id="{world}"><h2>{escape(HEADINGS[world])}</h2>',
        f"<h3>Ranking</h3>{paragraph(rule, 'hint')}{tables}{rest}",
        f"<h3>Trade-offs</h3>{_grid(drawn)}" if any(drawn) else "",
        f"<h3>Cost by tariff and mechanism</h3>{paragraph(COSTS, 'hint')}{costs}" if costs else "",
        f"<h3>Member by member: {escape(ranked[0].rule)}</h3>{ranking.members(view, ranked[0])}",
        f"<h3>Who loses anywhere</h3>{losers}</section>",
    ]
    return "".join(parts)


COSTS = (
    "The stronger the colour, the dearer for the community as a whole. Rules that keep the same energy inside cost the "
    "same and share a row: they differ in who gets the saving."
)


def _alone(view: View) -> str:
    table = ranking.ranking(view, "both")
    return f'<section id="both"><h2>Scenarios</h2>{table}{ranking.members(view, view.first)}</section>'


def _operator(view: View) -> str:
    lines = answer.operator(view)
    if not lines:
        return ""
    hint = "Where a rule collects more or less than the grid charges, the operator keeps the rest or pays it."
    heading = "<h2>What the operator keeps or pays</h2>"
    return f'<section id="operator">{heading}{paragraph(hint, "hint")}{items(lines)}</section>'


def _community(view: View) -> list[figures.Drawing | None]:
    if not figures.available():
        return []
    drawn = [figures.average_day(view), figures.duration(view)]
    if len(view.lines) <= FEW:
        table = daily(view.results, view.community)
        drawn += [figures.daily_energy(table), figures.daily_bills(view, table)]
    return drawn


def _grid(drawings: Iterable[figures.Drawing | None]) -> str:
    shown = [_figure(drawing) for drawing in drawings if drawing]
    return f'<div class="figures">{"".join(shown)}</div>' if shown else paragraph(NEED)


def _figure(drawing: figures.Drawing) -> str:
    key = "".join(f"<li>{mark}{escape(text)}</li>" for mark, text in drawing.key)
    legend = f'<ul class="key">{key}</ul>' if key else ""
    caption = f"<figcaption>{escape(drawing.caption)}</figcaption>"
    return f'<figure><p class="title">{escape(drawing.title)}</p>{legend}{drawing.svg}{caption}</figure>'


def _reproduce(view: View) -> str:
    import yaml

    document = view.results.study.model_dump(mode="json", serialize_as_any=True)
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    seed = view.first.run.scenario.seed
    return (
        paragraph(
            f"commonwatt {_version()}, seed {seed}, study {view.results.identity[:8]}. "
            "Save the document below as study.yaml; the same version gives the same numbers to the last bit:"
        )
        + "<pre><code>commonwatt benchmark study.yaml</code></pre>"
        + details("The study, with every default filled in", f"<pre><code>{escape(text)}</code></pre>")
        + details(f"Ids of {words.plural(len(view.results.runs), 'run')}", ranking.identities(view))
    )
