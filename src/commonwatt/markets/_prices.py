"""Price rules that several mechanisms share; all per slot (T,), before the grid's part is mixed in."""

from __future__ import annotations

import numpy as np

from ..flow import Array, Clearing, Positions, Prices
from ..noun import dense, spread


def between(prices: Prices, share: float) -> Array:
    """`share` of the way from the selling to the buying price; 0.5 is the middle. (T,) [money/kWh]"""
    price: Array = prices.coupling_sell + share * (prices.coupling_buy - prices.coupling_sell)
    return price


def balance_price(positions: Positions, prices: Prices) -> Array:
    """From the selling price (all surplus) to the buying price (all shortage), on flows behind the meter (S1)."""
    from ._rates import slid

    price: Array = slid(positions.drawn, positions.made, dense(prices.coupling_buy), dense(prices.coupling_sell))
    return price


def mixed(inner: Array, inside: Array, outer: Array, outside: Array) -> Array:
    """The mean of two prices by energy; the outer one where there is none. (T,) [money/kWh]"""
    from ._rates import mean_price

    price: Array = mean_price(dense(inner), dense(inside), dense(outer), dense(outside))
    return price


def joint(positions: Positions, buy_price: Array, sell_price: Array) -> Clearing:
    """Everybody trades everything through the one meter, at one price to buy and one to sell (T,)."""
    return Clearing(
        bought_kwh=positions.want_kwh,
        sold_kwh=positions.have_kwh,
        buy_price=spread(buy_price[:, None], positions.shape),
        sell_price=spread(sell_price[:, None], positions.shape),
        one_meter=True,
    )


def pooled_at(positions: Positions, prices: Prices, inner: Array) -> Clearing:
    """What is matched inside at `inner` (T,), the rest of the long side at the grid's price, shared by all of it.

    Long et al. 2017, doi:10.1109/PESGM.2017.8274546, with the pool's losses.
    """
    demand, supply, efficiency = positions.demand, positions.supply, prices.pool.efficiency
    matched = np.minimum(demand, efficiency * supply)
    short = np.maximum(demand - efficiency * supply, 0.0)
    spare = np.maximum(supply - demand / efficiency, 0.0)
    return joint(
        positions,
        mixed(inner, matched, prices.coupling_buy, short),
        mixed(inner, matched, prices.coupling_sell, spare),
    )
