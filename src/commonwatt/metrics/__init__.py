"""Metrics: Facts -> number. One public function is one metric; its docstring names its unit.

NaN says that a number would have no meaning there (no PV to consume, negative values in a Gini index).
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable

from ..totals import Facts

Metric = Callable[[Facts], float]


def _discover() -> dict[str, Metric]:
    found: dict[str, Metric] = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        found |= {name: f for name, f in vars(module).items() if _public(name, f, module.__name__)}
    return found


def _public(name: str, member: object, module: str) -> bool:
    return inspect.isfunction(member) and member.__module__ == module and not name.startswith("_")


METRICS = _discover()
