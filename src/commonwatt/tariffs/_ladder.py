"""The price ladder over the local day that several tariffs start from."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from ..errors import ScenarioError
from ..flow import Array, Clock, Community, Mask, Prices
from . import Tariff

PEAK_HOURS, DAY_HOURS = (17, 21), (7, 23)
Share = Annotated[float, Field(ge=0, le=1)]


class Ladder(Tariff):
    """Off-peak, mid-peak and on-peak by wall clock, with the hours of S0 (docs/origins.md)."""

    off_peak: float = 0.08
    """Night price, 23 to 7. [money/kWh]"""
    mid_peak: float = 0.12
    """Day price, 7 to 17 and 21 to 23. [money/kWh]"""
    on_peak: float = 0.20
    """Evening price, 17 to 21. [money/kWh]"""
    export_ratio: Share = 0.4
    """Export price as a share of the import price. [-]"""
    working_days_only: bool = False
    """Whether weekends and holidays are off-peak all day."""
    holidays: Annotated[str, Field(pattern="^[A-Z]{2}(-[A-Z0-9]{1,4})?$")] | None = None
    """Country, with subdivision if wanted, whose public holidays count (DE, DE-BY, US-CA); none: no holidays."""

    def prices(self, community: Community) -> Prices:
        ladder = self.ladder(community.clock)
        return Prices.common(ladder, self.export_ratio * ladder, community.shape)

    def ladder(self, clock: Clock) -> Array:
        """The price of every slot. (T,) [money/kWh]"""
        day, peak = _between(clock, DAY_HOURS), self.peak(clock)
        works = self._working(clock)
        return np.select([peak, day & works], [self.on_peak, self.mid_peak], self.off_peak)

    def peak(self, clock: Clock) -> Mask:
        """The slots of the evening window on days that have one. (T,)"""
        return _between(clock, PEAK_HOURS) & self._working(clock)

    def _working(self, clock: Clock) -> Mask:
        if not self.working_days_only:
            return np.ones(clock.slots, np.bool_)
        return (clock.weekday < 5) & ~np.isin(clock.date, public_holidays(self.holidays, clock))


def _between(clock: Clock, hours: tuple[int, int]) -> Mask:
    mask: Mask = (clock.hour >= hours[0]) & (clock.hour < hours[1])
    return mask


def public_holidays(country: str | None, clock: Clock) -> Array:
    """Dates of a country's public holidays in the clock's years; empty where no country is named."""
    if country is None or clock.slots == 0:
        return np.empty(0, "M8[D]")
    import holidays

    years = range(clock.date[0].astype(object).year, clock.date[-1].astype(object).year + 1)
    nation, _, part = country.partition("-")
    try:
        dates = holidays.country_holidays(nation, subdiv=part or None, years=years)
    except (NotImplementedError, KeyError) as error:
        raise ScenarioError(
            f"tariff.holidays = {country!r}: no such calendar (ISO 3166 country, optional subdivision); "
            "write one such as DE, DE-BY or US-CA, or leave it out"
        ) from error
    return np.array(sorted(dates), dtype="M8[D]")
