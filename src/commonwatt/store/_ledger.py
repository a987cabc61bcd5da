"""The ledger of a stored run, held against its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import AuditError, DataError
from ..ledger import NAME, Checked
from ._manifest import REMEDY, sha


def check_same(folder: Path, stored: dict[str, Any], found: Checked) -> None:
    """Raises AuditError where a sound ledger is not the one that its run's manifest names, to the byte."""
    said, path = stored.get("ledger"), folder / NAME
    if not said:
        raise DataError(f"{folder}: this run keeps no ledger (§16); run it with `ledger: {{kind: hash_chain}}`")
    for name in ("chain", "head", "entries", "pending"):
        if said[name] != getattr(found, name):
            what = f"its {name} is {getattr(found, name)}, that of the run is {said[name]}"
            raise AuditError(f"L1 broken: {path} is sound, but another ledger: {what} (§11); {REMEDY}")
    if sha(path) != stored["files"][NAME]:
        what = "all entries, blocks and signatures are as they were, but not all bytes"
        raise AuditError(f"L1 broken: {path} has changed since it was written: {what} (§11); {REMEDY}")
