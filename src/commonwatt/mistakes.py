"""What is wrong with a document, one line for each mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches
from typing import Any

REMEDIES = {
    "extra_forbidden": "`commonwatt list` shows the parameters of every plug-in",
    "missing": "add it",
    "union_tag_not_found": "add `kind:`",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number, with a decimal point",
    "finite_number": "write a number, or leave it out",
    "string_type": "write text, in quotes if it looks like something else",
    "tuple_type": "write a list: [...]",
    "dict_type": "write names and values: {...}",
    "model_type": "write names and values: {...}",
    "model_attributes_type": "write names and values: {kind: ...}",
    "date_from_datetime_parsing": "write it like 2025-06-02",
    "repeated": "remove one of the two",
}
BOUNDS = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}
LONGEST = 60
"""Characters of a value that are shown."""


def explained(
    error: Any, names: Callable[[list[str]], list[str]], kinds: Callable[[str], Collection[str]] = lambda _: ()
) -> str:
    """One mistake that pydantic found: where, value, rule, remedy.

    `names` gives the fields known at a place, `kinds` the plug-ins that a part of a document chooses from.
    """
    place, kind = list(error["loc"]), error["type"]
    place = place[1:] if place[:1] in (["scenario"], ["study"]) else place
    at = written(place, kinds) or "document"
    if kind == "extra_forbidden":
        near = get_close_matches(str(place[-1]), names([str(p) for p in place[:-1]]), 1)
        return f"{at}: unknown parameter (documents are closed); " + (
            f"did you mean {near[0]}?" if near else REMEDIES[kind]
        )
    if kind == "union_tag_invalid":
        known = [tag.strip("' ") for tag in error["ctx"]["expected_tags"].split(",")]
        hint = _meant(str(error["ctx"]["tag"]), known)
        return f"{at}.kind = {error['ctx']['tag']!r}: unknown plug-in; {hint}there are {', '.join(known)}"
    if kind == "value_error":
        return _refused(at, error)
    return f"{at} = {_shown(error['input'])}: {error['msg'][:1].lower()}{error['msg'][1:]}; {_remedy(error)}"


def written(place: Sequence[int | str], kinds: Callable[[str], Collection[str]]) -> str:
    """A place as its document has it, ``axes.market[1].spread``: without the kind that pydantic puts behind a part."""
    out, part = "", ""
    for step in place:
        if isinstance(step, int):
            out += f"[{step}]"
        elif step in kinds(part):
            part = ""
        else:
            out, part = f"{out}.{step}" if out else step, step
    return out


def _refused(at: str, error: Any) -> str:
    """What a plug-in's own check says; it names the rule and the remedy, and for several fields also the field."""
    text = str(error["ctx"]["error"])
    if isinstance(error["input"], dict):
        return f"{at}.{text}"
    return f"{at} = {_shown(error['input'])}: {text}"


def _remedy(error: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    bounds = [f"{words} {context[key]:g}" for key, words in BOUNDS.items() if isinstance(context.get(key), int | float)]
    if bounds:
        return f"write a number {' and '.join(bounds)}"
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"])
        return _meant(str(error["input"]), known) + f"write {'one of ' if len(known) > 1 else ''}{context['expected']}"
    return REMEDIES.get(kind, "`commonwatt list` and `commonwatt schema` say what may stand there")


def _meant(given: str, known: list[str]) -> str:
    near = get_close_matches(given, known, 1)
    return f"did you mean {near[0]}? " if near else ""


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 3] + "..."
