"""The connection: how much a member, a group behind a feeder or transformer, and all together may take and give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Protocol

import numpy as np

from .envelope import Flexibility
from .errors import DataError
from .noun import Array, Index, Noun, PerDevice, PerMember, PerSlot, dense, once, over_members, spread

PerGroup = Annotated[Array, "T", "G"]
COUPLING_POINT = "the coupling point"
UNSERVED_VALUE = 5.0
"""Worth of a kWh that was wanted and not served. [money/kWh]"""


def at_connection(member: str) -> str:
    """What the limit of one member is called."""
    return f"the connection of {member}"


def at_feeder(group: str) -> str:
    """What the limit of a group is called."""
    return f"the feeder of {group}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Connection(Noun):
    """Limits of the net power at meters, at groups' feeders and at the coupling point, as means of a slot [kW].

    None where nobody has a limit of that kind; infinite for a slot, member or group that has none. They bind what
    members' meters together take or give, before anybody trades: what flows from neighbour to neighbour on the same
    side of a limit is not counted, and losses of the pool are not either.
    """

    import_cap_kw: PerSlot | None = None
    """Of all members together. (T,)"""
    export_cap_kw: PerSlot | None = None
    """Of all members together. (T,)"""
    member_import_cap_kw: PerMember | None = None
    member_export_cap_kw: PerMember | None = None
    group: Annotated[Index, "N"] | None = None
    """Number of each member's group; -1: in none. (N,)"""
    group_names: tuple[str, ...] = ()
    group_import_cap_kw: PerGroup | None = None
    group_export_cap_kw: PerGroup | None = None
    unserved_value: float = UNSERVED_VALUE
    """What a kWh not served is worth to planners and in a metric; nobody is billed for it. [money/kWh]"""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in CAPS:
            cap = getattr(self, name)
            if cap is not None and not (cap >= 0).all():
                at = tuple(np.argwhere(~(cap >= 0))[0].tolist())
                shown = f"{name}{list(at)} = {cap[at]}"
                raise DataError(f"connection: {shown} (§3: a limit is at least 0); write inf or None for no limit")
        self._check_groups()

    def _check_groups(self) -> None:
        count, named = len(self.group_names), set(self.group_names)
        if len(named) < count or "" in named:
            raise DataError(f"connection: group_names = {self.group_names} (§9: every group has its own name)")
        if self.group is not None and self.group.size and not -1 <= self.group.min() <= self.group.max() < count:
            known = f"groups 0 to {count - 1}, and -1 for none"
            raise DataError(f"connection: group = {self.group.tolist()} ({known}); name the groups in group_names")
        for name in ("group_import_cap_kw", "group_export_cap_kw"):
            cap = getattr(self, name)
            if cap is not None and cap.shape[1] != count:
                raise DataError(f"connection: {name} has {cap.shape[1]} columns (one for each of {count} groups)")

    @property
    def is_open(self) -> bool:
        """Whether nothing is limited anywhere."""
        return all(getattr(self, name) is None for name in CAPS)

    @property
    def is_joint(self) -> bool:
        """Whether a group or all together are limited, so that what one member does may cut another."""
        return any(getattr(self, name) is not None for name in CAPS if not name.startswith("member"))

    def above(self, member: int, name: str) -> tuple[str, ...]:
        """The places that a member's net flow passes, by name: its own connection, its group's feeder, all together."""
        group = -1 if self.group is None else int(self.group[member])
        feeder = () if group < 0 else (at_feeder(self.group_names[group]),)
        return at_connection(name), *feeder, COUPLING_POINT

    def alone(self) -> Connection:
        """What still binds a member that stands alone (§14): its own limits, no neighbour's."""
        return Connection(
            member_import_cap_kw=self.member_import_cap_kw,
            member_export_cap_kw=self.member_export_cap_kw,
            unserved_value=self.unserved_value,
        )

    def check_fits(self, slots: int, members: int) -> None:
        """Raises DataError where the limits are of another length of time or another number of members."""
        sizes = {"T": slots, "N": members}
        for name, letter in {**CAPS, "group": "N"}.items():
            values = getattr(self, name)
            if values is not None and len(values) != sizes[letter]:
                have, due = len(values), sizes[letter]
                what = "slots" if letter == "T" else "members"
                raise DataError(f"connection: {name} has {have} {what} (§2: the community's {due}); give it {due}")

    def cut(self, flows: Behind, start_kwh: PerDevice, hours: float, least: float) -> Cut | None:
        """What is left of `flows`, in slots of `hours`, from levels (K,) on; None where no limit is exceeded.

        A limit exceeded by no more than `least` kWh counts as kept. One that is exceeded is met exactly:

        - Too much import takes from those who import, in proportion: first what batteries charge, then what obliged
          devices do, then load, which goes unserved. So no load is lost to charging that can wait.
        - Too much export takes from those who export, in proportion: first what devices give back, then PV, which is
          curtailed.
        - A device that could not follow its plan goes on with as much of it as still fits; accounts in a shared
          battery share what room is left in proportion to what they would charge.

        Members' limits are met first, then groups', then the community's, which takes from groups in proportion to
        their net flow: what feeds a neighbour behind the same transformer stays. Nobody's cut depends on the order
        of members.
        """
        if self.is_open:
            return None
        from ._limits import cut, first_over

        device, members = flows.flexibility, flows.served_kwh.shape[1]
        group, unit, caps = *self._places(members), self._caps_kwh(members, hours)
        crossed = dense(flows.import_kwh), dense(flows.export_kwh)
        first = first_over(*crossed, group, caps, least)
        if first == len(crossed[0]):
            return None
        constants = np.stack([device.discharge_efficiency, 1.0 - device.leakage])
        unserved, curtailed, *moved = cut(
            first, dense(flows.served_kwh), dense(flows.used_kwh), dense(flows.charge_kwh), dense(flows.discharge_kwh),
            dense(flows.level_kwh), device.owner, device.obliged, start_kwh, once(device.level_min_kwh),
            once(device.level_max_kwh), once(device.drain_kwh), once(device.charge_efficiency), constants,
            device.battery, group, unit, caps, least,
        )  # fmt: skip
        return Cut(_still(unserved), _still(curtailed), *moved)

    def passed(self, more_kwh: Array, flows: tuple[Array, Array], hours: float) -> Array:
        """As much of what members would give besides (T, N) as limits let out, cut in proportion behind each of them.

        `flows`: what they import and export anyway. (T, N) each [kWh]
        """
        if self.is_open:
            return more_kwh
        net = flows[1] - flows[0]
        if self.member_export_cap_kw is not None:
            more_kwh = np.clip(self.member_export_cap_kw * hours - net, 0.0, more_kwh)
        behind = [np.asarray(self.group == g) for g in range(len(self.group_names))] if self.group is not None else []
        caps = [] if self.group_export_cap_kw is None else list(self.group_export_cap_kw.T)
        joint = [*zip(behind, caps, strict=False)]
        if self.export_cap_kw is not None:
            joint.append((np.ones(net.shape[1], np.bool_), self.export_cap_kw))
        for members, cap_kw in joint:
            room = np.maximum(cap_kw * hours - over_members(net[:, members]), 0.0)
            asked = over_members(more_kwh[:, members])
            part = np.divide(room, asked, out=np.ones(room.shape), where=asked > room)
            more_kwh = np.where(members, more_kwh * part[:, None], more_kwh)
        return more_kwh

    def _places(self, members: int) -> tuple[Index, Index]:
        """Each member's group (-1: none), and whose cut at the coupling point it shares: its group's, or its own."""
        none = np.full(members, -1, np.int64)
        group = none if self.group is None else self.group
        limited = self.group_import_cap_kw is not None or self.group_export_cap_kw is not None
        own = len(self.group_names) + np.arange(members)
        return group, np.where((group >= 0) & limited, group, own)

    def _caps_kwh(self, members: int, hours: float) -> tuple[Array, ...]:
        """Import and export of members (1, N), groups (T or 1, G), all (T or 1, 1); infinite where there is none."""
        shapes = {"member": members, "group": len(self.group_names), "": 1}
        found = []
        for kind, width in shapes.items():
            for way in ("import", "export"):
                cap = getattr(self, f"{kind}_{way}_cap_kw".lstrip("_"))
                rows = np.full((1, width), np.inf) if cap is None else cap.reshape(-1, width)
                found.append(once(rows) * hours)
        return tuple(found)


class Behind(Protocol):
    """What happens behind the meters and at them, before any limit cuts it. [kWh]"""

    @property
    def served_kwh(self) -> Array:
        """Load that is served. (T, N)"""

    @property
    def used_kwh(self) -> Array:
        """PV that is used. (T, N)"""

    @property
    def charge_kwh(self) -> Array:
        """Into devices. (T, K)"""

    @property
    def discharge_kwh(self) -> Array:
        """Out of devices. (T, K)"""

    @property
    def level_kwh(self) -> Array:
        """Stored at the end of a slot. (T, K)"""

    @property
    def import_kwh(self) -> Array:
        """Through the member's meter, inwards. (T, N)"""

    @property
    def export_kwh(self) -> Array:
        """Through the member's meter, outwards. (T, N)"""

    @property
    def flexibility(self) -> Flexibility:
        """The devices."""


@dataclass(frozen=True)
class Cut:
    """What a limit takes away (T, N), what devices still do, and the levels that leads to (T, K)."""

    unserved_kwh: Array
    curtailed_kwh: Array
    charge_kwh: Array
    discharge_kwh: Array
    level_kwh: Array


def _still(values: Array) -> Array:
    """`values`, as one zero repeated where nothing else is in them."""
    return values if values.any() else spread(0.0, values.shape)


CAPS = {
    "import_cap_kw": "T", "export_cap_kw": "T", "member_import_cap_kw": "N", "member_export_cap_kw": "N",
    "group_import_cap_kw": "T", "group_export_cap_kw": "T",
}  # fmt: skip
"""Every limit, and what its first axis counts: slots or members."""
OPEN = Connection()
"""No limit anywhere."""
