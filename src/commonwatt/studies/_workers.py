"""The runs of a study, one after the other or on several processors: the bits are the same."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .._processors import processors
from ..errors import CommonwattError
from ..flow import Community
from ..run import References, Run, run
from ..scenario import Scenario
from ..store import RunFolder

STRETCHES = 4
"""Parts that each process gets, one after the other."""
FEWEST_PLANS = 8
"""Planned runs from which further processes are worth their start."""


@dataclass(frozen=True)
class Task:
    """A run to be made, and where it is kept."""

    name: str
    scenario: Scenario
    folder: Path | None = None


def processes(tasks: Sequence[Task], asked: int | None) -> int:
    """How many processes to use: as many as `asked`, else one per processor where many plans are to be made."""
    if asked is not None:
        return min(asked, len(tasks))
    plans = sum(not task.scenario.dispatch.causal for task in tasks)
    return min(processors(), len(tasks)) if plans >= FEWEST_PLANS else 1


def in_turn(tasks: Sequence[Task], references: References | None = None) -> Iterator[Run]:
    """Run by run. Scenarios that agree in it share one community, and what its members would pay alone.

    Raises CommonwattError with the scenario's name in front.
    """
    communities: dict[str, Community] = {}
    references = references or References()
    for task in tasks:
        key = _community_key(task.scenario)
        if key not in communities:
            communities[key] = task.scenario.community()
        with _named(task.name):
            yield _run(task, communities[key], references)


def at_once(tasks: Sequence[Task], workers: int) -> Iterator[tuple[list[int], list[Run], float]]:
    """Stretches of runs as they are done: their numbers, the runs, and CPU seconds. Raises as `in_turn` does."""
    size = -(-len(tasks) // (STRETCHES * workers))
    stretches = [list(range(i, min(i + size, len(tasks)))) for i in range(0, len(tasks), size)]
    context, others = multiprocessing.get_context("spawn"), set(multiprocessing.active_children())
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin) as pool:
        waiting = {pool.submit(_stretch, [tasks[k] for k in numbers]): numbers for numbers in stretches}
        try:
            for done in as_completed(waiting):
                yield waiting[done], *done.result()
        finally:
            if not all(future.done() for future in waiting):  # nobody will ask for the rest
                pool.shutdown(wait=False, cancel_futures=True)
                for process in set(multiprocessing.active_children()) - others:
                    process.terminate()


def _begin() -> None:
    """A process that leaves Ctrl-C to the first one, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    first = multiprocessing.parent_process()
    assert first is not None

    def follow() -> None:
        first.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _stretch(tasks: list[Task]) -> tuple[list[Run], float]:
    started = time.process_time()
    return list(in_turn(tasks, _shared())), time.process_time() - started


@cache
def _shared() -> References:
    """What all stretches of this process have in common."""
    return References()


def _run(task: Task, community: Community, references: References) -> Run:
    if task.folder is None:
        return run(task.scenario, community=community, references=references)
    with RunFolder(task.folder, force=True, identity=task.scenario.identity()) as kept:
        result = run(task.scenario, kept, community=community, references=references, folder=kept.partial)
        kept.finish(result)
    return result


@contextmanager
def _named(scenario: str) -> Iterator[None]:
    """Says in which scenario something was found."""
    try:
        yield
    except CommonwattError as error:
        error.args = (f"{scenario}: {error}",)
        raise


def _community_key(scenario: Scenario) -> str:
    """What a community is made of: scenarios that agree in it share one."""
    names = {"source", "devices", "events", "limits", "zones", "seed", "draw"}
    return json.dumps(scenario.model_dump(mode="json", include=names, serialize_as_any=True), sort_keys=True)
