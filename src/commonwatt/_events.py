"""What goes wrong: devices that fail for a while, and hours in which the pool is closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Literal, get_args

import numpy as np
from pydantic import AwareDatetime, Field, NonNegativeInt, PositiveInt

from .clock import Clock
from .errors import ScenarioError
from .flow import Community, Streams
from .noun import Array, Mask
from .registry import Settings

Device = Literal["pv", "battery", "vehicle", "heat_pump"]
DEVICES: tuple[str, ...] = get_args(Device)
When = Annotated[NonNegativeInt | AwareDatetime, Field(union_mode="left_to_right")]
"""A slot's number from 0, or a time with its offset."""


def device_outage(community: Community, member: str, device: str, start: int, stop: int) -> Community:
    """The community with `member`'s PV, battery, vehicle or heat pump at a standstill in slots `start` to `stop`.

    PV makes nothing; the powers of a device are 0, its level stays as it is. A vehicle that could not charge drives
    all the same, a home needs its heat: the level shows the lack. Raises ScenarioError for an unknown member, a device
    that the member has not, or a window outside the run.
    """
    where = f"device_outage of {member}"
    _check_window(community.clock, start, stop, where)
    if member not in community.names:
        names = ", ".join(community.names[:8])
        raise ScenarioError(f"{where}: {member!r} (a member of the community); write one of {names}")
    if device not in DEVICES or not _owners(community, device)[community.names.index(member)]:
        raise ScenarioError(f"{where}: no {device} (a device that the member has); remove the outage")
    return _stopped(community, member, device, start, stop)


def _owners(community: Community, device: str) -> Mask:
    """Who has such a device. (N,)"""
    if device == "pv":
        named: Mask = np.asarray(community.traits.get("pv_kwp", np.zeros(1)) > 0)
        return named | community.pv_kw.any(axis=0)
    has = np.zeros(community.shape[1], np.bool_)
    has[community.flexibility.owner[community.flexibility.kind == device]] = True
    return has


def _stopped(community: Community, member: str, device: str, start: int, stop: int) -> Community:
    owner, window = community.names.index(member), slice(start, stop)
    if device == "pv":
        pv = community.pv_kw.copy()
        pv[window, owner] = 0.0
        return replace(community, pv_kw=pv)
    bent = community.flexibility
    mine = (bent.kind == device) & (bent.owner == owner)
    powers: dict[str, Array] = {}
    for name in ("charge_kw", "discharge_kw", "usual_charge_kw"):
        powers[name] = getattr(bent, name).copy()
        powers[name][window, mine] = 0.0
    return replace(community, flexibility=bent.powered(community.clock.hours, **powers))


def pool_maintenance(community: Community, start: int, stop: int) -> Community:
    """The community with its pool closed in slots `start` to `stop`. Raises ScenarioError for a window outside."""
    _check_window(community.clock, start, stop, "pool_maintenance")
    market_open = community.market_open.copy()
    market_open[start:stop] = False
    return replace(community, market_open=market_open)


def slots_between(clock: Clock, start: When, stop: When, where: str) -> tuple[int, int]:
    """The slots from `start` to before `stop`, as numbers or times; part of a slot counts as the slot.

    A window that reaches beyond the run is cut to it. Raises ScenarioError where nothing of it lies in the run.
    """
    first, last = _slot(clock, start), _slot(clock, stop, up=True)
    if last <= first or last <= 0 or first >= clock.slots:
        shown = f"{start} to {stop}"
        raise ScenarioError(f"{where}: {shown} (a window within the run's {clock.slots} slots); correct its times")
    return max(first, 0), min(last, clock.slots)


def _slot(clock: Clock, when: When, *, up: bool = False) -> int:
    if isinstance(when, int):
        return when
    since = when - clock.start
    return -(-since // clock.slot) if up else since // clock.slot


def _check_window(clock: Clock, start: int, stop: int, where: str) -> None:
    if not 0 <= start < stop <= clock.slots:
        raise ScenarioError(f"{where}: slots {start} to {stop} (a window within 0 to {clock.slots}); correct it")


class Outage(Settings):
    """One device of one member at a standstill."""

    member: str = ""
    """Name of the member; none: the first one. [name]"""
    device: Device = "pv"
    """What fails. [name]"""
    start: When = 0
    """First slot of the outage, or its time. [slot or ISO 8601]"""
    stop: When = 1
    """First slot after the outage, or its time. [slot or ISO 8601]"""


class Maintenance(Settings):
    """The pool closed for a while."""

    start: When = 0
    """First closed slot, or its time. [slot or ISO 8601]"""
    stop: When = 1
    """First slot after it, or its time. [slot or ISO 8601]"""


class Events(Settings):
    """Outages and maintenance windows, listed or drawn by count.

    Every drawn event has its own random stream: one more changes none of the others.
    """

    outages: tuple[Outage, ...] = ()
    """Listed outages. [list]"""
    maintenance: tuple[Maintenance, ...] = ()
    """Listed maintenance windows. [list]"""
    drawn_outages: NonNegativeInt = 0
    """Outages drawn among the members that have the device. [outages]"""
    drawn_device: Device = "pv"
    """What fails in drawn outages. [name]"""
    outage_hours: Annotated[float, Field(gt=0)] = 24.0
    """Length of a drawn outage. [h]"""
    drawn_maintenance: NonNegativeInt = 0
    """Maintenance windows drawn. [windows]"""
    maintenance_slots: PositiveInt = 8
    """Length of a drawn maintenance window. [slots]"""

    def applied(self, community: Community, streams: Streams) -> Community:
        """The community after all events. Raises ScenarioError that names the member or the window."""
        clock, drawn = community.clock, self._drawn_outages(community, streams)
        for k, outage in enumerate(self.outages):
            where = f"events.outages[{k}]"
            start, stop = slots_between(clock, outage.start, outage.stop, where)
            community = device_outage(community, outage.member or community.names[0], outage.device, start, stop)
        for k, window in enumerate(self.maintenance):
            start, stop = slots_between(clock, window.start, window.stop, f"events.maintenance[{k}]")
            community = pool_maintenance(community, start, stop)
        for member, start, stop in drawn:
            community = _stopped(community, member, self.drawn_device, start, stop)
        for k in range(self.drawn_maintenance):
            start, stop = _drawn(streams.at("maintenance", k), clock.slots, self.maintenance_slots)
            community = pool_maintenance(community, start, stop)
        return community

    def _drawn_outages(self, community: Community, streams: Streams) -> list[tuple[str, int, int]]:
        if not self.drawn_outages:
            return []
        having = np.flatnonzero(_owners(community, self.drawn_device))
        if not having.size:
            what = f"events.drawn_outages: nobody has a {self.drawn_device}"
            raise ScenarioError(f"{what} (an outage needs a device); set drawn_outages to 0")
        length = max(1, round(timedelta(hours=self.outage_hours) / community.clock.slot))
        found = []
        for k in range(self.drawn_outages):
            draw = streams.at("outage", k)
            member = community.names[int(having[draw.integers(having.size)])]
            found.append((member, *_drawn(draw, community.clock.slots, length)))
        return found


def _drawn(draw: np.random.Generator, slots: int, length: int) -> tuple[int, int]:
    """A window of `length` slots, or the whole run if it is shorter."""
    length = min(length, slots)
    start = int(draw.integers(slots - length + 1))
    return start, start + length
