"""The saving by weights: everybody pays its bill alone, less its part of what sharing saves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import ScenarioError
from ..flow import Array, Community, Sharing
from ..noun import PerMember, over_members, per_kwh, running_sum
from ..rules import Pooled
from ._cost_sharing import CostSharing, Share, stakes

Weights = Literal["equal", "traded", "investment"]


class SavingWeights(CostSharing):
    """Everybody pays what it would pay alone, less its part of the community's saving; who stays out gets nothing.

    Proportional shares of the gain from cooperating: nobody pays more than alone, and nothing is left over.
    """

    kind: Literal["saving_weights"] = "saving_weights"
    weights: Weights = "traded"
    """By heads, by energy exchanged with other members, or by the trait `investment` (without it, `pv_kwp`)."""

    def rule(self, community: Community) -> Sharing:
        members = community.shape[1]
        invested = _invested(community) if self.weights == "investment" else np.ones(members)
        return SavingShare(
            period=self.period, reason="share of the saving", weight=invested, by_energy=self.weights == "traded"
        )


def _invested(community: Community) -> Array:
    """What each member has put in. (N,) Raises ScenarioError where it is not known, or below 0."""
    found = next((community.traits[name] for name in ("investment", "pv_kwp") if name in community.traits), None)
    if found is None:
        what = "market.weights = investment: the community has no trait investment (§15: weights come from there)"
        raise ScenarioError(f"{what}; add a column investment to members.csv, or take other weights")
    if (found < 0).any():
        worst = int(found.argmin())
        what = f"members.csv: {community.names[worst]} has invested {found[worst]:g}"
        raise ScenarioError(f"{what} (§15: at least 0); correct it")
    return found


@dataclass(frozen=True, eq=False, kw_only=True)
class SavingShare(Share):
    """Carries each member's cost alone, its energy exchanged inside and through the pool, and the joint cost."""

    weight: PerMember
    by_energy: bool

    def start(self, columns: int) -> Array:
        return np.zeros(3 * columns + 1)

    def add(self, carry: Array, reads: Pooled) -> Array:
        net, up, down = (side[:, None] if side.ndim == 1 else side for side in stakes(reads))
        bought, sold = over_members(reads.bought_kwh), over_members(reads.sold_kwh)
        inside = np.minimum(bought, reads.efficiency * sold)
        taken, given = (per_kwh(inside, total)[:, None] for total in (bought, sold))
        exchanged = reads.bought_kwh * taken + reads.sold_kwh * given
        together = over_members(net)[:, None]
        costs = [np.where(kwh > 0, up, down) * kwh for kwh in (net, together)]
        return running_sum(carry, np.hstack([costs[0], exchanged, reads.bought_kwh + reads.sold_kwh, costs[1]]))

    def amounts(self, carry: Array) -> Array:
        alone, exchanged, moved = np.split(carry[:-1], 3)
        present = (moved > 0).astype(np.float64)
        weight = exchanged if self.by_energy else self.weight * present
        weight = weight if weight.sum() > 0 else present
        owed: Array = alone - per_kwh(weight, weight.sum()) * (alone.sum() - carry[-1])
        return owed
