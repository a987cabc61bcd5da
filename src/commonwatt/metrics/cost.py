"""What it costs, and for whom."""

import math

import numpy as np

from ..noun import Mask
from ..totals import Facts


def total_cost(facts: Facts) -> float:
    """Sum of all members' bills. [money]"""
    return float(facts.bill.sum())


def saving(facts: Facts) -> float:
    """What members together pay less than standing alone. [money]"""
    return float(facts.saving.sum())


def saving_share(facts: Facts) -> float:
    """The saving as a share of what the load alone would cost. [-]"""
    gross = float(facts.gross_bill.sum())
    return float(facts.saving.sum()) / gross if gross > 0 else math.nan


def least_saving(facts: Facts) -> float:
    """What the member that gains least pays less than alone; negative: it loses. [money]"""
    return float(facts.saving.min(initial=math.inf)) if facts.saving.size else math.nan


def losers(facts: Facts) -> float:
    """Members that pay more than standing alone on their own contract. [members]"""
    return float(_loses(facts).sum())


def operator_result(facts: Facts) -> float:
    """What is left with the operator, its fees included; negative: the mechanism collects too little. [money]"""
    return facts.operator


def _loses(facts: Facts) -> Mask:
    tolerance = 1e-9 * (1 + np.abs(facts.alone.by_member["bill_money"]) + np.abs(facts.gross_bill))
    loses: Mask = facts.saving < -tolerance
    return loses
