"""Figures of a study, drawn with matplotlib (extra [reports]) as SVG in the page's own colours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..flow import Array
from ..presets._settlement_export import Daily
from . import _words as words
from ._svg import COLOURS, MARKERS, available, blank, inline, style, swatch
from ._view import Line, View, net_kw

__all__ = ["Drawing", "available", "average_day", "daily_bills", "daily_energy", "duration", "gains", "trade_off"]

DASHES = ("-", "--", ":", "-.")
MOST_ROWS = 24
"""Members shown by name; more are shown as a cloud per mechanism."""
LEAST_MARKS = 3
"""Scenarios of a world that make a scatter worth reading."""
MOST_TITLES = 400
POINTS = 400
"""Most points of a duration curve."""


@dataclass(frozen=True)
class Drawing:
    """A figure with what belongs to it: what to read from it, and its legend (HTML mark, text)."""

    name: str
    title: str
    svg: str
    caption: str
    key: tuple[tuple[str, str], ...] = ()


def trade_off(view: View, world: str) -> Drawing | None:
    """Saving against fairness, one mark per scenario of a world and of the reference; losers are ringed."""
    lines = [x for x in (*view.ranked(world)[::-1], *view.references) if not _nan(x, "saving_share", "fairness")]
    if len(view.ranked(world)) < LEAST_MARKS:
        return None
    name, titles = f"trade-{world}", {}
    with style(name):
        figure = blank(330)
        axes = figure.add_subplot()
        for k, line in enumerate(lines):
            _scenario(axes, line, f"mark{k}")
            if k >= len(lines) - MOST_TITLES:
                titles[f"mark{k}"] = _title(line)
        best = next((x for x in view.ranked(world) if x in lines), None)
        if best:
            _pointed(axes, best)
        axes.set(xlabel="saving [% of what the load alone would cost]", ylabel="fairness of savings [0 to 1]")
        axes.margins(0.09)
        axes.set_ylim(top=1.06)
        alt = f"Scatter of {len(lines)} scenarios: saving against fairness. The ranking table holds the same numbers."
        svg = inline(figure, name, alt, titles)
    caption = (
        "Up is fairer, right saves more: the best scenarios stand top right. A red ring means that somebody pays more "
        "than alone. Without sharing nobody saves, which counts as even: fairness 1 at saving 0."
    )
    places = {tuple(round(line.run.metrics[m], 4) for m in ("saving_share", "fairness")) for line in lines}
    if len(places) < len(lines):
        caption += " Scenarios with equal results lie on top of each other."
    return Drawing(name, "Who saves most, and is it fair?", svg, caption, _scenario_key(lines))


def _scenario(axes: Any, line: Line, gid: str) -> None:
    metrics, shape = line.run.metrics, MARKERS[line.shape % len(MARKERS)]
    x, y = 100 * metrics["saving_share"], metrics["fairness"]
    if metrics["losers"] > 0:
        axes.plot(x, y, "o", ms=13, mfc="none", mec=COLOURS["bad"], mew=1.6, clip_on=False)
    colour = COLOURS[f"m{line.hue}"]
    axes.plot(x, y, shape, ms=7.5, mfc=colour, mec=COLOURS["surface"], mew=0.8, gid=gid, clip_on=False)


def _pointed(axes: Any, best: Line) -> None:
    at = 100 * best.run.metrics["saving_share"], best.run.metrics["fairness"]
    axes.annotate(
        "rank 1", at, xytext=(0, 12), textcoords="offset points", ha="center", va="bottom", weight="bold",
        annotation_clip=False,
    )  # fmt: skip


def _scenario_key(lines: list[Line]) -> tuple[tuple[str, str], ...]:
    rules = {line.rule: line for line in sorted(lines, key=lambda x: x.hue)}
    ways = {line.dispatch: line for line in sorted(lines, key=lambda x: x.shape)}
    marks = [(swatch("o", f"m{x.hue}"), rule) for rule, x in rules.items()]
    shapes = [(swatch(MARKERS[x.shape % len(MARKERS)], "muted"), f"dispatch {way}") for way, x in ways.items()]
    losing = [(swatch("ring", "bad"), "somebody loses")] if any(x.run.metrics["losers"] for x in lines) else []
    return tuple(marks + (shapes if len(shapes) > 1 else []) + losing)


def gains(view: View, world: str) -> Drawing | None:
    """Each member's saving under the best scenario of each mechanism; a cloud per mechanism where members are many."""
    champions = view.champions(world)
    members = view.first.run.facts.community.names
    if not champions or not members:
        return None
    name, many = f"gains-{world}", len(members) > MOST_ROWS
    with style(name):
        figure = blank(70 + 24 * (len(champions) if many else len(members)) + (30 if many else 0))
        axes = figure.add_subplot()
        titles = _cloud(axes, champions, view.currency) if many else _rows(axes, champions, view.currency)
        axes.axvline(0, color=COLOURS["ink"], lw=1)
        axes.set_xlabel(f"saving against standing alone [{view.currency}]")
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.06)
        alt = f"Savings of {len(members)} members under {len(champions)} mechanisms. Right of zero gains, left loses."
        svg = inline(figure, name, alt, titles)
    same = len({x.setting for x in champions}) == 1
    where = f" ({champions[0].setting})" if same else " (each in its best scenario)"
    caption = "Left of the line a member pays more than alone." + (
        f" Every mechanism shares the same community{where}: what differs between the marks of a row is only the rule."
        if len(champions) > 1
        else ""
    )
    if many:
        caption = f"One dot per member{where}; the bar is the median. Left of the line a member pays more than alone."
    key = tuple((swatch("o" if many else _marker(x), f"m{x.hue}"), x.rule) for x in champions)
    return Drawing(name, "Who gains, who loses?", svg, caption, () if many else key)


def _rows(axes: Any, champions: list[Line], currency: str) -> dict[str, str]:
    members, titles = champions[0].run.facts.community.names, {}
    for n in range(len(members)):
        if n % 2 == 0:
            axes.axhspan(n - 0.5, n + 0.5, color=COLOURS["line"], alpha=0.28, lw=0)
    for k, line in enumerate(champions):
        dodge = 0.5 * ((k + 0.5) / len(champions) - 0.5)
        for n, saving in enumerate(line.run.savings.tolist()):
            gid = f"gain{k}-{n}"
            axes.plot(
                saving, n + dodge, _marker(line), ms=6.5, mfc=COLOURS[f"m{line.hue}"], mec=COLOURS["surface"], mew=0.6,
                gid=gid,
            )  # fmt: skip
            titles[gid] = f"{members[n]}, {line.rule}: saves {words.money(saving)} {currency}"
    axes.set_yticks(range(len(members)), [_short(name) for name in members])
    axes.set_ylim(len(members) - 0.5, -0.5)
    return titles


def _cloud(axes: Any, champions: list[Line], currency: str) -> dict[str, str]:
    titles = {}
    for k, line in enumerate(champions):
        savings = np.sort(line.run.savings)
        spread = 0.28 * np.sin(2.399963 * np.arange(savings.size))
        axes.plot(savings, k + spread, "o", ms=3.5, mfc=COLOURS[f"m{line.hue}"], mec="none", alpha=0.6)
        median = float(np.median(savings))
        axes.plot([median, median], [k - 0.38, k + 0.38], color=COLOURS["ink"], lw=2, gid=f"median{k}")
        titles[f"median{k}"] = f"{line.rule}: half of the members save more than {words.money(median)} {currency}"
    axes.set_yticks(range(len(champions)), [_short(x.rule, 24) for x in champions])
    axes.set_ylim(len(champions) - 0.5, -0.5)
    return titles


def average_day(view: View) -> Drawing | None:
    """Load, PV and net import of the whole community at each time of day, mean over days. [kW]"""
    clock = view.community.clock
    hour, at = np.unique(clock.hour, return_inverse=True)
    if hour.size < 3:
        return None
    name, community = "day", view.community
    with style(name):
        figure = blank(290)
        axes = figure.add_subplot()
        pv, load = (_mean(kw.sum(axis=1), at) for kw in (community.pv_kw, community.load_kw))
        axes.fill_between(hour, pv, color=COLOURS["pv"], alpha=0.35, lw=0)
        axes.plot(hour, pv, color=COLOURS["pv"], lw=1.6)
        axes.plot(hour, load, color=COLOURS["load"], lw=2)
        for k, line in enumerate(view.ways):
            axes.plot(hour, _mean(net_kw(line.run), at), DASHES[k % 4], color=COLOURS["ink"], lw=1.4)
        axes.axhline(0, color=COLOURS["muted"], lw=1)
        axes.set(xlabel="local time [h]", ylabel="power of the community [kW]", xlim=(0, 24), xticks=range(0, 25, 4))
        svg = inline(figure, name, "Load, PV and net import of the community over the average day.")
    caption = (
        "Below zero the community as a whole gives to the grid: energy that nobody inside needs at that moment. It is "
        "what storage and shifted loads could still keep inside."
    )
    key = ((swatch("-", "load"), "load"), (swatch("fill", "pv"), "PV"), *_net_key(view))
    return Drawing(name, "The average day", svg, caption, key)


def duration(view: View) -> Drawing | None:
    """Net import of the community in descending order. [kW]"""
    net = {line.dispatch: np.sort(net_kw(line.run))[::-1] for line in view.ways}
    if view.first.run.facts.community.clock.slots < 3:
        return None
    name = "duration"
    with style(name):
        figure = blank(290)
        axes = figure.add_subplot()
        for k, values in enumerate(net.values()):
            at = np.unique(np.linspace(0, values.size - 1, POINTS).round().astype(np.int64))
            axes.plot(100 * at / (values.size - 1), values[at], DASHES[k % 4], color=COLOURS["ink"], lw=1.6)
        axes.axhline(0, color=COLOURS["muted"], lw=1)
        axes.set(xlabel="share of the time [%]", ylabel="net import [kW]", xlim=(0, 100))
        svg = inline(figure, name, "Net import of the community, highest first, for each way of running devices.")
    caption = "Left end: the peak import. Right end: the peak export. The flatter the line, the smaller the connection."
    return Drawing(name, "How hard the connection is used", svg, caption, _net_key(view))


def _net_key(view: View) -> tuple[tuple[str, str], ...]:
    ways = view.ways
    return tuple(
        (swatch(DASHES[k % 4], "ink"), f"net import, {x.dispatch}" if len(ways) > 1 else "net import")
        for k, x in enumerate(ways)
    )


def daily_energy(table: Daily) -> Drawing | None:
    """Mean load of a member and mean PV of a prosumer, day by day. [kWh]"""
    if table.dates.size < 3:
        return None
    name, day = "energy", np.arange(1, table.dates.size + 1)
    with style(name):
        figure = blank(290)
        axes = figure.add_subplot()
        axes.plot(day, table.load_kwh, "-", color=COLOURS["load"], lw=2)
        axes.plot(day, table.pv_kwh, "--", color=COLOURS["pv"], lw=2)
        axes.set(xlabel="day", ylabel="energy per home [kWh a day]", xlim=(1, day[-1]))
        axes.set_ylim(bottom=0)
        svg = inline(figure, name, "Average load per home and average PV per prosumer on every day.")
    key = ((swatch("-", "load"), "load per home"), (swatch("--", "pv"), "PV per prosumer"))
    return Drawing(name, "Load and PV, day by day", svg, "Means over all homes, and over those with PV.", key)


def daily_bills(view: View, table: Daily) -> Drawing | None:
    """What the whole community pays on each day, one line per scenario. [money]"""
    if table.dates.size < 3:
        return None
    name, day = "bills", np.arange(1, table.dates.size + 1)
    lines = sorted(view.lines, key=lambda x: (x.hue, x.shape))
    with style(name):
        figure = blank(290)
        axes = figure.add_subplot()
        for k, line in enumerate(lines):
            axes.plot(day, table.bills[line.row.name], DASHES[k % 4], color=COLOURS[f"m{line.hue}"], lw=1.8)
        axes.set(xlabel="day", ylabel=f"bill of the community [{view.currency} a day]", xlim=(1, day[-1]))
        svg = inline(figure, name, "Bill of the community on every day under each settlement.")
    key = tuple((swatch(DASHES[k % 4], f"m{x.hue}"), words.name(x.row.name)) for k, x in enumerate(lines))
    caption = "The distance to the reference is what sharing is worth on that day."
    return Drawing(name, "The community's bill, day by day", svg, caption, key)


def _mean(values: Array, group: np.ndarray[Any, np.dtype[np.int64]]) -> Array:
    mean: Array = np.bincount(group, weights=values) / np.bincount(group)
    return mean


def _nan(line: Line, *metrics: str) -> bool:
    return any(math.isnan(line.run.metrics[m]) for m in metrics)


def _title(line: Line) -> str:
    m, rank = line.run.metrics, f"{line.row.rank}. " if line.row.rank else ""
    return (
        f"{rank}{line.rule}, {line.setting}: saves {words.percent(m['saving_share'])}, "
        f"fairness {words.number(m['fairness'])}, losers {words.number(m['losers'], 0)}"
    )


def _marker(line: Line) -> str:
    return MARKERS[(line.hue - 1) % len(MARKERS)]


def _short(text: str, most: int = 16) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
