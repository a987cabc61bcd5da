"""The transport problem: which pairs trade how much, where not every pair may, or a way costs something."""

from __future__ import annotations

import numpy as np

from ..exchange import LEAST_KWH
from ..flow import Array, Index
from ._lp import FINE, optimum


def best_pairs(gain: Array, want: Array, have: Array, arrives: Array | None = None) -> tuple[Index, Index, Array]:
    """Buyers, sellers and kWh delivered (R,) that gain most.

    `gain` (B, S) [money/kWh] per pair, want (B,), have (S,) [kWh]; of what a seller has, `arrives` (B, S) with a buyer,
    all of it without. Only pairs that gain something trade. Where all arrives, each row is a basic column of the
    optimum, so that the pairs form a forest: at most buyers + sellers - 1. Hitchcock 1941,
    doi:10.1002/sapm1941201224.
    """
    buyer, seller = np.nonzero(gain > FINE)
    if not buyer.size:
        return buyer, seller, np.empty(0)
    sent = np.ones(buyer.size) if arrives is None else 1.0 / arrives[buyer, seller]
    rows = np.stack([buyer, want.size + seller], axis=1), np.stack([np.ones(buyer.size), sent], axis=1)
    moved = _solved(gain[buyer, seller], *rows, np.concatenate([want, have]))
    kept = moved > LEAST_KWH
    return buyer[kept], seller[kept], moved[kept]


def _solved(gain: Array, row: Index, factor: Array, most: Array) -> Array:
    """Energy of every pair (P,) [kWh], so that no buyer and no seller moves more than `most` (B + S,).

    `row` and `factor` (P, 2): whose limits each pair counts on, and by how much.
    """
    import highspy

    pairs = gain.size
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = pairs, most.size
    lp.col_cost_ = -gain
    lp.col_lower_, lp.col_upper_ = np.zeros(pairs), np.full(pairs, np.inf)
    lp.row_lower_, lp.row_upper_ = np.full(most.size, -np.inf), most
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.arange(0, 2 * pairs + 1, 2, dtype=np.int32)
    lp.a_matrix_.index_, lp.a_matrix_.value_ = row.ravel().astype(np.int32), factor.ravel()
    moved, _ = optimum(lp, "matching by distance", "pairwise_midpoint")
    return np.maximum(moved, 0.0)
