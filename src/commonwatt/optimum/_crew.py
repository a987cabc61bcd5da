"""Threads that share compiled passes. What each part does is fixed, so their number changes no bit."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .._processors import processors

PAYS = 50_000
"""Slots x members from which a second thread saves more than it costs. [-]"""


@dataclass(frozen=True)
class Crew:
    """Some threads, the caller among them."""

    count: int = 1
    _pool: ThreadPoolExecutor | None = None

    def share(self, kernel: Callable[..., None], parts: int, *tables: Any) -> None:
        """Runs kernel(start, stop, *tables) over all parts; it lets go of the interpreter's lock while it runs."""
        count = min(self.count, parts)
        cuts = [parts * n // count for n in range(count + 1)]
        others = [self._pool.submit(kernel, *cut, *tables) for cut in pairwise(cuts[1:]) if self._pool]
        kernel(cuts[0], cuts[1], *tables)
        for other in others:
            other.result()


@contextmanager
def crew(cells: int) -> Iterator[Crew]:
    """As many threads as there are processors; one where the problem is small, or where other processes work beside."""
    count = processors() if cells >= PAYS and multiprocessing.parent_process() is None else 1
    if count == 1:
        yield Crew()
        return
    with ThreadPoolExecutor(count - 1) as pool:
        yield Crew(count, pool)
