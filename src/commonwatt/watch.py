"""Looking on while something long is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

OnProgress = Callable[[int, float], None]
"""Called now and then with iterations so far and the gap that is believed to be left. [-]"""
Cancel = Callable[[], bool]
"""Asked now and then; true ends the work with the best that was found."""


class Journal(Protocol):
    """Notes plans, and gives back those made before a run was broken off."""

    def found(self, slot: int) -> Mapping[str, Any] | None:
        """The plan made in that slot; none where it has to be made."""

    def add(self, slot: int, plan: Mapping[str, Any]) -> None:
        """Notes a plan made in that slot: arrays by name."""

    def keep(self) -> None:
        """Keeps all that was noted so far: from here on nothing depends on how it was found."""


@dataclass(frozen=True)
class Watch:
    """Who is told how a plan comes along, may end the search for a better one, and notes what was decided."""

    progress: OnProgress | None = None
    cancel: Cancel | None = None
    journal: Journal | None = None


NOBODY = Watch()
