"""A surcharge that grows, or a discount that sets in, with the energy of a period."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, NonNegativeFloat, model_validator

from ..flow import Array, Charge, Community
from ..noun import running_sum
from ..rules import Meter, TierTerm
from . import ChargeRule


class Tiers(ChargeRule):
    """Money per kWh on top of the energy price, by how much a meter has imported in the period.

    Below the first threshold nothing is added; from each threshold on its surcharge holds until the next. Surcharges
    that rise reward saving (inclining blocks); those that fall, or lie below 0, are discounts for volume.
    """

    kind: Literal["tiers"] = "tiers"
    payee: Literal["network", "retailer", "state", "operator"] = "retailer"
    """Who receives it."""
    above_kwh: Annotated[tuple[NonNegativeFloat, ...], Field(min_length=1)] = (200.0, 400.0)
    """Thresholds, rising. [kWh]"""
    surcharge: Annotated[tuple[float, ...], Field(min_length=1)] = (0.04, 0.10)
    """What is added to the price from each threshold on. [money/kWh]"""
    netted: bool = True
    """Whether energy traded inside is taken off the member's meter first."""

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if len(self.above_kwh) != len(self.surcharge):
            raise ValueError(
                f"{len(self.above_kwh)} thresholds and {len(self.surcharge)} surcharges; give one for each"
            )
        if any(b <= a for a, b in pairwise(self.above_kwh)):
            raise ValueError(f"thresholds {self.above_kwh} do not rise; write them in rising order")
        return self

    def charge(self, community: Community) -> TierCharge:
        return TierCharge(
            period=self.period, payee=self.account, reason="tiers", netted=self.netted,
            above_kwh=np.array(self.above_kwh), step=np.diff(np.array(self.surcharge), prepend=0.0),
        )  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class TierCharge(Charge):
    """Carries what every meter has imported in the period. [kWh]"""

    above_kwh: Array
    step: Array
    """What each threshold adds to the surcharge. [money/kWh]"""

    def start(self, columns: int) -> Array:
        return np.zeros(columns)

    def add(self, carry: Array, reads: Meter) -> Array:
        return running_sum(carry, reads.import_kwh)

    def amounts(self, carry: Array) -> Array:
        owed = np.zeros(carry.shape)
        for above, step in zip(self.above_kwh, self.step, strict=True):
            owed += step * np.maximum(carry - above, 0.0)
        return owed

    def terms(self, carry: Array, hours: float) -> tuple[TierTerm]:
        return (TierTerm(above_kwh=self.above_kwh, step=self.step, used_kwh=carry),)
