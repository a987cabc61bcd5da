"""What can be chosen: plug-ins, metrics, presets and exports, read off the code itself."""

from __future__ import annotations

import io
import json
from typing import Any

from rich.console import Console

from ..devices import DEVICES
from ..dispatch import DISPATCH
from ..errors import ScenarioError
from ..forecasts import FORECASTS
from ..markets import MARKETS
from ..metrics import METRICS
from ..presets import EXPORTS
from ..registry import Plugin, parameters
from ..regulators import REGULATORS
from ..scenario import load, presets
from ..sources import SOURCES
from ..tariffs import TARIFFS
from . import screen

STAGES: dict[str, dict[str, type[Any]]] = {
    "sources": SOURCES, "devices": DEVICES, "tariffs": TARIFFS, "forecasts": FORECASTS, "dispatch": DISPATCH,
    "markets": MARKETS, "regulators": REGULATORS,
}  # fmt: skip


def named(what: str) -> dict[str, str] | None:
    """Names with a line each, for what has no parameters; None for a stage."""
    if what == "metrics":
        return {name: " ".join((metric.__doc__ or "").split()) for name, metric in METRICS.items()}
    if what == "presets":
        return {name: f"{load(name).kind}: {_headline(name)}" for name in presets()}
    return {name: file for name, (file, _) in EXPORTS.items()} if what == "exports" else None


def show_catalogue(what: str, *, as_json: bool, width: int) -> str:
    """The text of one part of the catalogue, or of all. Raises ScenarioError for an unknown part."""
    known = [*STAGES, "metrics", "presets", "exports"]
    if what and what not in known:
        raise ScenarioError(f"list {what}: there are {', '.join(known)}; name one of them")
    wanted = [what] if what else known
    if as_json:
        return json.dumps({part: _plain(part) for part in wanted}, indent=2, default=str)
    buffer = io.StringIO()
    console = Console(file=buffer, width=max(width, 60))
    for part in wanted:
        lines = named(part)
        if lines is not None:
            screen.show_named(console, part, lines)
        elif what:
            screen.show_plugins(console, part, STAGES[part])
        else:
            screen.show_named(console, part, {kind: _first_line(cls) for kind, cls in STAGES[part].items()})
    return buffer.getvalue().rstrip()


def _plain(part: str) -> Any:
    lines = named(part)
    return lines if lines is not None else {kind: _described(cls) for kind, cls in STAGES[part].items()}


def _described(plugin: type[Plugin]) -> dict[str, Any]:
    promised = screen.promise_line(plugin)
    found: dict[str, Any] = {
        "text": " ".join((plugin.__doc__ or "").split()),
        "parameters": {p.name: {"default": p.default, "unit": p.unit, "choices": list(p.choices), "text": p.text}
                       for p in parameters(plugin)},
    }  # fmt: skip
    return {**found, "promises": promised} if promised else found


def _first_line(plugin: type[Plugin]) -> str:
    return (plugin.__doc__ or "").strip().splitlines()[0]


def _headline(name: str) -> str:
    """The first comment of a preset's file."""
    for line in presets()[name].read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            return line.lstrip("# ")
    return ""
