"""How evenly the saving falls. Rankings use savings; spreads of bills are shown, never ranked on (§14).

A central battery is nobody's household: its meter counts in none of them.
"""

import math

import numpy as np

from ..totals import Facts
from ._indices import cov, gini, jain


def fairness(facts: Facts) -> float:
    """Jain's index of each member's saving as a share of the bill of its load alone; losses count as 0. [-]"""
    gross = facts.gross_bill[facts.households]
    if (gross <= 0).any():
        return math.nan
    return jain(np.maximum(facts.saving[facts.households], 0.0) / gross)


def cov_bills(facts: Facts) -> float:
    """Coefficient of variation of members' bills; grows with the size of homes. [-]"""
    return cov(facts.bill[facts.households])


def gini_bills(facts: Facts) -> float:
    """Gini index of members' bills; NaN where somebody earns. [-]"""
    return gini(facts.bill[facts.households])


def gini_savings(facts: Facts) -> float:
    """Gini index of members' savings; NaN where somebody loses. [-]"""
    saving = facts.saving[facts.households]
    return gini(np.where(np.abs(saving) < 1e-9, 0.0, saving))
