"""A tariff's charges as peaks and tiers on the meters that they read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..flow import Carry, Charge, Clock, Index, Mask, Prices
from ..rules import PeakTerm, Terms, TierTerm, ahead
from .limits import Peak, Reads, Tier

Meter = tuple[int, Mask, Reads]
"""Its number in the charge's sums, whose it is, what it reads."""


def unplannable(prices: Prices, hours: float) -> list[str]:
    """Reasons of charges and fees that no plan can heed."""
    charges = (charge.reason for charge in prices.charges if charge.terms(charge.start(1), hours) is None)
    return [*charges, *(fee.reason for fee in prices.fees)]


def charges_ahead(
    prices: Prices, clock: Clock, carry: Carry, order: Index, *, together: bool
) -> tuple[tuple[Peak, ...], tuple[Tier, ...]]:
    """All peaks and tiers of the slots ahead, for members in this order.

    `together`: behind one meter the coupling point is billed; else everybody is billed at its own. What a ratchet
    makes of a peak in later periods is left out.
    """
    found = [
        _peak(term, meter, within) if isinstance(term, PeakTerm) else _tier(term, meter, within)
        for charge, stretches in _stretches(prices, clock, carry, order.size)
        for meter in _meters(prices, charge, order, together=together)
        for within, terms in stretches
        for term in terms
    ]
    peaks = tuple(charge for charge in found if isinstance(charge, Peak))
    return peaks, tuple(charge for charge in found if isinstance(charge, Tier))


def _stretches(
    prices: Prices, clock: Clock, carry: Carry, members: int
) -> Iterator[tuple[Charge, list[tuple[Mask, Terms]]]]:
    """Every charge with its periods ahead: their slots, and what they owe."""
    for k, charge in enumerate(prices.charges):
        columns = members + prices.one_meter * (members * charge.netted + 1)
        slot = np.arange(clock.slots)
        periods = ahead(charge, clock, carry.get(f"charge.{k}"), columns) or ()
        yield charge, [((slot >= start) & (slot < stop), terms) for start, stop, terms in periods]


def _meters(prices: Prices, charge: Charge, order: Index, *, together: bool) -> Iterator[Meter]:
    """The meters that are billed (columns as settlement orders them: own, the coupling point's, parts of it)."""
    members, joint = order.size, prices.one_meter and together
    first = 0
    if prices.one_meter and not joint:
        first = members + 1 if charge.netted else 1
    if joint:
        everybody = np.ones(members, np.bool_)
        yield (members, everybody, "pool") if charge.netted else (0, everybody, "wires")
    if not joint or charge.netted:
        for n, number in enumerate(order):
            yield first + int(number), np.arange(members) == n, "residual" if charge.netted else "wires"


def _peak(term: PeakTerm, meter: Meter, within: Mask) -> Peak:
    number, members, reads = meter
    weight = np.zeros(within.size)
    weight[within] = term.weight
    return Peak(members=members, reads=reads, weight=weight, rate=term.rate, locked_kw=float(term.locked_kw[number]))


def _tier(term: TierTerm, meter: Meter, within: Mask) -> Tier:
    """Thresholds still ahead as blocks; what is owed for energy already used is left out."""
    number, members, reads = meter
    left = np.maximum(term.above_kwh - term.used_kwh[number], 0.0)
    start = np.concatenate([[0.0], left])
    width, rate = np.diff(start, append=np.inf), np.concatenate([[0.0], np.cumsum(term.step)])
    kept = width > 0
    return Tier(members=members, reads=reads, slots=within, width_kwh=width[kept], rate=rate[kept])
