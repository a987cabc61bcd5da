"""S3's hourly loop in plain Python: objects, lists and its published rules, sharing no code with the package.

Tests hold the pipeline to its wallets, a benchmark to its speed. It matches in one pass over two sorted lists, as one
would who cares for speed: trying every pair takes a thousand times longer at 10,000 members.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Rules:
    """Everything that can be set, with the published values or our choice where they are silent."""

    cap: float = 3.0
    fee: float = 0.03
    fee_mode: str = "quantity"
    threshold: float = 0.05
    part: float = 0.5
    slope: float = 0.5
    objective: str = "maximize_renewable"
    renewable_bonus: float = 0.02
    p2p_bonus: float = 0.01
    market_penalty: float = 0.02
    exempt_no_battery: bool = False
    penalty_limit: float = 5.0
    bonus_limit: float = 5.0
    balance_limit: float = -50.0
    penalty_ban: int = 2
    balance_ban: int = 3
    double_ban: int = 3
    rest: int = 5


@dataclass
class Prosumer:
    """One household."""

    number: int
    capacity: float
    soc_min: float = 0.1
    soc_max: float = 0.95
    soc_start: float = 0.5
    eta_in: float = 0.95
    eta_out: float = 0.95
    balance: float = 0.0
    bonus: float = 0.0
    penalty: float = 0.0
    ban: int = 0
    last_ban: int = -(10**9)
    bans: list[int] = field(default_factory=list)
    level: float = 0.0
    x: float = 0.0
    role: str = "neutral"
    quantity: float = 0.0
    price: float = 0.0
    renewable: float = 0.0
    p2p: float = 0.0
    market: float = 0.0
    called: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.soc_start * self.capacity

    @property
    def available(self) -> float:
        """What the battery holds above its least."""
        return self.level - self.soc_min * self.capacity

    def own_battery(self, pv: float, load: float) -> None:
        """Surplus in, deficit out."""
        self.x, charged = pv - load, 0.0
        if self.x > 0:
            charged = max(0.0, min(self.x, (self.soc_max * self.capacity - self.level) / self.eta_in))
            self.level += self.eta_in * charged
            self.x -= charged
        elif self.x < 0:
            drawn = max(0.0, min(-self.x / self.eta_out, self.available))
            self.level -= drawn
            self.x += self.eta_out * drawn
        self.renewable = min(pv, load) + charged
        self.role, self.p2p, self.market, self.called = "neutral", 0.0, 0.0, 0.0


def clipped(price: float, low: float, high: float) -> float:
    """Between two limits; their middle where they cross."""
    return min(max(price, low), high) if low <= high else 0.5 * (low + high)


def ask(quantity: float, gb: float, gs: float, rules: Rules) -> float:
    """The more there is to sell, the further above what the grid pays."""
    u = min(quantity / rules.cap, 1.0)
    return clipped(gs + rules.slope * u * (gb - gs), gs + 0.01 * abs(gs), gb - 0.05 * abs(gb))


def bid(quantity: float, gb: float, gs: float, rules: Rules) -> float:
    """The more is wanted, the further below what the grid asks."""
    u = min(quantity / rules.cap, 1.0)
    return clipped(gb - rules.slope * u * (gb - gs), gs + 0.05 * abs(gs), gb - 0.01 * abs(gb))


def offers(people: list[Prosumer], forecast: float, rules: Rules) -> None:
    """Who wants and who has says so; then storage is offered against the shortage."""
    gb, gs = forecast + rules.fee, forecast - rules.fee
    for p in people:
        if p.ban > 0 or abs(p.x) <= 1e-9:
            continue
        p.quantity = min(abs(p.x), rules.cap)
        p.role = "seller" if p.x > 0 else "buyer"
        p.price = (ask if p.x > 0 else bid)(p.quantity, gb, gs, rules)
    short = sum(p.quantity for p in people if p.role == "buyer") - sum(p.quantity for p in people if p.role == "seller")
    if short <= rules.threshold:
        return
    idle = [p for p in people if p.role == "neutral" and p.ban == 0 and p.available * p.eta_out > 1e-9]
    for p in sorted(idle, key=lambda p: (-round(p.available * p.eta_out, 9), p.number)):
        if short <= 0:
            break
        p.quantity = min(rules.part * p.available * p.eta_out, rules.cap, short)
        p.role, p.price = "battery_seller", ask(p.quantity, gb, gs, rules)
        short -= p.quantity


def matched(people: list[Prosumer]) -> int:
    """The best bid with the best ask, then the next, until a bid is below the ask. Gives the number of trades."""
    buyers = sorted((p for p in people if p.role == "buyer"), key=lambda p: (-p.price, p.number))
    sellers = sorted((p for p in people if "seller" in p.role), key=lambda p: (p.price, p.number))
    i, j, trades = 0, 0, 0
    wanted, had = ([p.quantity for p in side] for side in (buyers, sellers))
    while i < len(buyers) and j < len(sellers) and buyers[i].price >= sellers[j].price:
        moved = min(wanted[i], had[j])
        if moved > 1e-9:
            trade(buyers[i], sellers[j], moved)
            trades += 1
        wanted[i], had[j] = wanted[i] - moved, had[j] - moved
        if wanted[i] <= 1e-9:
            i += 1
        else:
            j += 1
    return trades


def trade(buyer: Prosumer, seller: Prosumer, kwh: float) -> None:
    """At the middle of both prices; what storage sells comes out of it with losses."""
    price = 0.5 * (buyer.price + seller.price)
    buyer.balance, seller.balance = buyer.balance - kwh * price, seller.balance + kwh * price
    buyer.x, buyer.p2p, seller.p2p = buyer.x + kwh, buyer.p2p + kwh, seller.p2p + kwh
    if seller.role == "battery_seller":
        seller.level -= kwh / seller.eta_out
        seller.called += kwh
    else:
        seller.x -= kwh


def local_market(people: list[Prosumer], price: float, rules: Rules) -> None:
    """What is left meets the grid, at the price of the fee's mode."""
    for p in people:
        if abs(p.x) <= 1e-9:
            continue
        p.market = abs(p.x)
        fee = rules.fee * (p.market if rules.fee_mode == "quantity" else 1.0)
        p.balance += p.market * (price - fee) if p.x > 0 else -p.market * (price + fee)
        p.x = 0.0


def regulator(people: list[Prosumer], step: int, rules: Rules) -> None:
    """Bans run down; bonuses and penalties; new bans."""
    for p in people:
        p.ban = max(p.ban - 1, 0)
        subject = p.capacity > 0 or not rules.exempt_no_battery
        earned = {
            "maximize_renewable": rules.renewable_bonus * p.renewable, "maximize_p2p": rules.p2p_bonus * p.p2p,
            "maximize_profit": 0.0,
        }[rules.objective]  # fmt: skip
        fined = rules.market_penalty * p.market if subject and rules.objective != "maximize_profit" else 0.0
        p.bonus, p.penalty, p.balance = p.bonus + earned, p.penalty + fined, p.balance + earned - fined
        if not subject or p.ban > 0 or step - p.last_ban < rules.rest:
            continue
        costly = p.penalty > rules.penalty_limit and p.bonus < rules.bonus_limit
        poor = p.balance < rules.balance_limit
        if costly or poor:
            p.ban = rules.double_ban if costly and poor else rules.balance_ban if poor else rules.penalty_ban
            p.last_ban = step


def plain_loop(people: list[Prosumer], load: Any, pv: Any, price: Any, forecast: Any, rules: Rules) -> int:
    """The loop over hours; load, PV as lists by hour and member. Gives the number of trades between neighbours."""
    trades = 0
    for t in range(len(price)):
        for p in people:
            p.bans.append(p.ban)
            p.own_battery(pv[t][p.number], load[t][p.number])
        offers(people, forecast[t], rules)
        trades += matched(people)
        local_market(people, price[t], rules)
        regulator(people, t, rules)
        if not all(math.isfinite(p.balance) for p in people):
            raise ValueError(f"step {t}: a balance is no number")
    return trades
