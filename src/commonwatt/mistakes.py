"""What is wrong with a document, one line for each mistake."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

REMEDIES = {
    "extra_forbidden": "`commonwatt list` shows the parameters of every plug-in",
    "missing": "add it",
    "union_tag_not_found": "add `kind:`",
}


def explained(error: Any, names: Callable[[list[str]], list[str]]) -> str:
    """One mistake that pydantic found: where, value, rule, remedy. `names` gives the fields known at a place."""
    place, kind = [str(p) for p in error["loc"]], error["type"]
    place = place[1:] if place[:1] in (["scenario"], ["study"]) else place
    at = ".".join(place) or "document"
    if kind == "extra_forbidden":
        near = get_close_matches(place[-1], names(place[:-1]), 1)
        return f"{at}: unknown parameter (documents are closed); " + (
            f"did you mean {near[0]}?" if near else REMEDIES[kind]
        )
    if kind == "union_tag_invalid":
        known = [tag.strip("' ") for tag in error["ctx"]["expected_tags"].split(",")]
        near = get_close_matches(str(error["ctx"]["tag"]), known, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        return f"{at}.kind = {error['ctx']['tag']!r}: unknown plug-in; {hint}there are {', '.join(known)}"
    shown = repr(error["input"])
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return f"{at} = {shown}: {error['msg'][0].lower()}{error['msg'][1:]}; {REMEDIES.get(kind, 'correct it')}"
