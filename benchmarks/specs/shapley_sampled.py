"""The Shapley value of many members by sampled orders, against the same samples in numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from commonwatt._games import costs_along_orders
from commonwatt.flow import Array
from commonwatt.markets._values import marginal_costs, sampled_orders

SHAPES = {"full": (100, 672, 100), "quick": (100, 96, 20), "tiny": (20, 24, 3)}


class Nets:
    """Random nets of members, prices, and sampled orders."""

    def __init__(self, size: Size) -> None:
        members, slots, pairs = SHAPES[size]
        rng = np.random.default_rng(0)
        self.net = rng.normal(size=(slots, members))
        self.up, self.down = rng.uniform(0.2, 0.4, slots), rng.uniform(0.05, 0.15, slots)
        self.orders = sampled_orders(0, pairs, members)

    def ours(self) -> Work:
        """All orders while a slot is at hand, compiled."""

        def work() -> Array:
            along = costs_along_orders(np.zeros(self.orders.shape), self.net, self.up, self.down, self.orders)
            return marginal_costs(along, self.orders).mean(axis=0)

        return work

    def theirs(self) -> Work:
        """Order by order, cumulative sums over members for all slots at once."""

        def work() -> Array:
            along = np.empty(self.orders.shape)
            for k, order in enumerate(self.orders):
                together = np.cumsum(self.net[:, order], axis=1)
                along[k] = (np.where(together > 0, self.up[:, None], self.down[:, None]) * together).sum(axis=0)
            return marginal_costs(along, self.orders).mean(axis=0)

        return work


def cases(size: Size) -> Sequence[Case]:
    """A week of quarter-hours, a hundred members, a hundred pairs of orders."""
    nets = Nets(size)
    members, slots, pairs = SHAPES[size]
    shape = f"{members} x {slots}, {pairs} pairs"
    return [Case("shapley_sampled", shape, "cumulative sums in numpy", nets.ours, nets.theirs, goal=3.0)]


SPEC = Spec("shapley_sampled", "The Shapley value of many members: costs along sampled orders.", cases)
