"""Writes the generated blocks of README.md and docs/*.md, and the picture of the README.

    python docs/_generate.py            write everything
    python docs/_generate.py --check    write nothing; say what is out of date, exit 1 if something is

A block stands between ``<!-- generated: name -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np
import typer
import typer.main

import commonwatt as cw
from commonwatt import _events
from commonwatt import limits as connection_limits
from commonwatt._draws import Drawn
from commonwatt.audit import _invariants, _plans, _sink
from commonwatt.cli import app
from commonwatt.clock import Period
from commonwatt.flow import Clearing, Pool, Streams
from commonwatt.markets import MARKETS, Market
from commonwatt.markets._auction import Auction, Book
from commonwatt.markets.uniform_price import UniformPrice
from commonwatt.metrics import METRICS
from commonwatt.pool import Standby
from commonwatt.presets.parameters import PLACES, Parameters, described
from commonwatt.record import Record
from commonwatt.registry import Settings, parameters
from commonwatt.reports.catalogue import STAGES
from commonwatt.run import auditor
from commonwatt.scenario import Scenario, Study, load, presets
from commonwatt.zones import Zone

DOCS = Path(__file__).parent
ROOT = DOCS.parent
BLOCK = re.compile(r"(?P<open><!-- generated: (?P<name>[^>]+?) -->\n).*?(?P<close><!-- end -->)", re.DOTALL)
PICTURE = DOCS / "img" / "benchmark.svg"
PROMISES = (
    "balanced", "rational", "in_band", "anonymous", "core", "efficient", "truthful", "one_price", "repeatable",
)  # fmt: skip


def pages() -> list[Path]:
    """README and every page of the documentation."""
    return [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


def current(text: str) -> str:
    """A page with its generated blocks as the code is now."""
    return BLOCK.sub(lambda found: found["open"] + "\n" + block(found["name"]) + "\n\n" + found["close"], text)


def block(name: str) -> str:
    """The text of one generated block: a name, and what it is about."""
    what, _, about = name.partition(" ")
    make = BLOCKS[what]
    return (make(about) if about else make()).strip()


# --- tables ---------------------------------------------------------------------------------------------------------


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in lines
    )


def fields(shape: type[Settings]) -> str:
    """What can be set, with default, range, unit and meaning."""
    properties = shape.model_json_schema().get("properties", {})
    rows = [
        (f"`{p.name}`", shown(p.default), limits(properties.get(p.name, {}), p.choices), p.unit, p.text)
        for p in parameters(shape)
    ]
    return table(("field", "default", "values", "unit", "meaning"), rows) if rows else "No parameters."


def shown(value: Any) -> str:
    """A default as one writes it in a document."""
    if isinstance(value, Settings):
        return f"`{{kind: {value.kind}}}`" if hasattr(value, "kind") else "defaults below"  # type: ignore[attr-defined]
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple | list):
        return "`[" + ", ".join(map(str, value)) + "]`"
    return f"`{value}`" if value not in ("", {}) else '`""`' if value == "" else "`{}`"


def limits(schema: dict[str, Any], choices: tuple[str, ...]) -> str:
    """What values are allowed, in words."""
    if choices:
        return ", ".join(f"`{c}`" for c in choices)
    parts = [p for p in schema.get("anyOf", [schema]) if p.get("type") != "null"]
    return " or ".join(dict.fromkeys(filter(None, map(_limit, parts))))


def _limit(part: dict[str, Any]) -> str:
    if "enum" in part or "const" in part:
        return ", ".join(f"`{c}`" for c in part.get("enum", [part.get("const")]))
    if "oneOf" in part or "$ref" in part or part.get("type") in (None, "object"):
        return ""
    kind = {"integer": "whole number", "number": "number", "boolean": "true, false", "array": "list"}.get(
        part["type"], {"date-time": "time", "date": "date", "path": "path"}.get(part.get("format", ""), "text")
    )
    bounds = [
        f"{sign} {part[key]:g}"
        for key, sign in (("exclusiveMinimum", ">"), ("minimum", ">="), ("exclusiveMaximum", "<"), ("maximum", "<="))
        if key in part
    ]
    return " ".join([kind, *bounds])


# --- blocks ---------------------------------------------------------------------------------------------------------


def plain(text: str | None) -> str:
    """A docstring on one line, without pointers into notes that are not part of the documentation."""
    return re.sub(r" \(\w+\.md [^)]*\)", "", " ".join((text or "").split()))


def document(name: str) -> str:
    """The fields of a document or of one of its parts."""
    shapes: dict[str, type[Settings]] = {
        "scenario": Scenario, "study": Study, "pool": Pool, "standby": Standby, "events": _events.Events,
        "outage": _events.Outage, "maintenance": _events.Maintenance, "drawn": Drawn,
        "limits": connection_limits.Limits, "group": connection_limits.Group, "zone": Zone,
    }  # fmt: skip
    return fields(shapes[name])


def stage(name: str) -> str:
    """Every plug-in of a stage."""
    parts = []
    for kind, plugin in STAGES[name].items():
        text = plain(plugin.__doc__)
        parts.append(f"### `{kind}`\n\n{text}\n\n{fields(plugin)}")
    return "\n\n".join(parts)


def variants(market: type[Market]) -> Iterator[tuple[str, Market]]:
    """With defaults, then with every single choice that changes what is promised."""
    plain = market()
    yield "", plain
    seen = [plain.promise]
    for name, field in market.model_fields.items():
        choices = get_args(field.annotation) if get_origin(field.annotation) is not None else ()
        for choice in () if name == "kind" or field.annotation == Period else choices:
            if isinstance(choice, str):
                other = plain.model_copy(update={name: choice})
                if other.promise not in seen:
                    seen.append(other.promise)
                    yield f"{name}: {choice}", other


def promises() -> str:
    """What each mechanism promises; audit and contract tests hold it to that."""
    rows = []
    for kind, market in MARKETS.items():
        for label, plugin in variants(market):
            promise = plugin.promise
            marks = tuple("yes" if getattr(promise, name) else "no" for name in PROMISES)
            world = "either" if kind == "none" else promise.world.replace("_", " ")
            rows.append((f"`{kind}`" + (f" ({label})" if label else ""), world, promise.scope, *marks, promise.payer))
    return table(("market", "world", "scope", *(name.replace("_", " ") for name in PROMISES), "borne by"), rows)


def schemes() -> str:
    """Every regulated scheme: where, whose meters, who bears it, the law, and its numbers by date."""
    parts = []
    for kind, market in MARKETS.items():
        law = getattr(market(), "law", None)
        if law is None:
            continue
        world = law.world.replace("_", " ")
        borne = f"borne by the {law.payer}" if law.payer else "nobody pays an incentive"
        parts.append(f"### `{kind}`\n\n{law.title} ({law.country}). World: {world}; {borne}. Law: {law.law}.")
        rows = []
        for version in law.versions:
            for name, value in version.values.items() or [("", "")]:
                checked = "typical, give your own" if name in version.unverified else f"checked {version.checked}"
                rows.append((str(version.valid_from), f"`{name}`" if name else "no numbers", str(value),
                             law.meaning.get(name, ""), checked))  # fmt: skip
        parts.append(table(("from", "value", "number", "meaning", "state"), rows))
        parts += [f"Sources, {version.valid_from}: {version.source}." for version in law.versions]
    return "\n\n".join(parts)


def auctions() -> str:
    """Auctions in random books: gain and operator's part of the largest gain; books in which somebody could lie."""
    head = ("market", *(f"{what}, {size} a side" for size in (8, 40) for what in ("gain", "operator")), "worth a lie")
    books = {size: drawn_book(size, 600) for size in (8, 40)}
    best = {size: gain_of(book, UniformPrice().cleared(book)) for size, book in books.items()}
    small, rows = drawn_book(4, 100), []
    for kind, market in MARKETS.items():
        if not issubclass(market, Auction):
            continue
        cells = []
        for size, book in books.items():
            cleared = market().cleared(book)
            left = cleared.bought_kwh * cleared.buy_price - cleared.sold_kwh * cleared.sell_price
            cells += [f"{gain_of(book, cleared) / best[size]:.3f}", f"{left.sum() / best[size] + 0.0:.3f}"]
        rows.append((f"`{kind}`", *(c.replace("-0.000", "0.000") for c in cells), f"{lies(market(), small):.0f} %"))
    return table(head, rows)


def drawn_book(a_side: int, slots: int) -> Book:
    """Orders of 0.1 to 3 kWh at 0.10 to 0.30, drawn."""
    rng, shape = np.random.default_rng(1), (slots, 2 * a_side)
    kwh, buys = rng.uniform(0.1, 3.0, shape), np.arange(shape[1]) % 2 == 0
    clock = cw.Clock(datetime(2025, 6, 2, tzinfo=UTC), timedelta(hours=1), slots)
    parts = rng.uniform(0.1, 0.3, shape), np.where(buys, kwh, 0.0), np.where(buys, 0.0, kwh)
    return Book(clock, *parts, 1.0, Streams(1))


def gain_of(book: Book, cleared: Clearing) -> float:
    """What trading is worth at the quoted prices, to all together."""
    return float(((cleared.bought_kwh - cleared.sold_kwh) * book.price).sum())


def lies(market: Auction, book: Book) -> float:
    """Part of the books in which some member gains by quoting 0.04 more or less. [%]"""
    paid, found = market.cleared(book), np.zeros(book.shape[0], np.bool_)
    for member, shift in ((n, s) for n in range(book.shape[1]) for s in (-0.04, 0.04)):
        price = np.array(book.price)
        price[:, member] += shift
        lied = market.cleared(replace(book, price=price))
        gains = [(c.bought_kwh * (book.price - c.buy_price) + c.sold_kwh * (c.sell_price - book.price))[:, member]
                 for c in (paid, lied)]  # fmt: skip
        found |= gains[1] > gains[0] + 1e-9
    return 100 * float(found.mean())


def scorecard(world: str) -> str:
    """Every mechanism of a world in which members trade, measured on the same homes."""
    source = {"kind": "synthetic", "members": 8, "days": 2}
    homes = Scenario(seed=1, source=source).community()
    at = np.arange(8) / 7
    traits = {"contract_buy": 0.24 + 0.10 * at, "contract_sell": 0.05 + 0.06 * at[::-1]}
    tariff = {"kind": "flat", "buy": 0.30, "export_ratio": 1 / 3} if world == "one_meter" else {"kind": "contract"}
    rows = []
    for kind, market in MARKETS.items():
        promise = market().promise
        if promise.world != world or promise.legal_world or not promise.trades:
            continue
        run = cw.run(Scenario(tariff=tariff, market={"kind": kind}), community=replace(homes, traits=traits))
        card = cw.scorecard(run, community=replace(homes, traits=traits), tried=20)
        numbers = (card.budget_residual, card.losers, card.coalition_excess, card.efficiency,
                   card.misreport_gain, card.paying_misreports, card.price_spread)  # fmt: skip
        forms = (".2f", ".0f", ".2f", ".0%", ".3f", ".0%", ".3f")
        cells = ("-" if x != x else format(x, form) for x, form in zip(numbers, forms, strict=True))
        rows.append((f"`{kind}`", *(re.sub(r"^-(0\.0+)$", r"\1", cell) for cell in cells), card.misreport))
    head = ("market", "residual EUR", "losers", "group gains EUR", "efficiency", "misreport gains EUR", "that pay",
            "price spread EUR/kWh", "of")  # fmt: skip
    return table(head, rows)


def invariants() -> str:
    """Identifier, meaning and tolerance of every invariant."""
    sizes = {
        "energy": "1e-9 x highest flow, at least 1e-9 kWh; 1e-6 where a planner runs the devices",
        "slot": "1e-9 x (1 + the slot's turnover + a millionth of what wallets and tills hold)",
        "window": "1e-9 x (1 + the window's turnover)",
        "plan": "1e-9 x (1 + the plan's turnover)",
    }
    rows = [(name, text, sizes[_sink._measure(name)]) for name, (_, text) in _invariants.INVARIANTS.items()]
    rows += [(name, text, sizes[_sink._measure(name)]) for name, text in _plans.PLANNED.items()]
    again = "The same scenario gives the same bits, however its windows are cut."
    kept = "Where a ledger is kept, its chain holds, and its entries lead to every wallet and till, slot by slot."
    more = [(_sink.REPEATABLE, again, "none: every bit"), ("L1", kept, "hashes: none; wallets: one millionth")]
    return table(("id", "meaning", "tolerance"), [*rows, *more])


def faults() -> str:
    """Which invariants notice that one stored value was changed by 0.01, in a run with batteries and a market."""
    scenario = Scenario(
        seed=1, source={"kind": "synthetic", "members": 4, "days": 1}, tariff={"kind": "time_of_use"},
        dispatch={"kind": "self_consumption"}, market={"kind": "mid_market_rate"}, pool={"fee_per_kwh": 0.01},
    )  # fmt: skip
    community = scenario.community()
    prices = scenario.prices(community)
    whole = next(iter(Record.of(window) for window in cw.simulate(scenario, community)))
    rows = []
    for name, values in whole.columns.items():
        wrong = np.array(values)
        sizes = np.abs(whole.columns[{"buy_price": "bought_kwh", "sell_price": "sold_kwh"}.get(name, name)])
        wrong[np.unravel_index(int(sizes.argmax()), sizes.shape)] += 0.01
        audit = auditor(scenario, community, prices)
        audit.take(whole.changed(name, wrong))
        rows.append((f"`{name}`", ", ".join(audit.verdict().broken) or "none"))
    return table(("stored column", "broken"), rows)


def metric_table() -> str:
    """Every metric with its unit."""
    rows = []
    for name, metric in METRICS.items():
        text = plain(metric.__doc__)
        found = re.fullmatch(r"(.*) \[([^\[\]]+)\]", text)
        rows.append((f"`{name}`", found[2] if found else "", found[1] if found else text))
    return table(("metric", "unit", "meaning"), rows)


def parameter_table() -> str:
    """S2's parameters, and where each stands in the preset."""
    rows = []
    for row in described(Parameters()):
        name = f"{row['group']}.{row['name']}"
        places = ", ".join(f"`{place.removeprefix('base.')}`" for place in PLACES.get(name, ())) or "none"
        rows.append((f"`{name}`", shown(row["default"]), row["range"], row["unit"], row["meaning"], places))
    return table(("parameter", "default", "allowed", "unit", "meaning", "in the document"), rows)


def preset_table() -> str:
    """Every preset with the first comment of its file."""
    rows = []
    for name, path in presets().items():
        found = load(name)
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
        exports = ", ".join(f"`{e}`" for e in getattr(found, "exports", ()))
        rows.append((f"`{name}`", found.kind, lines[0].lstrip("# ") if lines else "", exports or "none"))
    return table(("preset", "kind", "what it is", "exports"), rows)


def commands() -> str:
    """Every command with its options."""
    parts = []
    for name, command in _commands(typer.main.get_command(app), ""):
        rows = []
        for option in command.params:
            if option.name == "help":
                continue
            label = ", ".join(option.opts) if option.opts[0].startswith("-") else option.metavar or option.name
            rows.append((f"`{label}`", plain(getattr(option, "help", ""))))
        text = plain(command.help)
        parts.append(f"### `commonwatt {name}`\n\n{text}\n\n{table(('argument', 'meaning'), rows)}")
    return "\n\n".join(parts)


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


@cache
def results() -> cw.Results:
    """The default benchmark, run once."""
    return cw.benchmark()


def ranking() -> str:
    """Of the default benchmark: the best scenario of every mechanism."""
    seen: dict[str, tuple[str, ...]] = {}
    for row in results().ranked("one_meter"):
        m = row.run.metrics
        numbers = (f"{m['total_cost']:.2f}", f"{m['saving']:.2f}", f"{m['losers']:.0f}", f"{m['fairness']:.3f}")
        seen.setdefault(row.market, (str(row.rank), row.tariff, row.market, row.dispatch, *numbers))
    head = ("rank", "tariff", "mechanism", "dispatch", "cost EUR", "saving EUR", "losers", "fairness")
    return table(head, list(seen.values()))


def columns(name: str) -> str:
    """The header line of a file that a study writes."""
    rows = {
        "ranking": results().rows[0].values(),
        "members": {"scenario": "", **next(iter(results().runs.values())).members()[0]},
    }
    return "```text\n" + ",".join(rows[name]) + "\n```"


BLOCKS: dict[str, Callable[..., str]] = {
    "document": document, "stage": stage, "promises": promises, "schemes": schemes, "invariants": invariants,
    "faults": faults, "auctions": auctions, "scorecard": scorecard, "metrics": metric_table,
    "presets": preset_table, "commands": commands, "parameters": parameter_table,
    "ranking": ranking,
    "columns": columns,
}  # fmt: skip


# --- the picture ----------------------------------------------------------------------------------------------------


def picture() -> str:
    """Saving against fairness of the default benchmark, as an SVG that needs no page around it."""
    from commonwatt.reports import figures
    from commonwatt.reports._view import View

    drawing = figures.trade_off(View(results()), "one_meter")
    if drawing is None:
        raise SystemExit("the benchmark has nothing to draw")
    css = (Path(figures.__file__).parent / "page.css").read_text(encoding="utf-8")
    light = css[: css.index("@media")]
    palette = dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{3,6})", light))
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing.svg)
    if size is None:
        raise SystemExit("the figure has no size")
    wide, high = float(size[1]), float(size[2])
    rows = -(-len(drawing.key) // 3)
    total = high + 14 + 18 * rows
    body = drawing.svg[drawing.svg.index(">") + 1 : drawing.svg.rindex("</svg>")]
    key = "".join(
        f'<g transform="translate({14 + (0, 0.28, 0.69)[k % 3] * wide:.1f} {high + 4 + 18 * (k // 3):.1f})">'
        f"{re.sub(r'</?svg[^>]*>', '', mark)}"
        f'<text x="22" y="12" style="font-size: 11px; fill: var(--ink)">{text}</text></g>'
        for k, (mark, text) in enumerate(drawing.key)
    )
    label = re.search(r'aria-label="([^"]*)"', drawing.svg)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {total:g}" width="{1.5 * wide:g}" '
        f'height="{1.5 * total:g}" font-family="system-ui, sans-serif" role="img" '
        f'aria-label="{label[1] if label else drawing.title}">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{body}{key}</svg>\n'
    )
    return re.sub(r"var\(--([a-z0-9-]+)\)", lambda found: palette[found[1]], svg)


def main() -> int:
    """Writes or checks; the exit code."""
    check, stale = "--check" in sys.argv[1:], []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        new = current(text)
        if new != text:
            stale.append(page.relative_to(ROOT).as_posix())
            if not check:
                page.write_text(new, encoding="utf-8", newline="\n")
    if not check:
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(picture(), encoding="utf-8", newline="\n")
    for name in stale:
        sys.stdout.write(f"{'out of date' if check else 'written'}: {name}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
