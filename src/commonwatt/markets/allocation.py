"""A shared plant, or the pool's surplus, by an allocation key."""

from typing import Literal

from ._allocating import Allocating
from ._keys import Key


class Allocation(Allocating):
    """What named plants, or all members with surplus, have to give goes to members' demands by a key, slot by slot.

    Everybody keeps its own meter and retailer for the rest; what is not shared is sold at the producer's own price.
    Keys as collective self-consumption knows them (France: Code de l'énergie, L315-2; Spain: Real Decreto 244/2019);
    equal and weighted: constrained equal awards, Aumann and Maschler 1985, doi:10.1016/0022-0531(85)90102-4.
    Coefficients stand in `members.csv` or in `series_<name>.csv`; without any, all are alike.
    """

    kind: Literal["allocation"] = "allocation"
    key: Key = "pro_rata"
    """How the pot is shared: by `allocation_key`, a trait (static; hybrid, then by demand what is left), a series
    (hourly_ex_ante), or series `allocation_key_1`, `allocation_key_2`, ... of each plant (full_dynamic); by demand
    (pro_rata); the same for all, capped by demand (equal), or by `allocation_weight` (weighted); in order of
    `allocation_rank`, lowest first (cascade)."""

    @property
    def by(self) -> Key:
        return self.key
