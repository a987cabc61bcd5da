"""Renewable energy communities in Italy: bills stay as they are, and what coincides earns a premium."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..errors import ScenarioError
from ..flow import Account, Array, Clock, Community, Prices, Sharing
from ..noun import TN, PerMember, PerSlot, dense, per_kwh, spread
from ..rules import Pooled
from ._billing import Billing

SMALL, MIDDLE = 200.0, 600.0
"""Rated power up to which a plant earns the higher premiums. [kW]"""
Part = Annotated[float, Field(ge=0, le=1)]


class ItalyCer(Billing):
    """Comunità energetica rinnovabile: all energy is drawn and fed in at everybody's own contract.

    Energy shared is, hour by hour, the lesser of what all feed in and what all draw. It earns a premium, by size of
    plant, zone and zonal price (the signal `zonal_price`, else the selling price of the coupling point), and tariff
    components come back. Both go to members by energy given and by energy taken; the premium on what is shared above a
    threshold goes to consumers that are no businesses (trait `business` not 0). Size of plants: trait `pv_kwp`. Decree
    MASE 7 December 2023 no. 414; ARERA 727/2022/R/eel. Paid from levies on all electricity through GSE.
    """

    kind: Literal["italy_cer"] = "italy_cer"
    zone: Literal["north", "centre", "south"] = "north"
    """Where the plants stand."""
    plant_kw: Annotated[float, Field(gt=0, le=1000)] = 20.0
    """Rated power of plants of which the trait `pv_kwp` tells nothing. [kW]"""
    grant: Annotated[float, Field(ge=0, le=0.4)] = 0.0
    """Capital grant that plants got, as a part of their cost: it lowers the premium. [-]"""
    producers_part: Part = 0.5
    """Of premium and refund, to members by energy given. [-]"""
    consumers_part: Part = 0.5
    """Of premium and refund, to members by energy taken; what neither gets serves social purposes. [-]"""

    def terms(self, prices: Prices, community: Community) -> Prices:
        if self.producers_part + self.consumers_part > 1 + 1e-9:
            what = f"market.producers_part + consumers_part = {self.producers_part + self.consumers_part:g}"
            raise ScenarioError(f"{what} (§5: parts of one amount); make them at most 1")
        closes, zonal = _hours(prices, community)
        premium = Premium(
            period="year", payee=Account.FUND, reason="premium on shared energy", closes=closes,
            rates=self._rates(zonal, community), producers=self.producers_part, consumers=self.consumers_part,
            free=self._free(), business=_businesses(community),
        )  # fmt: skip
        refund = replace(
            premium, payee=Account.NETWORK, reason="refund on shared energy", free=1.0,
            rates=spread(self.value("refund"), community.shape),
        )  # fmt: skip
        return replace(prices, sharings=(*prices.sharings, premium, refund))

    def _rates(self, zonal: Array, community: Community) -> Array:
        """Premium per kWh that a member gives. (T, N) [money/kWh]"""
        size = community.traits.get("pv_kwp", np.zeros(community.shape[1]))
        size = np.where(size > 0, size, self.plant_kw)
        base, cap = (
            np.select([size <= SMALL, size <= MIDDLE], [self.value(f"{name}_200"), self.value(f"{name}_600")],
                      self.value(f"{name}_above"))
            for name in ("base", "cap")
        )  # fmt: skip
        low = np.maximum(self.value("reference_price") - zonal, 0.0)[:, None]
        kept = 1 - self.value("grant_reduction") * self.grant / self.value("grant_most")
        rates: Array = kept * (np.minimum(base + low, cap) + self.value(f"add_{self.zone}"))
        return rates

    def _free(self) -> float:
        """Part of fed-in energy up to which the premium is free to share. [-]"""
        return self.value("threshold_with_grant" if self.grant > 0 else "threshold")


def _hours(prices: Prices, community: Community) -> tuple[Array, Array]:
    """The last slot of every local hour, and the zonal price as the mean of its hour. (T,) each"""
    clock: Clock = community.clock
    zonal = community.signals.get("zonal_price", prices.coupling_sell)
    hour = clock.stamps[:-1].astype("M8[h]")
    starts = np.flatnonzero(np.r_[True, hour[1:] != hour[:-1]]) if clock.slots else np.empty(0, np.int64)
    length = np.diff(np.r_[starts, clock.slots])
    closes = np.zeros(clock.slots)
    closes[starts + length - 1] = 1.0
    mean = np.add.reduceat(zonal, starts) / length if clock.slots else zonal
    return closes, np.repeat(mean, length)


def _businesses(community: Community) -> Array:
    """1 for members that are businesses. (N,)"""
    return np.where(community.traits.get("business", np.zeros(community.shape[1])) != 0, 1.0, 0.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Premium(Sharing):
    """An amount per kWh shared within an hour, split by energy given and taken. Carries the sums of `_hours`. (6, N)"""

    closes: PerSlot
    rates: TN
    producers: float
    consumers: float
    free: float
    """Part of fed-in energy up to which all share; what more earns goes to consumers that are no businesses. [-]"""
    business: PerMember

    def start(self, columns: int) -> Array:
        return np.zeros((6, columns))

    def add(self, carry: Array, reads: Pooled) -> Array:
        from ._hours import hours_added

        rates = dense(np.broadcast_to(self.rates, reads.import_kwh.shape))
        sums: Array = hours_added(carry, dense(reads.import_kwh), dense(reads.export_kwh), dense(self.closes), rates)
        return sums

    def amounts(self, carry: Array) -> Array:
        _, _, gave, took, earned, fed = carry
        premium, shared = earned.sum(), gave.sum()
        above = max(1 - self.free * fed.sum() / shared, 0.0) if shared > 0 else 0.0
        social = took * (1 - self.business)
        everybody = self.producers * per_kwh(gave, shared) + self.consumers * per_kwh(took, took.sum())
        owed: Array = -premium * ((1 - above) * everybody + above * per_kwh(social, social.sum()))
        return owed
