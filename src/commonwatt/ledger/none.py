"""No ledger."""

from pathlib import Path
from typing import Literal

from . import Ledger
from ._opening import Opening


class NoLedger(Ledger):
    """No ledger is kept."""

    kind: Literal["none"] = "none"

    def opened(self, opening: Opening, place: Path | None) -> None:
        return None
