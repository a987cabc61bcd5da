"""A planner's desk: what lies on it from one plan to the next. It makes plans quicker, and changes none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Journal(Protocol):
    """Plans that were made before a run was broken off."""

    def found(self, slot: int) -> Mapping[str, Any] | None:
        """The plan made in that slot; none where it has to be made."""

    def add(self, slot: int, plan: Mapping[str, Any]) -> None:
        """Notes a plan made in that slot."""

    def keep(self) -> None:
        """Keeps all that was noted so far: from here on nothing depends on how it was found."""


@dataclass
class Desk:
    """Models that are changed in place instead of built anew, and plans made already."""

    journal: Journal | None = None
    models: dict[str, Any] = field(default_factory=dict)
