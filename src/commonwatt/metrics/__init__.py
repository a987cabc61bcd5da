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
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == module.__name__ and name[0] != "_":
                found[name] = function
    return found


METRICS = _discover()
