"""Plans of a run that is under way, beside its folder: a killed run goes on from them, to the same bits.

Plans are kept in groups, each a file that appears whole. After a group nothing depends on how its plans were found, so
what follows is the same as if nobody had interrupted. The folder goes when the run is finished.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ._place import remove, writing

SUFFIX = ".plans.partial"
IDENTITY = "identity.json"
BROKEN = OSError, ValueError, KeyError, zipfile.BadZipFile


@dataclass
class Plans:
    """The plans of one identity in a folder; those of another are cleared away."""

    path: Path
    identity: str
    _waiting: dict[int, dict[str, Any]] = field(default_factory=dict)
    _group: dict[int, dict[str, Any]] = field(default_factory=dict)

    def open(self, *, force: bool) -> None:
        """Before a run; with `force` none of what is there counts."""
        if force or not self._are_ours():
            self.clear()

    def found(self, slot: int) -> Mapping[str, Any] | None:
        """The plan made in that slot; none where it has to be made."""
        if slot not in self._group:
            self._group = self._read(slot)
        return self._group.get(slot)

    def add(self, slot: int, plan: Mapping[str, Any]) -> None:
        """Notes a plan made in that slot."""
        self._waiting[slot] = dict(plan)

    def keep(self) -> None:
        """Keeps all that was noted so far as one group, named by its first slot."""
        with writing(self.path):
            if not self.path.is_dir():
                self.path.mkdir(parents=True)
                (self.path / IDENTITY).write_text(json.dumps(self.identity), encoding="utf-8")
            half, whole = self.path / "half", self._file(min(self._waiting))
            with half.open("wb") as file:
                np.savez_compressed(
                    file, **{f"{slot}/{n}": v for slot, plan in self._waiting.items() for n, v in plan.items()}
                )
            half.replace(whole)
        self._waiting.clear()

    def clear(self) -> None:
        """When the run is done, or nobody will go on with it."""
        remove(self.path)

    def _are_ours(self) -> bool:
        try:
            return bool(json.loads((self.path / IDENTITY).read_text(encoding="utf-8")) == self.identity)
        except BROKEN:
            return False

    def _file(self, slot: int) -> Path:
        return self.path / f"{slot:09d}.npz"

    def _read(self, slot: int) -> dict[int, dict[str, Any]]:
        """The group that begins with that slot; empty where there is none that can be read."""
        found: dict[int, dict[str, Any]] = {}
        try:
            with self._file(slot).open("rb") as file, np.load(file, allow_pickle=False) as kept:
                for name in kept.files:
                    at, _, part = name.partition("/")
                    found.setdefault(int(at), {})[part] = kept[name]
        except BROKEN:
            return {}
        return found
