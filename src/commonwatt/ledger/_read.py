"""Stored ledgers, read: opened without changing a byte, column by column."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..accounts import Account
from ..errors import AuditError, DataError
from ..noun import Index
from ._file import NAME, TABLES
from ._journal import places
from ._opening import Charter, Party
from ._units import MICRO

if TYPE_CHECKING:
    import sqlite3

    import pandas as pd

REMEDY = "restore the file, or run again with --force"


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A ledger, to read. Raises DataError where there is none, AuditError where it cannot be read as one.

    What a killed writer had not finished is taken back first: the last whole block is then the last.
    """
    import sqlite3

    path = path / NAME if path.is_dir() else path
    if not path.is_file():
        raise DataError(f"{path}: no ledger there (§16); run the scenario with `ledger: {{kind: hash_chain}}`")
    stopped = path.with_name(path.name + "-journal").exists()
    where = path.absolute().as_uri() + ("?mode=rw" if stopped else "?mode=ro")
    with readable(), closing(sqlite3.connect(where, uri=True)) as base:
        yield base


@contextmanager
def readable() -> Iterator[None]:
    """Whatever is wrong with a ledger's form becomes an AuditError."""
    import sqlite3

    try:
        yield
    except (sqlite3.Error, ValueError, TypeError, KeyError, OverflowError, AttributeError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise AuditError(f"L1 broken: the ledger cannot be read: {reason}; {REMEDY}") from error


def rows(base: sqlite3.Connection, table: str, order: str) -> sqlite3.Cursor:
    """All rows of a table, in order, with the columns it was made with."""
    names = ", ".join(column.split()[0] for column in TABLES[table].split(", "))
    return base.execute(f"SELECT {names} FROM {table} ORDER BY {order}")


def whole(values: Sequence[Any]) -> Index:
    """Whole numbers as they are. Raises TypeError or OverflowError for anything else."""
    return np.frombuffer(array("q", values), np.int64)


def read_charter(base: sqlite3.Connection) -> Charter:
    """How the ledger begins. Raises ValueError and its like for what is none."""
    facts = dict(rows(base, "header", "name"))
    parties = [Party(*row) for row in rows(base, "party", "number < 0, abs(number)")]
    members = len(parties) - len(Account)
    numbers = [party.number for party in parties]
    if numbers != [*range(members), *map(int, Account)]:
        raise ValueError("its parties are not members from 0 on and all accounts")
    return Charter(facts, tuple(parties))


@dataclass(frozen=True)
class Stored:
    """A ledger's entries, in the order of the chain: columns of equal length."""

    names: tuple[str, ...]
    """Of the members, then of the accounts."""
    number: Index
    block: Index
    """The block that holds the entry; -1 for one that is pending."""
    slot: Index
    trade: Index
    """Number of the trade in the run; -1 for anything else."""
    payer: Index
    """Gets the energy and pays: members are 0, 1, 2, ..., accounts negative."""
    payee: Index
    micro_kwh: Index
    micro_money: Index
    reason: NDArray[np.object_]

    def frame(self) -> pd.DataFrame:
        """The entries as a DataFrame, with names in place of numbers, in kWh and money."""
        import pandas as pd

        names, members = np.array(self.names, object), len(self.names) - len(Account)
        columns = {
            "block": self.block, "slot": self.slot, "trade": self.trade, "reason": self.reason,
            "payer": names[places(self.payer, members)], "payee": names[places(self.payee, members)],
            "kwh": self.kwh, "money": self.money,
        }  # fmt: skip
        return pd.DataFrame(columns, index=pd.Index(self.number, name="number"))

    @property
    def kwh(self) -> NDArray[np.float64]:
        """Energy from payee to payer. [kWh]"""
        return self.micro_kwh / MICRO

    @property
    def money(self) -> NDArray[np.float64]:
        """Money from payer to payee."""
        return self.micro_money / MICRO


def read_ledger(path: Path) -> Stored:
    """The entries of a stored ledger: of a run's folder, or a file. Checks nothing: `check_ledger` does.

    Raises DataError where there is none, AuditError where it cannot be read as one.
    """
    with opened(path) as base:
        return stored(base)


def stored(base: sqlite3.Connection) -> Stored:
    """The entries of an open ledger."""
    charter = read_charter(base)
    numbers, *columns, reasons, _ = list(zip(*rows(base, "entry", "number"), strict=True)) or [()] * 9
    starts = [row[2] for row in rows(base, "block", "height")]
    last = sum(row[3] for row in rows(base, "block", "height"))
    number = whole(numbers)
    block = np.searchsorted(whole(starts), number, side="right") - 1
    trade, slot, payer, payee, kwh, money = map(whole, columns)
    return Stored(
        names=charter.names, number=number, block=np.where(number < last, block, -1), slot=slot,
        trade=trade, payer=payer, payee=payee, micro_kwh=kwh, micro_money=money, reason=np.array(reasons, object),
    )  # fmt: skip
