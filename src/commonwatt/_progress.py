"""How far the work is, and whether somebody asked it to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOPPED: list[int] = []
"""Signals that asked this process to stop."""


def stop_if_asked() -> None:
    """Raised again at each step of the work: a library may have swallowed it the first time."""
    if STOPPED:
        raise KeyboardInterrupt if STOPPED[0] == signal.SIGINT else SystemExit(128 + STOPPED[0])


@contextmanager
def bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on the error stream; nothing where nobody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    screen = Console(stderr=True)
    watched = screen.is_terminal and not quiet
    with Progress(*columns, console=screen, transient=True, disable=not watched) as progress:
        task = progress.add_task("", total=None)

        def advance(what: str, done: int, of: int) -> None:
            stop_if_asked()
            progress.update(task, description=what, completed=done, total=of)

        yield advance
