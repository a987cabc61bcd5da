"""Where a result goes: a place that appears when everything is written, and leaves nothing behind when something fails.

What is being written stands beside it under the same name with `.partial`. Only a process that is killed leaves one;
the next that writes to the same place clears it away.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import ScenarioError
from ._manifest import stored_identity

if sys.platform != "win32":
    import fcntl

PARTIAL = ".partial"
REPLACED = ".old.partial"
LONGEST = 60
STOPPING = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Place(ABC):
    """Use as a context: what is written under `partial` becomes `path` at the end.

    Raises ScenarioError, before any work is done, where the place is taken or cannot be written.
    """

    path: Path
    force: bool = False
    _made: list[Path] = field(default_factory=list, repr=False)
    _handle: int | None = field(default=None, repr=False)

    @property
    def target(self) -> Path:
        """The place itself, whatever links lead there."""
        return Path(os.path.realpath(self.path))

    @property
    def partial(self) -> Path:
        """Where files are written meanwhile."""
        return self.target.with_name(self.target.name + PARTIAL)

    @abstractmethod
    def check(self) -> None:
        """Refuses what may not be overwritten."""

    @abstractmethod
    def _begin(self) -> None:
        """Makes an empty `partial`."""

    def __enter__(self) -> Self:
        blocked = next((folder for folder in self.target.parents if folder.exists() and not folder.is_dir()), None)
        if blocked:
            raise ScenarioError(f"{self.path}: {blocked} is a file (§16: no folder); choose another --output")
        self.check()
        self._made = [folder for folder in self.partial.parents if not folder.exists()]
        try:
            with uninterrupted(), writing(self.path):
                self._claim()
        except ScenarioError:
            self._leave()
            raise
        except (KeyboardInterrupt, SystemExit):  # came while claiming: nobody will call __exit__
            self._clear()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with uninterrupted():
            try:
                if kind is None:
                    with writing(self.path):
                        self._swap()
            finally:
                self._clear()

    def _claim(self) -> None:
        if self.partial.exists():
            left = _lock(self.partial, self.path)
            remove(self.partial)
            _unlock(left)
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        self._begin()
        self._handle = _lock(self.partial, self.path)

    def _swap(self) -> None:
        """Moves what stood there away, and the new in its place."""
        old = self.target.with_name(self.target.name + REPLACED)
        remove(old)
        if self.target.is_dir():
            self.target.replace(old)
        try:
            self.partial.replace(self.target)
        except OSError:
            if old.exists():
                old.replace(self.target)
            raise
        remove(old)

    def _clear(self) -> None:
        with contextlib.suppress(OSError):
            remove(self.partial)
        _unlock(self._handle)
        self._handle = None
        self._leave()

    def _leave(self) -> None:
        """Removes the folders that were made on the way, where nothing came into them."""
        for folder in self._made:
            with contextlib.suppress(OSError):
                folder.rmdir()


@dataclass
class Folder(Place):
    """A folder of one identity: another result in it is refused unless `force`, other people's files always (§16)."""

    identity: str = ""

    @property
    def kept(self) -> bool:
        """Whether the same result is there already and need not be computed again."""
        return not self.force and self.path.is_dir() and stored_identity(self.path) == self.identity

    def check(self) -> None:
        if not self.target.name or self.target.is_mount():
            what = f"{self.path}: cannot be replaced as a whole"
            raise ScenarioError(f"{what} (§16); name a folder inside it with --output")
        if self.path.exists() and not self.path.is_dir():
            raise ScenarioError(f"{self.path}: is a file (§16: a result goes to a folder); choose another --output")
        if not self.path.is_dir() or not any(self.path.iterdir()):
            return
        owner = stored_identity(self.path)
        if owner is None:
            what = "holds files that are no result of commonwatt"
            raise ScenarioError(f"{self.path}: {what} (§16: they are never overwritten); choose another --output")
        if owner != self.identity and not self.force:
            what = f"holds another result, {owner[:8]}"
            raise ScenarioError(f"{self.path}: {what} (§16); replace it with --force, or choose another --output")

    def _begin(self) -> None:
        self.partial.mkdir()


@dataclass
class File(Place):
    """A single file; its suffix says its form."""

    suffixes: tuple[str, ...] = ()

    def check(self) -> None:
        if self.path.suffix.lower() not in self.suffixes:
            known = ", ".join(self.suffixes)
            raise ScenarioError(f"{self.path}: unknown suffix {self.path.suffix!r} (§16: a file's form); take {known}")
        if self.path.is_dir():
            raise ScenarioError(f"{self.path}: is a folder (§16: a suffix means a file); choose another --output")
        if self.path.exists() and not self.force:
            raise ScenarioError(f"{self.path}: exists (§16); replace it with --force, or choose another --output")

    def _begin(self) -> None:
        self.partial.touch()


def default_folder(name: str, identity: str) -> Path:
    """Where a result goes unless told otherwise (§16)."""
    return Path("runs") / f"{file_name(name)[:LONGEST] or 'run'}-{identity[:8]}"


def file_name(name: str) -> str:
    """`name` with what a file system might not take as single hyphens."""
    return "-".join("".join(c if c.isalnum() or c in "_." else " " for c in name).split()).strip("-.")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Whatever the disk refuses becomes a ScenarioError that names `path`."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        remedy = "free some space, or choose a place you may write with --output"
        raise ScenarioError(f"{path}: cannot be written: {reason} (§16: whole or not at all); {remedy}") from error


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Lets Ctrl-C and termination wait until the block is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []

    def later(number: int, frame: Any) -> None:
        waiting.append(number)

    before = [(number, signal.signal(number, later)) for number in STOPPING]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    if waiting:
        signal.raise_signal(waiting[0])


def remove(path: Path) -> None:
    """Removes a file, a link or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _lock(partial: Path, path: Path) -> int | None:
    """Holds `partial` until unlocked or the process ends; None where locks are unknown."""
    if sys.platform == "win32":
        return None
    handle = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        what = "is being written by another process"
        raise ScenarioError(f"{path}: {what} (§16: one writer); wait for it, or choose another --output") from error
    except OSError:
        os.close(handle)
        return None
    return handle


def _unlock(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)
