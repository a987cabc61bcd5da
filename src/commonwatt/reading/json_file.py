"""JSON from outside: no key twice, no NaN, no depth or size without end; and fields checked one by one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..errors import Problems
from ..noun import Array
from .files import MOST_BYTES_SMALL, read_text

MOST_DEPTH = 20


def read_json(path: Path, problems: Problems, most: int = MOST_BYTES_SMALL) -> Any:
    """What the file holds, or None and a problem (`null` counts as a problem too)."""
    text = read_text(path, most, problems)
    if text is None:
        return None
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        deep = _deeper_than(value, MOST_DEPTH)
    except json.JSONDecodeError as error:
        where = f"{path.name} row {error.lineno}, character {error.colno}"
        problems.add(where, error.msg, "JSON", "mend the file; a JSON checker shows the place")
        return None
    except (ValueError, RecursionError) as error:
        what = "nested without end" if isinstance(error, RecursionError) else str(error)
        problems.add(path.name, what, "JSON with numbers and each key once", "mend the file")
        return None
    if deep or value is None:
        what = f"nested deeper than {MOST_DEPTH}" if deep else "null"
        problems.add(path.name, what, "JSON that lists its entries", "mend the file")
        return None
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key!r} stands twice")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _deeper_than(value: Any, most: int) -> bool:
    layer = [value]
    for _ in range(most):
        inner: list[Any] = []
        for each in layer:
            inner.extend(each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        layer = [each for each in inner if isinstance(each, (dict, list))]
        if not layer:
            return False
    return True


def is_number(value: Any) -> bool:
    """Whether it is a finite number (true and false are none)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def number(
    entry: Mapping[str, Any], key: str, where: str, problems: Problems, *, least: float = 0.0, most: float = math.inf
) -> float:
    """The number under `key`, between `least` and `most`; else a problem, and 0."""
    value = entry.get(key)
    if not is_number(value):
        problems.add(f"{where}, {key}", _short(value), "§3: a quantity is a number", "write a number")
        return 0.0
    found = float(value)  # type: ignore[arg-type]
    if not least <= found <= most:
        limits = f"at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        problems.add(f"{where}, {key}", _short(value), f"§3: {limits}", "correct the number")
        return 0.0
    return found


def per_slot(value: Any, where: str, slots: int, problems: Problems) -> Array | float:
    """A number of at least 0, or one for each slot; else a problem, and 0."""
    if not isinstance(value, list):
        return number({"": value}, "", where, problems)
    if len(value) != slots:
        rule = f"one number for each of {slots} slots"
        problems.add(where, f"{len(value)} numbers", rule, "give it the length of the load table")
        return 0.0
    wrong = [k for k, each in enumerate(value) if not is_number(each) or each < 0]
    for k in wrong[:20]:
        problems.add(f"{where}, step {k}", _short(value[k]), "§3: energy is a number of at least 0", "write kWh")
    return 0.0 if wrong else np.array(value, dtype=np.float64)


def entries(value: Any, names: tuple[str, ...], file: str, problems: Problems) -> list[tuple[int, str, dict[str, Any]]]:
    """The members' entries of a list or a map: (member, where, entry).

    A list goes by the members' order, or by the key `member` where its entries have one; a map goes by name.
    """
    if isinstance(value, dict):
        labelled = [(f"{file} {name!r}", name, entry) for name, entry in value.items()]
    elif isinstance(value, list):
        labelled = _listed(value, names, file, problems)
    else:
        problems.add(file, _short(value), "a list or a map by member", "write one entry for each member")
        return []
    index = {name: n for n, name in enumerate(names)}
    found = []
    for where, name, entry in labelled:
        if not isinstance(name, str) or name not in index:
            problems.add(where, _short(name), "a member of the load table", f"write one of {some(names)}")
        elif not isinstance(entry, dict):
            problems.add(where, _short(entry), "an entry with named fields", 'write {"field": number}')
        else:
            found.append((index[name], where, entry))
    return found


def _listed(value: list[Any], names: tuple[str, ...], file: str, problems: Problems) -> list[tuple[str, Any, Any]]:
    named = [isinstance(entry, dict) and "member" in entry for entry in value]
    if any(named):
        return [
            (f"{file} entry {k + 1}", entry.get("member") if has else None, entry)
            for k, (has, entry) in enumerate(zip(named, value, strict=True))
        ]
    if len(value) != len(names):
        rule = f"one entry for each of {len(names)} members"
        problems.add(file, f"{len(value)} entries", rule, 'complete the list, or name each entry\'s "member"')
        return []
    return [(f"{file} entry {k + 1}", name, entry) for k, (name, entry) in enumerate(zip(names, value, strict=True))]


def closed(entry: Mapping[str, Any], known: tuple[str, ...], where: str, problems: Problems) -> None:
    """Reports fields that nobody reads."""
    for key in entry:
        if key not in known:
            problems.add(where, repr(key), "a known field", f"write one of {some(known)}")


def some(names: tuple[str, ...], most: int = 8) -> str:
    """Names as a short list."""
    return ", ".join([*names[:most], *(["..."] if len(names) > most else [])])


def _short(value: Any, most: int = 40) -> str:
    try:
        text = repr(value)
    except ValueError:
        return "a number of too many digits"
    return text if len(text) <= most else f"{text[:most]}..."
