"""Settlement: one accounting identity for every tariff and every mechanism, in both worlds (§5, §6).

What a member did not move through the pool meets its own retailer. Behind one meter, what the pool
did not match inside is bought or sold at the coupling point, and the operator passes its cost on.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .accounts import Account, Entries
from .clock import Clock
from .errors import ContractError
from .flow import Bills, Carry, Clearing, Prices, Schedule, State
from .noun import Array, Mask, dense, once, over_members, running_sum, spread, still
from .routes import POOL_FEE, Routes, over_trades
from .rules import Fold, Meter, Pooled, Reads


def settle(schedule: Schedule, prices: Prices, clearing: Clearing, state: State) -> Bills:
    """Everybody pays: energy, pool, fees per slot; charges and sharings when their period closes."""
    members, efficiency = clearing.bought_kwh.shape[1], prices.pool.efficiency
    energy, pool = _energy(schedule, prices, clearing), _pool(clearing, efficiency)
    taken, given = clearing.coupling(efficiency)
    purchase = taken * prices.coupling_buy - given * prices.coupling_sell
    accounts = np.zeros((schedule.clock.slots, len(Account)))
    accounts[:, Account.OPERATOR.column] = over_members(pool) - purchase
    accounts[:, Account.RETAILER.column] = over_members(energy) + purchase

    fees: dict[str, Array] = {}
    for reason, payee, due in _fees(schedule, prices, clearing, members):
        accounts[:, payee.column] += over_members(due)
        key = f"{reason}>{payee.name.lower()}"
        fees[key] = fees[key] + due if key in fees else due
    entries, carry, notes = _periods(schedule, prices, clearing, dict(state.carry))
    return Bills(
        energy=energy, pool=pool, fees=fees, accounts=accounts, entries=entries,
        first=schedule.clock.first, carry=carry, notes=notes,
    )  # fmt: skip


def owed(
    schedule: Schedule, prices: Prices, clearing: Clearing, state: State, before: Array | None = None
) -> tuple[Array, Carry]:
    """`before` plus what each member owes over all slots (N,), and what charges and sharings carry on.

    The same bits as the sums of `settle`'s bills in slot order, but in one compiled pass without any series: for
    whoever settles many mechanisms over the same flows, or needs nothing but bills. Only where a fee, a charge or a
    sharing applies are the series built.
    """
    from ._settle import add_owed, add_valued

    sums = np.zeros(clearing.bought_kwh.shape[1]) if before is None else np.array(before, np.float64)
    if prices.fees or prices.charges or prices.sharings or prices.pool.has_fees or prices.routes:
        bills = settle(schedule, prices, clearing, state)
        return running_sum(sums, bills.total), bills.carry
    bought, sold = dense(clearing.bought_kwh), dense(clearing.sold_kwh)
    share = clearing.paid_share(prices.pool.efficiency)
    taken, given = dense(schedule.import_kwh), dense(schedule.export_kwh)
    (buy, sell), (price_in, price_out) = _pair(prices.buy, prices.sell), _pair(clearing.buy_price, clearing.sell_price)
    if _is_all(schedule, clearing):
        return add_valued(sums, bought, sold, price_in, price_out, share), {}
    if still(clearing.bought_kwh) and still(clearing.sold_kwh):
        return add_valued(sums, taken, given, buy, sell, np.ones(share.shape)), {}
    if price_in.shape[1] == 1:
        return add_owed(sums, taken, given, bought, sold, buy, sell, price_in, price_out, share), {}
    return running_sum(sums, _energy(schedule, prices, clearing) + _pool(clearing, prices.pool.efficiency)), {}


def _is_all(schedule: Schedule, clearing: Clearing) -> bool:
    """Whether everything that crosses meters goes through the pool, as the very same arrays."""
    return clearing.bought_kwh is schedule.import_kwh and clearing.sold_kwh is schedule.export_kwh


def slot_sums(draw_kwh: Array, make_kwh: Array) -> tuple[Array, Array, Array, Array]:
    """All that is drawn, made, wanted and spare at members' meters, by slot. (T, N), (T, N) -> 4 x (T,) [kWh]"""
    from ._settle import slot_sums as sums

    drawn, made, demand, supply = sums(draw_kwh, make_kwh)
    return drawn, made, demand, supply


def bills_at(flows: tuple[Array, Array], is_open: Mask, own: tuple[Array, Array], rates: Array) -> Array:
    """What each member owes under a mechanism that four numbers per slot describe, in one compiled pass. (N,) [money]

    `flows`: drawn and made behind each meter (T, N) [kWh]; `is_open` (T,); `own`: everybody's own prices to buy and to
    sell (T or 1, N or 1) [money/kWh]; `rates` (4, T): money per kWh taken and given in the pool, then the part of what
    is taken and given that stays with the own retailer. Without series, fees, charges and losses: for screening many
    rules on the same flows. Agrees with the pipeline to rounding.
    """
    from ._settle import rated

    bills: Array = rated(*flows, is_open, *own, rates)
    return bills


def _energy(schedule: Schedule, prices: Prices, clearing: Clearing) -> Array:
    """What members owe their retailers for what the pool did not move. (T, N) [money]"""
    from ._settle import valued

    if _is_all(schedule, clearing):
        return spread(0.0, clearing.bought_kwh.shape)
    sides = (schedule.import_kwh, clearing.bought_kwh), (schedule.export_kwh, clearing.sold_kwh)
    taken, given = (dense(crossed if still(moved) else crossed - moved) for crossed, moved in sides)
    buy, sell = _pair(prices.buy, prices.sell)
    money: Array = valued(taken, given, buy, sell, np.ones(len(taken)))
    return money


def _pool(clearing: Clearing, efficiency: float) -> Array:
    """What members owe the pool. (T, N) [money]"""
    from ._settle import valued

    bought, sold = clearing.bought_kwh, clearing.sold_kwh
    if still(bought) and still(sold):
        return spread(0.0, bought.shape)
    buy, sell = _pair(clearing.buy_price, clearing.sell_price)
    share = clearing.paid_share(efficiency)
    if clearing.paid_kwh is not None:
        sold, share = clearing.paid_kwh, np.ones(share.shape)
    money: Array = valued(dense(bought), dense(sold), buy, sell, share)
    return money


def _pair(buy: Array, sell: Array) -> tuple[Array, Array]:
    """Two prices for compiled loops: both (T or 1, 1), or both (T or 1, N)."""
    members = buy.shape[1]
    buy, sell = once(buy, columns=True), once(sell, columns=True)
    if buy.shape[1] == sell.shape[1]:
        return buy, sell
    return dense(np.broadcast_to(buy, (len(buy), members))), dense(np.broadcast_to(sell, (len(sell), members)))


def _fees(schedule: Schedule, prices: Prices, clearing: Clearing, members: int) -> Iterator[tuple[str, Account, Array]]:
    """Reason, payee and what each member owes per slot (T, N)."""
    pool = prices.pool
    payee = Account[pool.fee_payee.upper()]
    if prices.routes is not None:
        for reason, due in route_fees(prices.routes, clearing, schedule.clock.first).items():
            yield reason, payee, due
    elif pool.fee_per_kwh > 0:
        yield POOL_FEE, payee, pool_fee(prices, clearing)
    if pool.fee_per_trade > 0:
        yield "trade fee", payee, trade_fee(prices, clearing, schedule.clock.first)
    if prices.fees:
        residual = meters(schedule, prices, clearing, netted=True)
        for fee in prices.fees:
            yield fee.reason, fee.payee, passed_on(fee.amounts(residual), members)


def pool_fee(prices: Prices, clearing: Clearing) -> Array:
    """The pool's fee on what is matched inside, half on what is delivered to buyers, half on sellers' part of it."""
    matched, half = clearing.matched(prices.pool.efficiency), 0.5 * prices.pool.fee_per_kwh
    sides = (clearing.bought_kwh, clearing.bought), (clearing.sold_kwh, clearing.sold)
    shares = [np.divide(matched, total, out=np.zeros_like(matched), where=total > 0) for _, total in sides]
    fee: Array = half * (sides[0][0] * shares[0][:, None] + sides[1][0] * shares[1][:, None])
    return fee


def route_fees(routes: Routes, clearing: Clearing, first: int) -> dict[str, Array]:
    """By reason, what each member owes for the ways that its trades take, half from each side. (T, N) each [money]"""
    trades, shape = clearing.trades, (len(clearing.bought_kwh), clearing.bought_kwh.shape[1])
    if trades is None:
        raise ContractError("a market with routes gave no trades (each takes a way of its own); give Clearing.trades")
    due = {}
    for reason, rate in routes.fees(trades.buyer, trades.seller).items():
        half = 0.5 * rate * trades.kwh
        sides = (over_trades(trades.slot - first, who, half, shape) for who in (trades.buyer, trades.seller))
        due[reason] = next(sides) + next(sides)
    return due


def trade_fee(prices: Prices, clearing: Clearing, first: int) -> Array:
    """The fixed fee on every trade, half from each side. (T, N) [money]"""
    trades, shape = clearing.trades, (len(clearing.bought_kwh), clearing.bought_kwh.shape[1])
    if trades is None:
        return spread(0.0, shape)
    half = np.full(trades.kwh.size, 0.5 * prices.pool.fee_per_trade)
    sides = [over_trades(trades.slot - first, who, half, shape) for who in (trades.buyer, trades.seller)]
    return sides[0] + sides[1]


def _periods(
    schedule: Schedule, prices: Prices, clearing: Clearing, carry: dict[str, Array]
) -> tuple[Entries, dict[str, Array], dict[str, float]]:
    """Continues every charge and sharing; entries and notes for the periods that close."""
    clock, members = schedule.clock, clearing.bought_kwh.shape[1]
    entries, notes = [Entries.none()], dict[str, float]()
    for k, charge in enumerate(prices.charges):
        reads = meters(schedule, prices, clearing, netted=charge.netted)
        for slot, amounts in closings(f"charge.{k}", charge, reads, clock, carry, notes):
            entries.append(Entries.of(slot, passed_on(amounts, members), charge.payee, charge.reason))
    if prices.sharings:
        pooled = _pooled(schedule, prices, clearing)
        for k, sharing in enumerate(prices.sharings):
            for slot, amounts in closings(f"sharing.{k}", sharing, pooled, clock, carry, notes):
                entries.append(Entries.of(slot, amounts, sharing.payee, sharing.reason))
    return (Entries.joined(*entries) if len(entries) > 1 else entries[0]), carry, notes


def meters(schedule: Schedule, prices: Prices, clearing: Clearing, *, netted: bool) -> Meter:
    """The meters that are billed. Columns: members' own, the coupling point's, members' parts of it.

    Own meters: members' only (T, N), traded energy taken off first if `netted`. One meter: for energy
    (`netted`) own meters for what stays outside the pool, and the pool's meter with its parts (T, 2 N + 1); for the
    wires the coupling point reads everybody in every slot, open or not (T, 1 + N).
    """
    bought, sold, hours = clearing.bought_kwh, clearing.sold_kwh, schedule.clock.hours
    crossed = schedule.import_kwh, schedule.export_kwh
    own = (crossed[0] - bought, crossed[1] - sold) if netted else crossed
    if not clearing.one_meter:
        return Meter(import_kwh=own[0], export_kwh=own[1], hours=hours)
    if netted:
        joint, parts = clearing.coupling(prices.pool.efficiency), (bought, sold)
    else:
        joint, parts = _physical(schedule, prices, clearing), crossed
    sides = [[joint[k][:, None], parts[k]] for k in range(2)]
    columns = [np.hstack([own[k], *sides[k]] if netted else sides[k]) for k in range(2)]
    return Meter(import_kwh=columns[0], export_kwh=columns[1], hours=hours)


def _physical(schedule: Schedule, prices: Prices, clearing: Clearing) -> tuple[Array, Array]:
    """What crosses the coupling point: all members' net, plus what is lost between those who trade. (T,) each"""
    efficiency = prices.pool.efficiency
    lost = clearing.matched(efficiency) * (1 / efficiency - 1)
    net = over_members(schedule.import_kwh) - over_members(schedule.export_kwh) + lost
    return np.maximum(net, 0.0), np.maximum(-net, 0.0)


def passed_on(amounts: Array, members: int) -> Array:
    """Members' own amounts plus their parts of the coupling point's (..., N), columns as in `meters`.

    A part is what it would owe on a meter of its own, and, by the size of that, a share of what the joint amount is
    more or less than all of those: in proportion where all owe, or all get back. So nobody loses by being metered
    together wherever the joint amount is not above the sum of the separate ones (peaks: never).
    """
    before = amounts.shape[-1] - members - 1
    if before < 0:
        return amounts
    own, joint, alone = np.split(amounts, (before, before + 1), axis=-1)
    sizes = np.abs(alone)
    size = sizes.sum(axis=-1, keepdims=True)
    more = joint - alone.sum(axis=-1, keepdims=True)
    share: Array = alone + more * np.divide(sizes, size, out=np.zeros_like(alone), where=size > 0)
    return own + share if before else share


def _pooled(schedule: Schedule, prices: Prices, clearing: Clearing) -> Pooled:
    efficiency = prices.pool.efficiency
    return Pooled(
        bought_kwh=clearing.bought_kwh,
        sold_kwh=clearing.sold_kwh,
        paid_kwh=clearing.sold_kwh * clearing.paid_share(efficiency)[:, None]
        if clearing.paid_kwh is None
        else clearing.paid_kwh,
        import_kwh=schedule.import_kwh,
        export_kwh=schedule.export_kwh,
        buy=prices.coupling_buy,
        sell=prices.coupling_sell,
        efficiency=efficiency,
    )


def closings(
    key: str, rule: Fold[Reads], reads: Reads, clock: Clock, carry: dict[str, Array], notes: dict[str, float]
) -> Iterator[tuple[int, Array]]:
    """The slots in which a period of `rule` closes, with its amounts.

    Leaves the open sums in `carry`, and in `notes` the largest of what the rule tells.
    """
    columns = reads.columns
    for start, stop, closes in clock.stretches(rule.period):
        before = carry[key] if key in carry else rule.start(columns)
        sums = rule.window(start, stop).add(before, reads.window(start, stop))
        if closes:
            yield clock.first + stop - 1, rule.amounts(sums)
            for what, size in rule.notes(sums).items():
                notes[what] = max(size, notes.get(what, 0.0))
        carry[key] = rule.next(sums, columns) if closes else sums
