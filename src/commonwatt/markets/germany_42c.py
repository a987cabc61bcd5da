"""Energy sharing over the public grid in Germany."""

from typing import Literal

from ._keys import Key
from ._shared_energy import SharedEnergy


class Germany42c(SharedEnergy):
    """Energy sharing from June 2026: energy by a key of its contract, within one grid's balancing area.

    Energiewirtschaftsgesetz, § 42c; Directive (EU) 2024/1711, article 15a. Grid fees and levies are due in full;
    nobody pays an incentive.
    """

    kind: Literal["germany_42c"] = "germany_42c"
    key: Literal["pro_rata", "static"] = "pro_rata"
    """By demand, or by `allocation_key`."""

    @property
    def by(self) -> Key:
        return self.key
