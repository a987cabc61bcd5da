"""S1's three settlements as one would write them: in a notebook, element by element, and in tight loops over lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from commonwatt.flow import Community
from commonwatt.noun import Array, Mask
from commonwatt.scenario import Scenario, load
from commonwatt.streams import Streams


def scenarios() -> dict[str, Scenario]:
    """Conventional, mid-market rate and bill sharing, as the preset says."""
    study = load("settlement_comparison")
    return study.scenarios()  # type: ignore[union-attr]


def community(days: int) -> Community:
    """The preset's members over so many days."""
    source = next(iter(scenarios().values())).source
    return source.model_copy(update={"days": days}).community(Streams(42))


@dataclass(frozen=True)
class Case1:
    """What a notebook starts from: arrays in kW, own prices, reference prices, open slots."""

    load: Array
    pv: Array
    buy: Array
    sell: Array
    joint_buy: float
    joint_sell: float
    is_open: Mask
    hours: float

    @classmethod
    def of(cls, members: Community) -> Case1:
        """Of the preset's community."""
        buy, sell = members.traits["contract_buy"], members.traits["contract_sell"]
        joint = float(buy.mean()), float(sell[sell > 0].mean())
        return cls(members.load_kw, members.pv_kw, buy, sell, *joint, members.market_open, members.clock.hours)


def notebook(case: Case1) -> Array:
    """Bills of all three, one after the other. (3 N,)"""
    load, pv, hours = case.load, case.pv, case.hours
    return np.concatenate([
        conventional(load, pv, case.buy, case.sell, hours),
        mid_market_rate(load, pv, case.joint_buy, case.joint_sell, case.is_open, hours),
        bill_sharing(case),
    ])  # fmt: skip


def community_price(load: Array, pv: Array, t: int, buy: float, sell: float) -> float:
    """From the selling to the buying price as load outweighs PV."""
    total_load, total_pv = 0.0, 0.0
    for n in range(load.shape[1]):
        total_load += load[t, n]
        total_pv += pv[t, n]
    middle = (buy + sell) / 2
    if total_load + total_pv < 1e-9:
        return middle
    return middle + (buy - sell) / 2 * (total_load - total_pv) / (total_load + total_pv)


def conventional(load: Array, pv: Array, buy: Array, sell: Array, hours: float) -> Array:
    """Everybody at its own contract."""
    slots, members = load.shape
    cost = np.zeros((slots, members))
    for t in range(slots):
        for n in range(members):
            net = (load[t, n] - pv[t, n]) * hours
            imported, exported = max(net, 0), max(-net, 0)
            cost[t, n] = imported * buy[n] - exported * sell[n]
    return np.asarray(cost.sum(axis=0))


def mid_market_rate(load: Array, pv: Array, buy: float, sell: float, is_open: Mask, hours: float) -> Array:
    """Reference prices, mixed with the community's by gross energy."""
    slots, members = load.shape
    cost = np.zeros((slots, members))
    for t in range(slots):
        buy_price, sell_price = buy, sell
        if is_open[t]:
            price = community_price(load, pv, t, buy, sell)
            total_load, total_pv = 0.0, 0.0
            for n in range(members):
                total_load += load[t, n]
                total_pv += pv[t, n]
            buy_price = sell_price = price
            if total_load > total_pv:
                buy_price = (total_pv * price + (total_load - total_pv) * buy) / total_load
            if total_pv > total_load:
                sell_price = (total_load * price + (total_pv - total_load) * sell) / total_pv
        for n in range(members):
            net = (load[t, n] - pv[t, n]) * hours
            cost[t, n] = max(net, 0) * buy_price - max(-net, 0) * sell_price
    return np.asarray(cost.sum(axis=0))


def bill_sharing(case: Case1) -> Array:
    """What the others can serve at the community's price, in proportion; the rest at everybody's own contract."""
    load, pv, hours = case.load, case.pv, case.hours
    slots, members = load.shape
    cost = np.zeros((slots, members))
    for t in range(slots):
        price = community_price(load, pv, t, case.joint_buy, case.joint_sell)
        want, have = 0.0, 0.0
        for n in range(members):
            net = (load[t, n] - pv[t, n]) * hours
            want += max(net, 0)
            have += max(-net, 0)
        traded = min(want, have) if case.is_open[t] else 0.0
        for n in range(members):
            net = (load[t, n] - pv[t, n]) * hours
            imported, exported = max(net, 0), max(-net, 0)
            bought = imported / want * traded if want > 0 else 0.0
            sold = exported / have * traded if have > 0 else 0.0
            inside = (bought - sold) * price
            cost[t, n] = inside + (imported - bought) * case.buy[n] - (exported - sold) * case.sell[n]
    return np.asarray(cost.sum(axis=0))


def over_lists(case: Case1) -> Callable[[], Array]:
    """The same bills in one tight loop: plain floats, each sum once for all three."""
    rows = list(zip(case.load.tolist(), case.pv.tolist(), case.is_open.tolist(), strict=True))
    prices = case.buy.tolist(), case.sell.tolist(), case.joint_buy, case.joint_sell
    return lambda: tight(rows, prices, case.hours)


def tight(rows: list[Any], prices: tuple[list[float], list[float], float, float], hours: float) -> Array:
    """All three mechanisms, slot by slot."""
    buy, sell, joint_buy, joint_sell = prices
    own, rate, shared = ([0.0] * len(buy) for _ in range(3))
    everyone, middle, half = range(len(buy)), (joint_buy + joint_sell) / 2, (joint_buy - joint_sell) / 2
    for loads, pvs, is_open in rows:
        nets = [(a - b) * hours for a, b in zip(loads, pvs, strict=True)]
        drawn, made = sum(loads), sum(pvs)
        price = middle + half * (drawn - made) / (drawn + made) if drawn + made > 1e-9 else middle
        want = have = 0.0
        for net in nets:
            if net > 0.0:
                want += net
            else:
                have -= net
        buy_price, sell_price, bought, sold = _rates(drawn, made, price, joint_buy, joint_sell)
        if is_open:
            traded = min(want, have)
            bought, sold = (traded / want if want > 0.0 else 0.0), (traded / have if have > 0.0 else 0.0)
        else:
            buy_price, sell_price = joint_buy, joint_sell
        for n in everyone:
            net = nets[n]
            if net > 0.0:
                own[n] += net * buy[n]
                rate[n] += net * buy_price
                shared[n] += net * (bought * price + (1.0 - bought) * buy[n])
            else:
                own[n] += net * sell[n]
                rate[n] += net * sell_price
                shared[n] += net * (sold * price + (1.0 - sold) * sell[n])
    return np.array(own + rate + shared)


def _rates(drawn: float, made: float, price: float, buy: float, sell: float) -> tuple[float, float, float, float]:
    """Gross prices of the mid-market rate; nothing moved yet."""
    if drawn > made:
        return (made * price + (drawn - made) * buy) / drawn, price, 0.0, 0.0
    if made > drawn:
        return price, (drawn * price + (made - drawn) * sell) / made, 0.0, 0.0
    return price, price, 0.0, 0.0
