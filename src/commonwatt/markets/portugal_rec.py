"""Renewable energy communities in Portugal."""

from typing import Literal

from ._keys import Key
from ._shared_energy import SharedEnergy


class PortugalRec(SharedEnergy):
    """Comunidade de energia renovável: shared by coefficients, an order, or consumption; access tariffs in part.

    Decreto-Lei 15/2022; ERSE Regulamento 815/2023. On energy shared over the public grid the access tariff is due
    without the costs of general economic interest (Despacho 6453/2020); other users bear those.
    """

    kind: Literal["portugal_rec"] = "portugal_rec"
    key: Literal["pro_rata", "static", "hourly_ex_ante", "cascade", "hybrid"] = "pro_rata"
    """By consumption, by coefficients fixed or by the hour, in an order, or first fixed and then by consumption."""

    @property
    def by(self) -> Key:
        return self.key

    @property
    def fee(self) -> float:
        full = self.value("network_fee") if self.grid_fee is None else self.grid_fee
        return full + self.value("general_costs") * (1 - self.value("exemption"))

    @property
    def levy(self) -> float:
        return 0.0
