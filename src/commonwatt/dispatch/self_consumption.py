"""Store the surplus, spend it on the deficit."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from ..commons import central
from ..flow import Array, Community, Flexibility, Mask, Outlook, Prices, Schedule, State
from ..noun import dense, once, over_members, times
from . import Dispatch

Moves = tuple[Array, Array, Array]
"""Charge, discharge and level. (T, K) each [kWh]"""


class SelfConsumption(Dispatch):
    """Own PV first: greedy control of every device behind its own meter, blind to prices.

    Surplus goes into the devices of its member, a deficit comes out of them, in proportion to what each can take or
    give. An obliged device never falls behind what it usually charges, and catches up as fast as it can where something
    held it back. What then is left goes into accounts in shared batteries or comes out of them, room and power shared
    in proportion; a battery runs the way that moves more. At last a central battery takes what all members together
    leave over while the pool is open, and gives what they lack.
    """

    kind: Literal["self_consumption"] = "self_consumption"

    @property
    def blind(self) -> bool:
        return True

    def plan(self, community: Community, prices: Prices, outlook: Outlook, state: State) -> Schedule:
        device, hours = community.flexibility, community.clock.hours
        if not device.devices:
            nothing = np.empty((community.shape[0], 0))
            return Schedule.carried_out(community, state, nothing, nothing)
        accounts, bus = device.accounts, central(community)
        if accounts.any() or bus.any():
            return Schedule.carried_out(community, state, *_in_turn(community, prices, state, accounts, bus))
        moves = _behind(device, community.load_kwh, community.pv_kwh, state.level_kwh, hours)
        return Schedule.carried_out(community, state, *moves)


def _behind(device: Flexibility, load_kwh: Array, pv_kwh: Array, level_kwh: Array, hours: float) -> Moves:
    """What devices do behind their owners' meters, from levels (K,) on. load, pv (T, N)"""
    from ._walk import walk

    constants = np.stack([device.discharge_efficiency, 1.0 - device.leakage, device.joint * 1.0])
    charge, discharge, level = walk(
        load_kwh, pv_kwh, device.owner, level_kwh,
        once(times(device.charge_kw, hours)), once(times(device.discharge_kw, hours)) * ~device.obliged,
        once(device.level_min_kwh), once(device.level_max_kwh), once(device.drain_kwh),
        once(times(device.usual_charge_kw, hours)) * device.obliged, once(device.owed_level_kwh),
        once(device.charge_efficiency), constants,
    )  # fmt: skip
    return charge, discharge, level


def _in_accounts(device: Flexibility, surplus_kwh: Array, level_kwh: Array, hours: float) -> Moves:
    """What accounts in shared batteries do with what members have left (T, N), from levels (R,) on."""
    from ._accounts import walk_accounts

    batteries = list(device.batteries_shared.values())
    whole = Flexibility.joined(*(device.common(rows) for rows in batteries))
    charge, discharge, level = walk_accounts(
        dense(surplus_kwh), device.owner, device.battery, level_kwh,
        once(times(whole.charge_kw, hours)), once(times(whole.discharge_kw, hours)), once(whole.level_max_kwh),
        once(device.level_min_kwh), once(device.charge_efficiency), once(device.drain_kwh),
        np.stack([device.discharge_efficiency, 1.0 - device.leakage]),
    )  # fmt: skip
    return charge, discharge, level


def _in_turn(community: Community, prices: Prices, state: State, accounts: Mask, bus: Mask) -> Moves:
    """Members' own devices first, then accounts in shared batteries, then central batteries."""
    device, hours, (slots, members) = community.flexibility, community.clock.hours, community.shape
    charge, discharge, level = (np.zeros((slots, device.devices)) for _ in range(3))
    surplus = community.pv_kwh - community.load_kwh
    for some in (~(accounts | bus), accounts, bus):
        if not some.any():
            continue
        mine, held = device.kept(some), state.level_kwh[some]
        if some is accounts:
            moves = _in_accounts(mine, surplus, held, hours)
        elif some is bus:
            left = (over_members(surplus) * (community.market_open & prices.trading))[:, None]
            joint = replace(mine, owner=np.zeros(mine.devices, np.int64))
            moves = _behind(joint, np.maximum(-left, 0.0), np.maximum(left, 0.0), held, hours)
        else:
            moves = _behind(mine, community.load_kwh, community.pv_kwh, held, hours)
        charge[:, some], discharge[:, some], level[:, some] = moves
        surplus = surplus - mine.by_member(moves[0] - moves[1], members)
    return charge, discharge, level
