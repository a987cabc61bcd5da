"""A planner's desk: what lies on it from one plan to the next. It makes plans quicker, and changes none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Desk:
    """Models that are changed in place instead of built anew, by name."""

    models: dict[str, Any] = field(default_factory=dict)
