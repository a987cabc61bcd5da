"""Shared supply of a building in Germany."""

from typing import Literal

from ._keys import Key
from ._shared_energy import SharedEnergy


class Germany42b(SharedEnergy):
    """Gemeinschaftliche Gebäudeversorgung: a building's PV by a key that its parties agree on, the rest from retailers.

    Energiewirtschaftsgesetz, § 42b. No public grid is used, so neither grid fee nor levies are due; nobody pays an
    incentive. What is left over is fed in at the plant's own price.
    """

    kind: Literal["germany_42b"] = "germany_42b"
    key: Literal["pro_rata", "static", "equal"] = "pro_rata"
    """By demand, by `allocation_key`, or the same for all."""

    @property
    def by(self) -> Key:
        return self.key
