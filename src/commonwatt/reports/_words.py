"""Numbers and names as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from ..totals import Profile

NONE = "–"
WORLDS = {"own_meters": "own meters", "one_meter": "one meter", "both": "both"}


def number(value: float, digits: int = 2) -> str:
    """With thousands separated, a true minus, no negative zero; a dash where a number has no meaning."""
    if math.isnan(value):
        return NONE
    text = f"{value:,.{digits}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")
    return text.replace("-", "−")


def money(value: float) -> str:
    """Two decimals, none from a hundred thousand on."""
    return number(value, 0 if abs(value) >= 1e5 else 2)


def percent(value: float) -> str:
    """Of a share [-]; one decimal."""
    return NONE if math.isnan(value) else f"{number(100 * value, 1)} %"


def plural(count: int, noun: str) -> str:
    """A count with its noun: `1 member`, `10 members`."""
    many = f"{noun}es" if noun.endswith("ch") else f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {many}" if count else f"no {many}"


def name(kind: str) -> str:
    """A plug-in's name in words; its parameters stay as they are."""
    head, bracket, rest = kind.partition("(")
    return head.replace("_", " ") + (f" ({rest}" if bracket else "")


def sentence(text: str) -> str:
    """With a capital at its beginning."""
    return text[:1].upper() + text[1:]


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def span(community: Profile) -> str:
    """From when to when, in local time, and in how many slots."""
    clock = community.clock
    first, last = clock.stamps[0].astype(object), clock.stamps[-1].astype(object)
    end = last - timedelta(days=1) if last.hour == last.minute == 0 and last > first + timedelta(hours=23) else last
    until = f" to {_day(end)}" if end.date() != first.date() else ""
    minutes = clock.slot / timedelta(minutes=1)
    return f"{_day(first)}{until} ({clock.zone}), {plural(clock.slots, 'slot')} of {minutes:g} minutes"


def _day(moment: object) -> str:
    return f"{moment:%A} {moment:%d}".replace(" 0", " ") + f" {moment:%B %Y}"
