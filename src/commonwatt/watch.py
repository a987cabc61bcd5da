"""Looking on while something long is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

OnProgress = Callable[[int, float], None]
"""Called now and then with iterations so far and the gap that is believed to be left. [-]"""
Cancel = Callable[[], bool]
"""Asked now and then; true ends the work with the best that was found."""


@dataclass(frozen=True)
class Watch:
    """Who is told how a plan comes along, and may end the search for a better one."""

    progress: OnProgress | None = None
    cancel: Cancel | None = None


NOBODY = Watch()
