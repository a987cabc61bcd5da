"""How evenly the saving falls. Rankings use savings; spreads of bills are shown, never ranked on (§14)."""

import math

import numpy as np

from ..totals import Facts
from ._indices import cov, gini, jain


def fairness(facts: Facts) -> float:
    """Jain's index of each member's saving as a share of the bill of its load alone; losses count as 0. [-]"""
    gross = facts.gross_bill
    if (gross <= 0).any():
        return math.nan
    return jain(np.maximum(facts.saving, 0.0) / gross)


def cov_bills(facts: Facts) -> float:
    """Coefficient of variation of members' bills; grows with the size of homes. [-]"""
    return cov(facts.bill)


def gini_bills(facts: Facts) -> float:
    """Gini index of members' bills; NaN where somebody earns. [-]"""
    return gini(facts.bill)


def gini_savings(facts: Facts) -> float:
    """Gini index of members' savings; NaN where somebody loses. [-]"""
    return gini(np.where(np.abs(facts.saving) < 1e-9, 0.0, facts.saving))
