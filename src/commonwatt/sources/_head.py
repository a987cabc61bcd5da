"""``community.yaml``: what the tables of a folder mean (§16)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ..clock import time_zone
from ..errors import DataError, Problems
from ..reading.files import present, read_text
from ..reading.json_file import some
from ..reading.stamps import instant

FILE = "community.yaml"
NEEDED = ("start", "slot_minutes", "zone", "unit", "orientation")
CHOICES = {"unit": ("kW", "kWh"), "orientation": ("columns", "rows")}
MOST_BYTES = 1 << 16


@dataclass(frozen=True)
class Head:
    """Start and length of slots, zone, unit of the profiles, whether members stand in columns or rows, currency."""

    start: datetime
    slot: timedelta
    zone: str
    unit: str
    orientation: str
    currency: str


def read_head(folder: Path, problems: Problems) -> Head | None:
    """The head of a folder that has one; None without one, or with a problem."""
    path = folder / FILE
    found = _entries(path, problems) if present(path) else None
    if found is None:
        return None
    before = len(problems.lines)
    _check_names(found, problems)
    start = instant(found["start"], f"{FILE} start", problems) if "start" in found else None
    minutes = _minutes(found.get("slot_minutes", "15"), problems)
    _check_zone(found.get("zone", "UTC"), problems)
    currency = found.get("currency", "")
    if currency and not re.fullmatch("[A-Z]{3}", currency):
        problems.add(f"{FILE} currency", repr(currency), "§4: an ISO code", "write three capitals such as EUR")
    if start is None or len(problems.lines) > before:
        return None
    return Head(start, timedelta(minutes=minutes), found["zone"], found["unit"], found["orientation"], currency)


def _check_names(found: dict[str, str], problems: Problems) -> None:
    for name in NEEDED:
        if name not in found:
            problems.add(FILE, f"no {name}", f"§16: {', '.join(NEEDED)}", f"add a line {name}: ...")
    for name in found:
        if name not in (*NEEDED, "currency"):
            problems.add(FILE, repr(name), "a known field", f"write one of {some((*NEEDED, 'currency'))}")
    for name, choices in CHOICES.items():
        if name in found and found[name] not in choices:
            problems.add(f"{FILE} {name}", repr(found[name]), "§16", f"write {' or '.join(choices)}")


def _entries(path: Path, problems: Problems) -> dict[str, str] | None:
    """The scalars of a flat mapping, as they are written; no anchors, no key twice."""
    import yaml

    text = read_text(path, MOST_BYTES, problems)
    if text is None:
        return None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path.name} row {mark.line + 1}" if mark else path.name
        what = getattr(error, "problem", None) or "not YAML"
        problems.add(where, str(what), "§16: lines of the form name: value", "mend the line")
        return None
    if not isinstance(node, yaml.MappingNode):
        problems.add(path.name, "no names", "§16: lines of the form name: value", "write start: ... and so on")
        return None
    found: dict[str, str] = {}
    for key, value in node.value:
        where = f"{path.name} row {key.start_mark.line + 1}"
        if not (isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode)):
            problems.add(where, "a nested entry", "§16: one value for each name", "write name: value")
        elif key.value in found:
            problems.add(where, f"{key.value!r} stands twice", "§16: one value for each name", "remove one")
        else:
            found[key.value] = value.value
    return found


def _minutes(text: str, problems: Problems) -> float:
    try:
        minutes = float(text) if re.fullmatch(r"[0-9.]{1,16}", text) else 0.0
    except ValueError:
        minutes = 0.0
    if not 1 / 60 <= minutes <= 24 * 60:
        problems.add(f"{FILE} slot_minutes", repr(text), "§1: minutes up to a day", "write 15, 30 or 60")
        return 15.0
    return minutes


def _check_zone(name: str, problems: Problems) -> None:
    try:
        time_zone(name)
    except DataError:
        problems.add(f"{FILE} zone", repr(name), "§1: an IANA time zone", "write one such as Europe/Berlin or UTC")
