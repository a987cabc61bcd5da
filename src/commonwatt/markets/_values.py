"""Points that a game singles out. A game is an array over groups (2^N,), by bit pattern; member 0 is the lowest bit."""

from __future__ import annotations

from functools import lru_cache
from math import comb

import numpy as np

from ..flow import Array, Index
from ..streams import Streams


def member_count(game: Array) -> int:
    """How many members a game has."""
    return int(game.size).bit_length() - 1


def shapley_value(game: Array) -> Array:
    """Each member's mean marginal contribution over all orders of joining. (2^N,) -> (N,)

    Shapley 1953, A value for n-person games.
    """
    members = member_count(game)
    group = np.arange(game.size)
    size = np.bitwise_count(group)
    weight = np.array([1 / (members * comb(members - 1, k)) for k in range(members)])
    value = np.empty(members)
    for n in range(members):
        without = group[(group >> n) & 1 == 0]
        value[n] = (weight[size[without]] * (game[without | 1 << n] - game[without])).sum()
    return value


def saving_game(costs: Array) -> tuple[Array, Array]:
    """What each member pays alone (N,), and what each group saves by sharing one meter (2^N,)."""
    from .._games import sums_of_groups

    alone = costs[1 << np.arange(member_count(costs))]
    return alone, sums_of_groups(alone) - costs


@lru_cache(maxsize=8)
def sampled_orders(seed: int, pairs: int, members: int) -> Index:
    """Orders of joining, each followed by its reverse (antithetic). (2 x pairs, N)"""
    draws = Streams(seed).at("orders of joining")
    orders = np.empty((2 * pairs, members), np.int64)
    for k in range(pairs):
        orders[2 * k] = draws.permutation(members)
        orders[2 * k + 1] = orders[2 * k, ::-1]
    orders.flags.writeable = False
    return orders


def marginal_costs(costs: Array, orders: Index) -> Array:
    """What each member adds, from costs along orders (K, N); by member, the mean of each pair. (K / 2, N)"""
    added = np.diff(costs, axis=1, prepend=0.0)
    by_member = np.empty_like(added)
    np.put_along_axis(by_member, orders, added, axis=1)
    means: Array = by_member.reshape(-1, 2, orders.shape[1]).mean(axis=1)
    return means
