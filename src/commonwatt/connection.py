"""The connection: how much a member, a group behind a feeder or transformer, and all together may take and give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from .errors import DataError
from .noun import Array, Index, Noun, PerMember, PerSlot

PerGroup = Annotated[Array, "T", "G"]
UNSERVED_VALUE = 5.0
"""Worth of a kWh that was wanted and not served. [money/kWh]"""


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


CAPS = {
    "import_cap_kw": "T", "export_cap_kw": "T", "member_import_cap_kw": "N", "member_export_cap_kw": "N",
    "group_import_cap_kw": "T", "group_export_cap_kw": "T",
}  # fmt: skip
"""Every limit, and what its first axis counts: slots or members."""
OPEN = Connection()
"""No limit anywhere."""
