"""How members are laid out for the structured interior point method: in tiles, neighbours alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..flow import Array, Index, Mask
from ._block_kinds import MEMBER, STORE, Kind

LANES = 16
"""Members per tile."""
GROUPS, FEWEST = 8, 8
"""Parts that threads share, fixed so that the number of threads changes no bit; tiles in a part at least."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a tile: its kind, what stands in each lane (member or store, -1 for nothing), its store's slot."""

    kind: str
    column: Index
    slot: int = -1


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Rows tile by tile, first flows and then levels; members and stores in each; groups of tiles."""

    tiles: list[list[Row]]
    member: Index
    """(C, L), -1 for none"""
    store: list[Index]
    """(n, L) per tile, -1 for none"""
    group: Index
    """(G, 2): first tile of each group, and first one beyond it."""
    cell: Index
    """(C,)"""

    @cached_property
    def rows(self) -> dict[str, Index]:
        """Numbers of all rows of a kind."""
        flat = [row.kind for tile in self.tiles for row in tile]
        return {kind: np.flatnonzero([k == kind for k in flat]) for kind in dict.fromkeys(flat)}

    @cached_property
    def columns(self) -> dict[str, Index]:
        """What stands in their lanes. (rows, L)"""
        flat = [row for tile in self.tiles for row in tile]
        return {kind: np.array([flat[r].column for r in numbers]) for kind, numbers in self.rows.items()}


def layout(owner: Index, found: Mapping[str, Kind], cell: Index, account: Index, stores: int) -> Layout:
    """Members with like devices side by side; all members of a tile belong to one cell (N,).

    Accounts (K,) of a shared battery, -1 for none, stand in rows of their own; so do meters, from number `stores` on.
    """
    here: dict[str, Mask] = {name: np.asarray(kind.free.any(axis=0)) for name, kind in found.items()}
    members, two_way = cell.size, here["discharge"]
    count, slot = np.bincount(owner, minlength=members), _slots(owner, two_way, account)
    keys: list[NDArray[Any]] = [here[name] for name in MEMBER if name in here]
    keys += [np.bincount(owner, account == j, members) for j in range(int(account.max(initial=-1)) + 1)]
    order = np.lexsort((np.arange(members), *keys, np.bincount(owner, two_way, members), count, cell))
    member, cells = _dealt(order, cell)
    at = np.full((members + 1, int(slot.max(initial=-1)) + 1), -1)
    at[owner, slot] = np.arange(owner.size)
    store = [np.ascontiguousarray(at[lanes][:, (at[lanes] >= 0).any(axis=0)].T) for lanes in member]
    tiles = [_rows(lanes, mine, here, stores) for lanes, mine in zip(member, store, strict=True)]
    return Layout(tiles=tiles, member=member, store=store, cell=cells, group=_groups(cells))


def _slots(owner: Index, two_way: Mask, account: Index) -> Index:
    """Where each store stands among its owner's: accounts first, each shared battery's in the same place. (K,)"""
    slot, own = np.array(account), np.flatnonzero(account < 0)
    ordered = own[np.lexsort((own, ~two_way[own], owner[own]))]
    count = np.bincount(owner[own])
    slot[ordered] = account.max(initial=-1) + 1 + np.arange(own.size) - np.repeat(np.cumsum(count) - count, count)
    return slot


def _dealt(order: Index, cell: Index) -> tuple[Index, Index]:
    """Members in this order, LANES to a tile, and each tile's cell."""
    tiles, cells = list[Index](), list[int]()
    for number in np.unique(cell):
        mine = order[cell[order] == number]
        padded = np.full(-(-mine.size // LANES) * LANES, -1)
        padded[: mine.size] = mine
        tiles.append(padded.reshape(-1, LANES))
        cells += [int(number)] * len(tiles[-1])
    return np.concatenate(tiles), np.array(cells)


def _rows(lanes: Index, stores: Index, here: Mapping[str, Mask], meters: int) -> list[Row]:
    """What any of a tile's members has; what a meter reads is what its store gives."""
    read = {"pool_in": next((slot for slot, column in enumerate(stores) if column.max() >= meters), -1)}

    def any_of(name: str, column: Index) -> bool:
        return name in here and bool(here[name][column[column >= 0]].any())

    rows = [Row(kind=name, column=lanes, slot=read.get(name, -1)) for name in MEMBER if any_of(name, lanes)]
    for slot, column in enumerate(stores):
        rows += [Row(kind=name, column=column, slot=slot) for name in STORE if any_of(name, column)]
    return rows + [Row(kind="level", column=column, slot=slot) for slot, column in enumerate(stores)]


def _groups(cells: Index) -> Index:
    """Tiles in parts of about equal size, none across cells."""
    each = max(-(-cells.size // GROUPS), FEWEST)
    starts = np.flatnonzero(np.diff(cells, prepend=cells[0] - 1))
    firsts = [
        t for start, stop in zip(starts, [*starts[1:], cells.size], strict=True) for t in range(start, stop, each)
    ]
    return np.array(list(zip(firsts, [*firsts[1:], cells.size], strict=True)), np.int64)


def packed(table: Array, columns: Index) -> Array:
    """A table (T, X) as rows of lanes. (rows, L) -> (rows, T L); 0 where nothing stands"""
    slots, lanes = table.shape[0], columns.shape[1]
    found = table[:, columns.ravel()] if table.size else np.zeros((slots, columns.size))
    found = np.where(columns.ravel() >= 0, found, 0.0).reshape(slots, len(columns), lanes)
    return np.ascontiguousarray(found.transpose(1, 0, 2)).reshape(len(columns), slots * lanes)


def unpacked(rows: Array, columns: Index, shape: tuple[int, int]) -> Array:
    """The other way round; 0 where nothing stands."""
    table, flat = np.zeros(shape), columns.ravel()
    lanes = rows.reshape(len(columns), shape[0], columns.shape[1]).transpose(1, 0, 2).reshape(shape[0], -1)
    table[:, flat[flat >= 0]] = lanes[:, flat >= 0]
    return table
