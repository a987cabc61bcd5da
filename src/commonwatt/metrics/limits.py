"""What the limits of the connection cost: load that is not served, PV that is not used, hours in which it happens."""

import math

import numpy as np

from ..noun import Array
from ..totals import Facts

LEAST = 1e-6
"""What counts as something: solvers are no more exact. [kWh]"""


def unserved(facts: Facts) -> float:
    """Load that was not served. [kWh]"""
    return facts.run.sum("unserved_kwh")


def curtailed(facts: Facts) -> float:
    """PV that was neither used nor exported. [kWh]"""
    return facts.run.sum("curtailed_kwh")


def loss_of_load(facts: Facts) -> float:
    """Part of the load that was not served. [-]"""
    load = float(facts.community.load_kwh.sum())
    return facts.run.sum("unserved_kwh") / load if load > 0 else math.nan


def curtailment(facts: Facts) -> float:
    """Part of the PV that was curtailed. [-]"""
    made = float(facts.community.pv_kwh.sum())
    return facts.run.sum("curtailed_kwh") / made if made > 0 else math.nan


def overload_hours(facts: Facts) -> float:
    """Time in which load goes unserved or PV is curtailed anywhere. [h]"""
    cut = facts.run.by_slot("unserved_kwh") + facts.run.by_slot("curtailed_kwh")
    return float((cut > LEAST).sum()) * facts.run.hours


def hours_at_limit(facts: Facts) -> float:
    """Time in which the community's net import or export is all that its coupling point allows. [h]"""
    net = facts.run.by_slot("import_kwh") - facts.run.by_slot("export_kwh")
    limits = facts.community.connection
    full = _reached(net, limits.import_cap_kw, facts.run.hours)
    return float((full | _reached(-net, limits.export_cap_kw, facts.run.hours)).sum()) * facts.run.hours


def unserved_cost(facts: Facts) -> float:
    """Unserved energy at what it is worth (`unserved_value`); billed to nobody. [money]"""
    return facts.run.sum("unserved_kwh") * facts.community.connection.unserved_value


def _reached(net: Array, cap_kw: Array | None, hours: float) -> np.ndarray:
    """Slots in which the net flow is at its limit. (T,)"""
    most = np.inf if cap_kw is None else cap_kw * hours
    return net + LEAST * np.maximum(net, 1.0) >= most
