"""Schemes that are a way of billing own meters: no energy moves between members."""

from __future__ import annotations

from ..flow import Clearing, Positions, Prices, State
from . import Promise
from ._scheme import Scheme


class Billing(Scheme):
    """Changes what the grid charges and pays at each member's meter, and nothing else."""

    @property
    def books(self) -> Promise:
        return Promise(world="own_meters", trades=False, rational=False, efficient=False)

    def clear(self, positions: Positions, prices: Prices, state: State) -> Clearing:
        return Clearing.none(positions.shape)
