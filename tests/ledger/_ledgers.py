"""Runs that keep a ledger, and their records beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from commonwatt.flow import Community
from commonwatt.ledger import NAME, Closed
from commonwatt.record import Record
from commonwatt.run import Run, opening, run
from commonwatt.scenario import Scenario
from commonwatt.simulate import simulate
from commonwatt.store import RunFolder

SMALL: dict[str, Any] = {
    "source": {"kind": "sample", "members": 4, "slots": 48}, "dispatch": {"kind": "self_consumption"},
    "tariff": {"kind": "time_of_use", "fixed_per_day": 0.3}, "market": {"kind": "mid_market_rate"},
    "pool": {"efficiency": 0.95, "fee_per_kwh": 0.01}, "ledger": {"kind": "hash_chain"},
}  # fmt: skip
"""Two thirds of a morning with every reason there is: trades, grid, pool, coupling, losses, a fee, a charge."""


def scenario(**parts: Any) -> Scenario:
    """The small scenario with other parts."""
    return Scenario.model_validate({**SMALL, **parts})


def store(document: Scenario, path: Path) -> Run:
    """A run in its folder."""
    with RunFolder(path, identity=document.identity()) as folder:
        result = run(document, folder, folder=folder.partial)
        folder.finish(result)
    return result


def book(
    document: Scenario, community: Community, folder: Path | None, *, cut: int | None = None
) -> tuple[Closed, list[Record]]:
    """The ledger of a simulation, and the records it was made from."""
    kept = []
    made = document.ledger.opened(opening(document, document.identity(), community), folder)
    assert made is not None
    with made:
        for window in simulate(document, community, cut=cut):
            kept.append(Record.of(window))
            made.take(kept[-1])
        return made.close(), kept


Command = str | tuple[str, tuple[Any, ...]]


def change(folder: Path, *commands: Command) -> None:
    """Somebody who has the file and SQL."""
    with closing(sqlite3.connect(folder / NAME if folder.is_dir() else folder)) as base:
        base.execute("PRAGMA synchronous = OFF")
        for command in commands:
            base.execute(*((command,) if isinstance(command, str) else command))
        base.commit()


def ask(folder: Path, question: str) -> list[tuple[Any, ...]]:
    """What stands in the file."""
    with closing(sqlite3.connect(folder / NAME if folder.is_dir() else folder)) as base:
        return base.execute(question).fetchall()
