"""Games by hand: an array over groups, by bit pattern."""

from collections.abc import Callable

import numpy as np

from commonwatt.noun import Array


def game(members: int, worth: Callable[[list[int]], float]) -> Array:
    """The worth of every group, the empty one first."""
    groups = [[n for n in range(members) if group >> n & 1] for group in range(1 << members)]
    return np.array([worth(group) for group in groups], np.float64)


def bankruptcy(estate: float, claims: tuple[float, ...]) -> Array:
    """A group has what the others' claims leave of the estate."""
    return game(len(claims), lambda group: max(0.0, estate - sum(claims) + sum(claims[n] for n in group)))


def gloves(left: int, right: int) -> Array:
    """Members own a left or a right glove each, the left ones first; a pair is worth 1."""
    return game(left + right, lambda group: float(min(sum(n < left for n in group), sum(n >= left for n in group))))


def random_game(rng: np.random.Generator, members: int, slots: int = 12) -> Array:
    """What groups of members with random nets save by sharing a meter; up to 3 members may stand aside."""
    from commonwatt._games import costs_of_groups, sums_of_groups

    net = rng.normal(size=(slots, members)) * (rng.random(members) < 0.9)
    costs = costs_of_groups(np.zeros(1 << members), net, rng.uniform(0.2, 0.4, slots), rng.uniform(-0.1, 0.2, slots))
    return sums_of_groups(costs[1 << np.arange(members)]) - costs
