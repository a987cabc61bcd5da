"""What the grid sees at the coupling point."""

import math

import numpy as np

from ..noun import Array
from ..totals import Facts


def peak_import(facts: Facts) -> float:
    """Highest net import of the community, mean of a slot. [kW]"""
    return float(np.max(_net_kw(facts), initial=0.0))


def peak_export(facts: Facts) -> float:
    """Highest net export of the community, mean of a slot. [kW]"""
    return float(np.max(-_net_kw(facts), initial=0.0))


def load_factor(facts: Facts) -> float:
    """Mean over highest net import of the community. [-]"""
    drawn = np.maximum(_net_kw(facts), 0.0)
    return float(drawn.mean() / drawn.max()) if drawn.size and drawn.max() > 0 else math.nan


def highest_member_import(facts: Facts) -> float:
    """Highest import at any member's meter, mean of a slot. [kW]"""
    highest = facts.run.highest["import_kwh"]
    return float(highest.max(initial=0.0) / facts.run.hours)


def _net_kw(facts: Facts) -> Array:
    net: Array = (facts.run.by_slot("import_kwh") - facts.run.by_slot("export_kwh")) / facts.run.hours
    return net
