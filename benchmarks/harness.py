"""Ours and a peer's doing the same work, compared number by number and then timed in turns."""

from __future__ import annotations

import importlib
import math
import multiprocessing
import pkgutil
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Size = Literal["full", "quick", "tiny"]
Work = Callable[[], NDArray[np.float64] | None]
"""Does the work once; gives the numbers that must agree, or nothing to compare."""
AGREE = 1e-9
"""Largest relative difference between our numbers and the peer's."""
LEAST_SECONDS = 0.05
"""Shorter work is repeated until a measurement takes this long."""


@dataclass(frozen=True)
class Case:
    """One row: our work beside a peer's."""

    name: str
    size: str
    peer: str
    """What the peer is, in words."""
    ours: Callable[[], Work]
    """Gets everything ready that is not measured, and gives our work."""
    theirs: Callable[[], Work]
    goal: float | None
    """By how much ours is to be faster; none: shown for comparison only."""
    scale: float = 1.0
    """Our work over the peer's, where the peer does only a slice: its time counts so many times."""
    same: Callable[[], Work] | None = None
    """Our work on the peer's slice, to compare numbers; none: our work itself."""
    most_mib: float | None = None
    """Memory that our work must stay below. [MiB]"""
    most_s: float | None = None
    """CPU time that our work must stay below. [s]"""


@dataclass(frozen=True)
class Spec:
    """A promise: its name is its file's."""

    name: str
    about: str
    cases: Callable[[Size], Sequence[Case]]
    rounds: int = 7
    missing: Callable[[], str] = str
    """Why its peer cannot be run here; empty where it can."""


@dataclass(frozen=True)
class Row:
    """What was measured. CPU seconds, medians; memory as the peak of the whole process, before any peer is built."""

    spec: str
    size: str
    peer: str
    ours_s: float
    peer_s: float
    ratio: float
    goal: float | None
    ok: bool
    memory_mib: float

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def specs() -> dict[str, Spec]:
    """By name, one per file of the folder."""
    folder = Path(__file__).parent / "specs"
    names = sorted(m.name for m in pkgutil.iter_modules([str(folder)]) if not m.name.startswith("_"))
    found = {name: importlib.import_module(f"{__package__}.specs.{name}").SPEC for name in names}
    wrong = [name for name, spec in found.items() if spec.name != name]
    if wrong:
        raise ValueError(f"specs {wrong}: the name of a spec is its file's")
    return found


def measured(name: str, size: Size) -> list[Row]:
    """The rows of a spec, measured in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(rows, (name, size))


def rows(name: str, size: Size) -> list[Row]:
    """The rows of a spec, measured here."""
    spec = specs()[name]
    rounds = {"full": spec.rounds, "quick": min(spec.rounds, 5), "tiny": 1}[size]
    return [_row(spec, case, rounds, size) for case in spec.cases(size)]


def _row(spec: Spec, case: Case, rounds: int, size: Size) -> Row:
    ours = case.ours()
    numbers = ours()
    memory = peak_mib()
    theirs = case.theirs()
    if case.same is not None:
        numbers = case.same()()
    agree(case.name, numbers, theirs())
    mine, peer = _times([ours, theirs], rounds, least=0.0 if size == "tiny" else LEAST_SECONDS)
    peer *= case.scale
    ratio = peer / mine if mine > 0 else math.inf
    fits = (case.most_mib is None or memory <= case.most_mib) and (case.most_s is None or mine <= case.most_s)
    reached = case.goal is None or ratio >= case.goal
    return Row(case.name, case.size, case.peer, mine, peer, ratio, case.goal, reached and fits, round(memory, 1))


def agree(name: str, ours: NDArray[np.float64] | None, theirs: NDArray[np.float64] | None) -> None:
    """Raises ValueError where two answers differ."""
    if ours is None or theirs is None:
        return
    if ours.shape != theirs.shape:
        raise ValueError(f"{name}: ours has shape {ours.shape}, the peer {theirs.shape}")
    off = np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1.0)
    if not (off <= AGREE).all():
        raise ValueError(f"{name}: ours and the peer differ by {off.max():.1e} of the value")


def _times(works: Sequence[Work], rounds: int, least: float) -> Iterator[float]:
    """Median CPU seconds of each, measured in turns; a single round of long work is done once."""
    once = [_seconds(work, 1) for work in works]
    repeats = [1 if seconds >= least else math.ceil(least / max(seconds, 1e-6)) for seconds in once]
    long = rounds == 1 and max(repeats) == 1
    taken: list[list[float]] = [[seconds] if long else [] for seconds in once]
    for _ in range(0 if long else rounds):
        for k, work in enumerate(works):
            taken[k].append(_seconds(work, repeats[k]))
    yield from (statistics.median(times) for times in taken)


def _seconds(work: Work, repeats: int) -> float:
    before = cpu_seconds()
    for _ in range(repeats):
        work()
    return (cpu_seconds() - before) / repeats


def cpu_seconds() -> float:
    """Of this process and the children it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_mib() -> float:
    """Peak resident memory of this process. [MiB]"""
    status = Path("/proc/self/status")
    if status.is_file():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        if "VmHWM" in lines:
            return int(lines["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
