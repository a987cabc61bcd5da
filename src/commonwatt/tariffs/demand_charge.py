"""A price ladder over the local day, and a charge on the month's highest power."""

from typing import Annotated, Literal

from ..charges import CHARGES, ChargeRule
from ..charges.demand import Demand
from ..registry import one_of
from ._ladder import Ladder


class DemandCharge(Ladder):
    """Time-of-use prices with a demand charge, as larger customers pay; any other tariff may have one in `charges`."""

    kind: Literal["demand_charge"] = "demand_charge"
    charges: tuple[Annotated[ChargeRule, one_of(CHARGES)], ...] = (Demand(),)
    """What is owed per period beyond prices per kWh; by default, for the month's highest power."""
