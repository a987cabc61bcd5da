"""Ledgers: Records -> a journal in integers that shows every change. One file per way of adding a block."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from ..registry import Plugin, discover

if TYPE_CHECKING:
    from ._book import Book
    from ._opening import Opening


class Ledger(Plugin):
    """Whether a run keeps a ledger, and what it takes to add a block. It reads records and writes nothing back."""

    @abstractmethod
    def opened(self, opening: Opening, place: Path | None) -> Book | None:
        """The ledger of a run that begins, in the folder `place` or in memory; none where none is kept."""


LEDGERS = discover(__name__, Ledger)  # type: ignore[type-abstract]

from ._check import Checked, check_ledger  # noqa: E402  (they read the registry)
from ._closed import Closed  # noqa: E402
from ._file import NAME  # noqa: E402
from ._opening import Opening  # noqa: E402
from ._proof import Proven, check_proof, proof_of  # noqa: E402
from ._read import Stored, read_ledger  # noqa: E402
from ._replay import Followed  # noqa: E402

__all__ = [
    "LEDGERS", "NAME", "Checked", "Closed", "Followed", "Ledger", "Opening", "Proven", "Stored", "check_ledger",
    "check_proof", "proof_of", "read_ledger",
]  # fmt: skip
