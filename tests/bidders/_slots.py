"""One hour of a few members: buyers first, then sellers, at prices of their own."""

from __future__ import annotations

import numpy as np
from tests._communities import hand_made

from commonwatt.flow import Pool, Positions, Prices, Schedule, State
from commonwatt.noun import Array
from commonwatt.streams import Streams


def positions(net_kwh: list[float], *, slots: int = 1, minutes: int = 60) -> Positions:
    """What members want (above 0) or have (below), the same in every slot."""
    net_kw = np.tile(np.array(net_kwh), (slots, 1)) * 60 / minutes
    community = hand_made(net_kw, minutes=minutes)
    nothing = np.empty((slots, 0))
    schedule = Schedule.carried_out(community, State.initial(community), nothing, nothing)
    return schedule.positions(np.ones(community.shape, np.bool_))


def prices(buy: list[float], sell: list[float], *, slots: int = 1, pool: Pool | None = None) -> Prices:
    """Everybody's own prices, and the pool's terms."""
    own = Prices.own(np.tile(np.array(buy), (slots, 1)), np.tile(np.array(sell), (slots, 1)))
    return Prices(
        buy=own.buy, sell=own.sell, coupling_buy=own.coupling_buy, coupling_sell=own.coupling_sell, pool=pool or Pool()
    )  # fmt: skip


def state(members: int, seed: int = 0, **carry: Array) -> State:
    """Before a slot, with what was learned."""
    nothing = np.zeros(members)
    return State(
        level_kwh=np.empty(0), banned_slots=np.zeros(members, np.int64), wallet=nothing, tills=np.zeros(9),
        streams=Streams(seed), carry={name.replace("__", "."): values for name, values in carry.items()},
    )  # fmt: skip
