"""Allocation keys: who gets what of a shared pot. Pure functions of arrays; slots x members, kWh.

`demand` (T, N) and `pot` (T,), as it arrives; what comes back (T, N) is never more than the demand, nor in sum more
than the pot. Coefficients are (T, N), with what repeats over time or members repeated without a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from ..flow import Array
from ..noun import by_rows, dense, once, over_members

Key = Literal["static", "hourly_ex_ante", "pro_rata", "equal", "weighted", "cascade", "hybrid", "full_dynamic"]
Rule = Callable[[Array, Array, Array], Array]


def by_coefficient(demand: Array, pot: Array, part: Array) -> Array:
    """Everybody gets its part of the pot, as far as it can use it; what it cannot use stays unshared."""
    shared: Array = np.minimum(part * pot[:, None], demand)
    return shared


def pro_rata(demand: Array, pot: Array, part: Array | None = None) -> Array:
    """In proportion to demand, whatever the coefficients."""
    wanted = over_members(demand)
    met = np.divide(pot, wanted, out=np.zeros_like(wanted), where=wanted > 0)
    return by_rows(demand, np.minimum(met, 1.0))


def by_coefficient_then_pro_rata(demand: Array, pot: Array, part: Array) -> Array:
    """First by coefficients; what is left then, in proportion to demand that is unmet."""
    first = by_coefficient(demand, pot, part)
    return first + pro_rata(demand - first, np.maximum(pot - over_members(first), 0.0))


def levelled(demand: Array, pot: Array, weight: Array) -> Array:
    """Constrained equal awards: the same for all, or in proportion to weights, capped by demand.

    Aumann and Maschler 1985, doi:10.1016/0022-0531(85)90102-4: glasses filled to one level. Without weight, nothing.
    """
    from ._filling import level_filled

    shared: Array = level_filled(dense(demand), dense(pot), once(weight))
    return shared


def cascaded(demand: Array, pot: Array, rank: Array) -> Array:
    """In order of rank, the lowest first; members of one rank in proportion to demand."""
    from ._filling import rank_filled

    shared: Array = rank_filled(dense(demand), dense(pot), once(rank))
    return shared


RULES: dict[Key, Rule] = {
    "static": by_coefficient,
    "hourly_ex_ante": by_coefficient,
    "pro_rata": pro_rata,
    "equal": levelled,
    "weighted": levelled,
    "cascade": cascaded,
    "hybrid": by_coefficient_then_pro_rata,
}
"""All keys but the one that tells producers apart."""


def by_producer(demand: Array, made: Array, parts: Mapping[int, Array]) -> tuple[Array, Array]:
    """Each producer gives everybody a part of its own: what is shared, and what of each producer's. (T, N) each

    `made` (T, N) as it arrives; `parts` has (T, N) for every member that gives. Who is offered more than it can use
    takes the same part of every offer.
    """
    offered, used = np.zeros(demand.shape), np.zeros(demand.shape)
    for producer, part in parts.items():
        offered += part * made[:, producer, None]
    shared = np.minimum(offered, demand)
    taken = np.divide(shared, offered, out=np.zeros(demand.shape), where=offered > 0)
    for producer, part in parts.items():
        used[:, producer] = over_members(part * taken) * made[:, producer]
    return shared, np.minimum(used, made)
