"""What can be chosen: plug-ins, metrics, presets and exports, read off the code itself."""

from __future__ import annotations

import io
import json
import textwrap
from difflib import get_close_matches
from typing import Any

from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..bidders import BIDDERS
from ..charges import CHARGES
from ..devices import DEVICES
from ..dispatch import DISPATCH
from ..errors import ScenarioError
from ..forecasts import FORECASTS
from ..ledger import LEDGERS
from ..markets import MARKETS
from ..metrics import METRICS
from ..presets import EXPORTS
from ..registry import Parameter, Plugin, parameters
from ..regulators import REGULATORS
from ..scenario import load, presets
from ..sources import SOURCES
from ..tariffs import TARIFFS

STAGES: dict[str, dict[str, type[Any]]] = {
    "sources": SOURCES, "devices": DEVICES, "tariffs": TARIFFS, "charges": CHARGES, "forecasts": FORECASTS,
    "dispatch": DISPATCH, "markets": MARKETS, "bidders": BIDDERS, "regulators": REGULATORS, "ledgers": LEDGERS,
}  # fmt: skip
KNOWN = (*STAGES, "metrics", "presets", "exports")
NARROWEST = 60
INDENT = 2


def catalogue_text(what: str, width: int) -> str:
    """One part of the catalogue with every parameter, or all parts with a line for each name.

    Raises ScenarioError for an unknown part.
    """
    buffer = io.StringIO()
    console = Console(file=buffer, width=max(width, NARROWEST), highlight=False)
    for part in _wanted(what):
        if what in STAGES:
            _show_plugins(console, STAGES[part])
        else:
            _show_named(console, part, _lines(part))
    if not what:
        console.print("Name one for its parameters: commonwatt list markets")
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()).strip()


def catalogue_data(what: str) -> dict[str, Any]:
    """The same as plain values, for JSON."""
    data: dict[str, Any] = {}
    for part in _wanted(what):
        found = STAGES.get(part)
        data[part] = {kind: _described(cls) for kind, cls in found.items()} if found else _lines(part)
    return data


def _wanted(what: str) -> list[str]:
    if what and what not in KNOWN:
        near = get_close_matches(what, KNOWN, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ScenarioError(f"list {what}: unknown (§15); {hint}name one of {', '.join(KNOWN)}")
    return [what] if what else list(KNOWN)


def _lines(part: str) -> dict[str, str]:
    """A line for each name."""
    if part in STAGES:
        return {kind: _text(cls).partition(". ")[0].rstrip(".") for kind, cls in STAGES[part].items()}
    if part == "metrics":
        return {name: " ".join((metric.__doc__ or "").split()) for name, metric in METRICS.items()}
    if part == "presets":
        return {name: f"{load(name).kind}: {_headline(name)}" for name in presets()}
    return {name: f"writes {export.file}" for name, export in EXPORTS.items()}


def _show_named(console: Console, title: str, named: dict[str, str]) -> None:
    console.print(Text(title, style="bold"))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, INDENT, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for name, text in named.items():
        table.add_row(Text(name), Text(text))
    console.print(Padding(table, (0, 0, 1, INDENT)))


def _show_plugins(console: Console, plugins: dict[str, type[Plugin]]) -> None:
    for kind, plugin in plugins.items():
        console.print(Text(kind, style="bold"))
        promised = promise_line(plugin)
        lines = [_text(plugin), *([f"Promises: {promised}"] if promised else []), *law_lines(plugin)]
        for line in lines:
            wrapped = textwrap.wrap(line, console.width - INDENT)
            console.print(Padding(Text("\n".join(wrapped)), (0, 0, 0, INDENT)))
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, INDENT, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(max_width=24, overflow="fold")
        table.add_column(ratio=1)
        for parameter in parameters(plugin):
            table.add_row(Text(parameter.name), Text(_default(parameter)), Text(_explained(parameter)))
        if table.row_count:
            console.print(Padding(table, (0, 0, 0, 2 * INDENT)))
        console.print()


def _default(parameter: Parameter) -> str:
    value = parameter.default
    kind = getattr(value, "kind", None)
    shown = "none" if value is None or value == () else str(kind if kind else value)
    named = parameter.unit if parameter.unit not in ("", "-") else ""
    return f"{shown} {named}".strip() if isinstance(value, int | float) and not isinstance(value, bool) else shown


def _explained(parameter: Parameter) -> str:
    """Text, then the choices or the unit that the default does not show."""
    number = isinstance(parameter.default, int | float)
    unit = f" [{parameter.unit}]" if parameter.unit not in ("", "-") and not number else ""
    choices = f" ({' | '.join(parameter.choices)})" if parameter.choices else ""
    return parameter.text + unit + choices


def promise_line(plugin: type[Plugin]) -> str:
    """What a mechanism promises with its default parameters; empty for other plug-ins."""
    promise = getattr(plugin(), "promise", None) if hasattr(plugin, "promise") else None
    if promise is None:
        return ""
    flags = {name.replace("_", " "): value for name, value in vars(promise).items() if isinstance(value, bool)}
    kept = [name for name, value in flags.items() if value]
    lost = [name for name, value in flags.items() if not value]
    world = promise.world.replace("_", " ") + (f" by {promise.scope}" if promise.scope != "slot" else "")
    virtual = ["virtual: bills stay, an incentive is paid"] if promise.legal_world == "virtual" else []
    paid = [f"borne by the {promise.payer}"] if promise.payer else []
    return "; ".join([f"{world}, {', '.join(kept)}", *([f"not {', '.join(lost)}"] if lost else []), *virtual, *paid])


def law_lines(plugin: type[Plugin]) -> list[str]:
    """What a regulated scheme rests on, and since when its numbers hold; nothing for other plug-ins."""
    law = getattr(plugin(), "law", None)
    if law is None:
        return []
    days = ", ".join(str(version.valid_from) for version in law.versions)
    return [f"Law ({law.country}): {law.law}. Numbers from {days} on."]


def _described(plugin: type[Plugin]) -> dict[str, Any]:
    law = law_lines(plugin)
    found: dict[str, Any] = {"text": _text(plugin), **({"law": law[0]} if law else {})}
    found["parameters"] = {
        p.name: {"default": _plain(p.default), "unit": p.unit, "choices": list(p.choices), "text": p.text}
        for p in parameters(plugin)
    }
    promised = promise_line(plugin)
    return {**found, "promises": promised} if promised else found


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(to_jsonable_python(value, serialize_unknown=True)))


def _text(plugin: type[Plugin]) -> str:
    return " ".join((plugin.__doc__ or "").split())


def _headline(name: str) -> str:
    """The first comment of a preset's file."""
    for line in presets()[name].read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            return line.lstrip("# ")
    return ""
