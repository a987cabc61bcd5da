"""What it costs, and for whom."""

import math

import numpy as np

from ..accounts import Account
from ..noun import Mask
from ..totals import Facts, Totals


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
    saving = facts.saving[facts.households]
    return float(saving.min()) if saving.size else math.nan


def losers(facts: Facts) -> float:
    """Members that pay more than standing alone on their own contract. [members]"""
    return float((_loses(facts) & facts.households).sum())


def operator_result(facts: Facts) -> float:
    """What is left with the operator, its fees included; negative: the mechanism collects too little. [money]"""
    return facts.operator


def debt(facts: Facts) -> float:
    """What members' wallets are below zero by at the end; NaN where nobody said what they began with. [money]"""
    if "wallet_start" not in facts.community.traits:
        return math.nan
    return float(np.maximum(-facts.wallet, 0.0).sum())


def degradation_cost(facts: Facts) -> float:
    """Wear of devices by what they charged and discharged, in no bill; NaN where no device wears. [money]"""
    if not facts.community.wear.any():
        return math.nan
    moved = facts.run.by_member["charge_kwh"] + facts.run.by_member["discharge_kwh"]
    return float((moved * facts.community.wear).sum())


def regret(facts: Facts) -> float:
    """What the run cost more than the best plan with perfect foresight, less energy left in store.

    Wear, unserved load and what an operator is short of count as costs. NaN unless the scenario asks for it. [money]
    """
    if facts.best is None:
        return math.nan
    return _net_cost(facts, facts.run) - _net_cost(facts, facts.best.run)


def _net_cost(facts: Facts, run: Totals) -> float:
    """All that a run costs members, billed or not, less what is left in stores. [money]"""
    assert facts.best is not None
    moved = run.by_member["charge_kwh"] + run.by_member["discharge_kwh"]
    wear, left = moved * facts.community.wear, run.last["level_kwh"] * facts.best.stored_price
    deficit = max(-float(run.last["till_money"][Account.OPERATOR.column]), 0.0)
    unserved = run.sum("unserved_kwh") * facts.community.connection.unserved_value
    return float(run.by_member["bill_money"].sum()) + deficit + unserved + float(wear.sum()) - float(left.sum())


def _loses(facts: Facts) -> Mask:
    tolerance = 1e-9 * (1 + np.abs(facts.alone.by_member["bill_money"]) + np.abs(facts.gross_bill))
    loses: Mask = facts.saving < -tolerance
    return loses
