"""A planner's desk: what lies on it from one plan to the next. It makes plans quicker, and changes none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Desk:
    """What solvers leave behind, by name."""

    models: dict[str, Any] = field(default_factory=dict)
    """Models that are changed in place instead of built anew: those of one run."""
    starts: dict[str, Any] = field(default_factory=dict)
    """Where searches start: any run may use what another one found."""

    def cleared(self) -> Desk:
        """For another run."""
        return Desk(starts=self.starts)
