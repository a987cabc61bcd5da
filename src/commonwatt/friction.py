"""What is too little to trade: trades that the pool's terms make not worth while are settled with the grid.

No energy moves otherwise for it: limits bind what crosses meters, whoever it is bought from. Only bills change, and
what the trades' table holds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .connection import Connection
from .errors import ScenarioError
from .exchange import LEAST_KWH, Trades
from .flow import Array, Clearing, Community, Mask, Prices, Schedule
from .noun import over_members, per_kwh, still
from .routes import over_trades

Room = tuple[Array, Array]
"""What may still be billed as taken from the grid and given to it, by slot. (T,) each [kWh]"""


def worthwhile(clearing: Clearing, prices: Prices, schedule: Schedule, community: Community) -> Clearing:
    """The clearing without trades below the pool's least, or that cost a side more in fees than they bring.

    Trades below the least stay where settling them with the grid would exceed what the coupling point may take or give
    in that slot. Raises ScenarioError for terms on single trades where the market writes none.
    """
    pool = prices.pool
    if not pool.paired or (still(clearing.bought_kwh) and still(clearing.sold_kwh)):
        return clearing
    if clearing.trades is None:
        raise ScenarioError(
            "pool.min_trade_kwh, pool.fee_per_trade, pool.refuse_losses: this market writes no trades between two "
            "members (§15); take pool_prorata or an auction that pairs its orders, or leave them out"
        )
    first = schedule.clock.first
    dropped = (
        _losing(clearing.trades, prices, first) if pool.refuse_losses else np.zeros(clearing.trades.slot.size, np.bool_)
    )
    small = ~dropped & (clearing.trades.kwh < pool.min_trade_kwh - LEAST_KWH)
    if small.any():
        left = _without(clearing, dropped, first) if dropped.any() else clearing
        dropped |= small & _fits(clearing.trades, small, _room(left, schedule, community.connection), first)
    return _without(clearing, dropped, first) if dropped.any() else clearing


def _losing(trades: Trades, prices: Prices, first: int) -> Mask:
    """Trades that bring the buyer or the seller less than its half of the fees, beside its own tariff. (R,)"""
    slot, pool, routes = trades.slot - first, prices.pool, prices.routes
    rate = pool.fee_per_kwh if routes is None else routes.fee(trades.buyer, trades.seller)
    half = 0.5 * (rate * trades.kwh + pool.fee_per_trade)
    paid, money = trades.kwh * prices.buy[slot, trades.buyer], trades.kwh * trades.price
    got = trades.sent_kwh * prices.sell[slot, trades.seller]
    least = np.minimum(paid - money, money - got) - half
    return np.asarray(least < -1e-9 * (1.0 + np.abs(money)))


def _room(clearing: Clearing, schedule: Schedule, connection: Connection) -> Room:
    """What limits of the coupling point leave for the grid to take and give. (T,) each [kWh]"""
    sides = (schedule.import_kwh, clearing.bought_kwh), (schedule.export_kwh, clearing.sold_kwh)
    caps = connection.import_cap_kw, connection.export_cap_kw
    billed = [over_members(crossed - moved) for crossed, moved in sides]
    most = [np.inf if cap is None else cap * schedule.clock.hours for cap in caps]
    return most[0] - billed[0], most[1] - billed[1]


def _fits(trades: Trades, small: Mask, room: Room, first: int) -> Mask:
    """Trades in slots in which the grid can take the place of all that are `small`. (R,)"""
    fits, slot = np.ones(len(room[0]), np.bool_), trades.slot - first
    for kwh, left in zip((trades.kwh, trades.sent_kwh), room, strict=True):
        fits &= np.bincount(slot, kwh * small, fits.size) <= left + LEAST_KWH
    return np.asarray(fits[slot])


def _without(clearing: Clearing, dropped: Mask, first: int) -> Clearing:
    """The clearing without these trades; who is in none of them keeps every bit of what it had."""
    assert clearing.trades is not None
    kept, gone, shape = clearing.trades.kept(~dropped), clearing.trades.kept(dropped), clearing.bought_kwh.shape
    wide = shape[0], shape[1]
    buys, sells = (over_trades(gone.slot - first, who, gone.kwh, wide) > 0 for who in (gone.buyer, gone.seller))
    slot, money = kept.slot - first, kept.kwh * kept.price
    got, paid = (over_trades(slot, kept.buyer, amount, wide) for amount in (kept.kwh, money))
    sent, arrived, earned = (
        over_trades(slot, kept.seller, amount, wide) for amount in (kept.sent_kwh, kept.kwh, money)
    )
    sold = np.where(sells, sent, clearing.sold_kwh)
    return replace(
        clearing,
        bought_kwh=np.where(buys, got, clearing.bought_kwh),
        sold_kwh=sold,
        called_kwh=None if clearing.called_kwh is None else np.minimum(clearing.called_kwh, sold),
        paid_kwh=None if clearing.paid_kwh is None else np.where(sells, arrived, clearing.paid_kwh),
        buy_price=np.where(buys & (got > 0), per_kwh(paid, got), clearing.buy_price),
        sell_price=np.where(sells & (arrived > 0), per_kwh(earned, arrived), clearing.sell_price),
        trades=kept,
    )
