"""Where things stand in the tables that compiled kernels of the structured interior point method share.

A tile holds L members side by side; a row of it is slots by lanes, M = T L numbers. `flows` are what enters the
balance of a member and a slot, each with a sign there, some with a rate in the level row of a store; behind them
stands one level per store. Tables: variables (R, 15, M), balances (C, 7, M), levels (S, 7, M), pivots (n n per tile,
T, L), rates and costs (rows that have one, M), shares kept (S, M).
"""

from __future__ import annotations

FIRST, FLOWS, STORE, STORES, PIVOT, CELL = range(6)
"""Columns of the table of tiles: first row, how many flows, first store, how many stores, first pivot, cell."""

CLASS, SLOT, SIGN, RATE, COST = range(5)
"""Columns of the table of rows: coupled class, store within the tile, sign in the balance, rate, cost; -1 for none."""

(BELOW, ABOVE, LOWER, UPPER, BY_BELOW, BY_ABOVE, SCALE, REST, WISH, MOVE, MOVE_LOWER, MOVE_UPPER, MORE, MORE_LOWER,
 MORE_UPPER) = range(15)  # fmt: skip
"""What is known of a variable: distances to its bounds, the bounds' duals (0 for what is fixed), 1 / distances,
scaling, dual residual, right-hand side; direction and its correction, those of duals as shares of the duals."""

RIGHT, MISSED, DUAL, TURN, MORE_TURN, FACTOR, LINK = range(7)
"""What is known of a balance or level row: right-hand side, residual, dual, its direction, a correction of that;
1 / diagonal of a balance, coupling of a level to the balance; coupling of a level to the slot before."""
