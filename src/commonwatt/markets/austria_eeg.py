"""Renewable energy communities in Austria."""

from typing import Literal

from ._keys import Key
from ._shared_energy import SharedEnergy


class AustriaEeg(SharedEnergy):
    """Erneuerbare-Energie-Gemeinschaft: shared energy pays a reduced network tariff and no electricity levy.

    ElWOG 2010, §§ 16c to 16e; SNE-V 2018, second amendment 2021; Elektrizitätsabgabegesetz, § 2. Other users of the
    network bear the reduction.
    """

    kind: Literal["austria_eeg"] = "austria_eeg"
    key: Literal["pro_rata", "static"] = "pro_rata"
    """By demand (dynamisch) or by `allocation_key` (statisch)."""
    area: Literal["local", "regional", "regional_medium_voltage"] = "local"
    """Within one low-voltage grid, or across; members at medium voltage are a case of their own."""

    @property
    def by(self) -> Key:
        return self.key

    @property
    def reduction(self) -> float:
        return self.value(f"reduction_{self.area}")
