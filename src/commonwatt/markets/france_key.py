"""Collective self-consumption in France."""

from typing import Literal

from ._keys import Key
from ._shared_energy import SharedEnergy


class FranceKey(SharedEnergy):
    """Autoconsommation collective: the organiser names a key; the grid operator counts by it, step by step.

    By demand unless the organiser says otherwise; fixed parts, an order of members, or a key of its own for every
    producer and step. Network tariffs are due on shared energy, the excise is not for plants below 1 MW. Code de
    l'énergie, L315-2 and D315-1 ff.; article 75 of law 2025-127. The state goes without the excise.
    """

    kind: Literal["france_key"] = "france_key"
    key: Literal["pro_rata", "static", "cascade", "full_dynamic"] = "pro_rata"
    """By demand (dynamique par défaut), fixed (statique), in an order (dynamique simple), or full (dynamique)."""

    @property
    def by(self) -> Key:
        return self.key
