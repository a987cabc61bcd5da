"""Compiled cuts at the limits of a connection: member by member, then groups, then all together.

A limit that is exceeded takes from those who exceed it, in proportion, so that the order of members does not matter.
What feeds a neighbour on the same side of the limit is never cut: a group gives up of its net flow only, and within
a group a member of its own. Then no cut at one level can push another level over its limit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

from ._sums import slot_of

ROW = types.Array(types.float64, 1, "A", readonly=True)
GRID = types.Array(types.float64, 2, "C", readonly=True)
OWNER = types.Array(types.int64, 1, "C", readonly=True)
OUT = types.float64[:, ::1]
CAPS = types.UniTuple(GRID, 6)
"""Import and export of members (1, N), groups (T or 1, G), all (T or 1, 1). [kWh]"""


@njit
def _place_of(level: Any, n: Any, group: Any) -> Any:
    """Where member n counts: itself, its group (or -1), all."""
    return n if level == 0 else (group[n] if level == 1 else 0)


@njit
def _caps_of(level: Any, caps: Any, t: Any, way: Any) -> Any:
    """Limits of slot t at a level: importing (way 0) or exporting (way 1)."""
    if level == 0:
        return slot_of(caps[0], t) if way == 0 else slot_of(caps[1], t)
    if level == 1:
        return slot_of(caps[2], t) if way == 0 else slot_of(caps[3], t)
    return slot_of(caps[4], t) if way == 0 else slot_of(caps[5], t)


@njit
def _excess(net: Any, level: Any, group: Any, caps: Any, least: Any, over: Any) -> Any:
    """By how much the places of a level exceed their limits `caps`; whether any does by more than `least`."""
    over[: caps.size] = 0.0
    for n in range(net.size):
        place = _place_of(level, n, group)
        if place >= 0:
            over[place] += net[n]
    found = False
    for p in range(caps.size):
        over[p] -= caps[p]
        over[p] = over[p] if over[p] > least else 0.0
        found = found or over[p] > 0.0
    return found


@njit([types.int64(GRID, GRID, OWNER, CAPS, types.float64)], cache=True)
def first_over(inwards: Any, outwards: Any, group: Any, caps: Any, least: Any) -> Any:
    """The first slot in which a limit is exceeded by more than `least` kWh; all slots if none is. (T, N), (T, N)"""
    slots, members = inwards.shape
    net, over = np.empty(members), np.empty(max(members, caps[2].shape[1], 1))
    for t in range(slots):
        for n in range(members):
            net[n] = inwards[t, n] - outwards[t, n]
        for level in range(3):
            if _excess(net, level, group, _caps_of(level, caps, t, 0), least, over):
                return t
            if _excess(-net, level, group, _caps_of(level, caps, t, 1), least, over):
                return t
    return slots


@njit(error_model="numpy")
def _relieve(over: Any, net: Any, level: Any, group: Any, unit: Any, able: Any, taken: Any) -> None:
    """Takes what is over from the flows that cause it, kind after kind; `net` is what flows in the limit's direction.

    able, taken (J, N): what of each kind a member can give up, and what it does. A unit is what a place shares its cut
    among, by net flow: members, or at the coupling point groups.
    """
    members = net.size
    parts, flows, places = np.empty(unit.max() + 1), np.empty(unit.max() + 1), np.empty(over.size)
    part = np.empty(members)
    for j in range(able.shape[0]):
        parts[:], flows[:], places[:] = 0.0, 0.0, 0.0
        for n in range(members):
            part[n] = min(able[j, n], max(net[n], 0.0))
            parts[unit[n]] += part[n]
            flows[unit[n]] += net[n]
        for n in range(members):
            place = _place_of(level, n, group)
            if place >= 0 and part[n] > 0.0:
                part[n] *= min(max(flows[unit[n]], 0.0) / parts[unit[n]], 1.0)
                places[place] += part[n]
        for n in range(members):
            place = _place_of(level, n, group)
            if place < 0 or over[place] <= 0.0 or part[n] <= 0.0:
                continue
            cut = part[n] * min(over[place] / places[place], 1.0)
            taken[j, n] += cut
            able[j, n] -= cut
            net[n] -= cut
        for p in range(over.size):
            over[p] -= min(over[p], places[p])


@njit
def _gather(values: Any, owner: Any, chosen: Any, out: Any) -> None:
    """Sums of the chosen devices' values by member. (K,) -> (N,)"""
    out[:] = 0.0
    for k in range(owner.size):
        if chosen[k]:
            out[owner[k]] += values[k]


@njit(error_model="numpy")
def _scale(values: Any, owner: Any, chosen: Any, before: Any, taken: Any) -> None:
    """Takes each member's cut from its chosen devices, in proportion to what they move."""
    for k in range(owner.size):
        n = owner[k]
        if chosen[k] and taken[n] > 0.0:
            values[k] *= max(before[n] - taken[n], 0.0) / before[n]


@njit(error_model="numpy")
def _refit(charge: Any, discharge: Any, base: Any, off: Any, bounds: Any, into: Any, out_of: Any) -> None:
    """Devices whose level is not what was planned move only what still fits. (K,)"""
    low, high = bounds
    for k in range(charge.size):
        if off[k]:
            charge[k] = min(charge[k], max((high[k] - base[k]) / into[k], 0.0))
            discharge[k] = min(discharge[k], max((base[k] - low[k]) * out_of[k], 0.0))


@njit
def _fit_room(charge: Any, base: Any, off: Any, high: Any, into: Any, battery: Any) -> None:
    """Brings what accounts charge down to their battery's room, in proportion, where one has not the level planned.

    charge, base, off, high, into, battery (K,): an account's `high` is what its whole battery holds.
    """
    count = 1
    for k in range(battery.size):
        count = max(count, battery[k] + 1)
    room, asked, moved = np.zeros(count), np.zeros(count), np.zeros(count, np.bool_)
    for k in range(battery.size):
        if battery[k] >= 0:
            room[battery[k]] = high[k]
    for k in range(battery.size):
        if battery[k] >= 0:
            room[battery[k]] -= base[k]
            asked[battery[k]] += charge[k] * into[k]
            moved[battery[k]] |= off[k]
    for k in range(battery.size):
        s = battery[k]
        if s >= 0 and moved[s] and asked[s] > max(room[s], 0.0):
            charge[k] *= max(room[s], 0.0) / asked[s]


@njit(error_model="numpy")
def _cut_slot(  # noqa: PLR0913
    t: Any, served: Any, used: Any, charge: Any, discharge: Any, owner: Any, obliged: Any, group: Any, unit: Any,
    caps: Any, least: Any,
) -> Any:  # fmt: skip
    """Cuts one slot at every level in turn; changes charge and discharge. -> unserved, curtailed (N,)"""
    members = served.size
    everything = np.ones(owner.size, np.bool_)
    draws, gives = np.zeros((3, members)), np.zeros((2, members))
    _gather(charge, owner, ~obliged, draws[0])
    _gather(charge, owner, obliged, draws[1])
    _gather(discharge, owner, everything, gives[0])
    draws[2], gives[1] = served, used
    had_draws, had_gives = draws.copy(), gives.copy()
    less_drawn, less_given = np.zeros((3, members)), np.zeros((2, members))
    net = (draws[0] + draws[1] + served) - (gives[0] + used)
    over = np.empty(max(members, caps[2].shape[1], 1))
    alone = np.arange(members)
    for level in range(3):
        shared = unit if level == 2 else alone
        limit = _caps_of(level, caps, t, 0)
        if _excess(net, level, group, limit, least, over):
            _relieve(over[: limit.size], net, level, group, shared, draws, less_drawn)
        limit, outwards = _caps_of(level, caps, t, 1), -net
        if _excess(outwards, level, group, limit, least, over):
            _relieve(over[: limit.size], outwards, level, group, shared, gives, less_given)
            net = -outwards
    _scale(charge, owner, ~obliged, had_draws[0], less_drawn[0])
    _scale(charge, owner, obliged, had_draws[1], less_drawn[1])
    _scale(discharge, owner, everything, had_gives[0], less_given[0])
    return less_drawn[2], less_given[1]


@njit([types.UniTuple(OUT, 5)(
    types.int64, GRID, GRID, GRID, GRID, GRID, OWNER, types.Array(types.boolean, 1, "C", readonly=True), ROW,
    GRID, GRID, GRID, GRID, GRID, OWNER, OWNER, OWNER, CAPS, types.float64,
)], error_model="numpy", cache=True)  # fmt: skip
def cut(  # noqa: PLR0913  (a compiled kernel takes arrays, not nouns)
    first: Any, served: Any, used: Any, charge: Any, discharge: Any, planned: Any, owner: Any, obliged: Any,
    start: Any, low: Any, high: Any, drain: Any, gain: Any, constants: Any, battery: Any, group: Any, unit: Any,
    caps: Any, least: Any,
) -> Any:  # fmt: skip
    """From slot `first` on, flows within the limits. -> unserved, curtailed (T, N); charge, discharge, level (T, K)

    served, used (T, N): load and PV that still count; planned (T, K): levels at the end of each slot as planned;
    start (K,); low, high, drain, gain (stored per charged; T or 1, K); constants (2, K): efficiency out, what a slot
    keeps; battery (K,): number of the shared one that a device is an account of, or -1.
    A device that does as planned has the level planned, to the last bit.
    """
    slots, members = served.shape
    unserved, curtailed = np.zeros((slots, members)), np.zeros((slots, members))
    taken, given, level = charge.copy(), discharge.copy(), planned.copy()
    base, out_of, keeps = np.empty(start.size), constants[0], constants[1]
    for t in range(first, slots):
        into = slot_of(gain, t)
        before, earlier = (start, start) if t == 0 else (planned[t - 1], level[t - 1])
        for k in range(base.size):
            base[k] = earlier[k] * keeps[k] - slot_of(drain, t)[k]
        off = earlier != before
        _refit(taken[t], given[t], base, off, (slot_of(low, t), slot_of(high, t)), into, out_of)
        _fit_room(taken[t], base, off, slot_of(high, t), into, battery)
        unserved[t], curtailed[t] = _cut_slot(
            t, served[t], used[t], taken[t], given[t], owner, obliged, group, unit, caps, least
        )
        for k in range(base.size):
            if off[k] or taken[t, k] != charge[t, k] or given[t, k] != discharge[t, k]:
                level[t, k] = base[k] + (taken[t, k] * into[k] - given[t, k] / out_of[k])
    return unserved, curtailed, taken, given, level
