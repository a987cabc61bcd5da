"""Looks in on a long run of HiGHS: tells how far it is, and stops it when asked to."""

from __future__ import annotations

from typing import Any

from ..watch import Cancel, OnProgress

EVERY = 50
"""Calls of HiGHS from one look to the next."""


class Watch:
    """Listens to HiGHS while it runs."""

    def __init__(self, on_progress: OnProgress | None, cancel: Cancel | None) -> None:
        self._on_progress, self._cancel = on_progress, cancel
        self._calls, self._broken = 0, False

    def run(self, highs: Any) -> None:
        """Runs it. Raises KeyboardInterrupt if the user pressed Ctrl-C meanwhile."""
        self._broken = False
        for event in (highs.cbSimplexInterrupt, highs.cbIpmInterrupt, highs.cbMipInterrupt):
            event += self._look
        highs.run()
        highs.disableCallbacks()
        if self._broken:
            raise KeyboardInterrupt

    def _look(self, event: Any) -> None:
        """A signal's handler runs as soon as Python does, which is here."""
        try:
            self._calls += 1
            if self._calls % EVERY:
                return
            said = event.data_out
            if self._on_progress:
                done = max(said.simplex_iteration_count, said.ipm_iteration_count)
                self._on_progress(done, said.mip_gap)
            if self._cancel and self._cancel():
                event.interrupt()
        except KeyboardInterrupt:
            self._broken = True
            event.interrupt()
