"""How much of its own energy the community uses. NaN where there is nothing to use."""

import math

from ..noun import Array
from ..totals import Facts


def self_consumption(facts: Facts) -> float:
    """Part of the PV used by somebody in the community, after sharing. [-]"""
    made = float(facts.community.pv_kwh.sum())
    lost = _spared(facts) - float(facts.sent.sum())
    return 1 - lost / made if made > 0 else math.nan


def self_sufficiency(facts: Facts) -> float:
    """Part of the load met by the community itself, after sharing; charging of vehicles counts as load. [-]"""
    load = _load(facts)
    lacking = _lacking(facts) - float(_matched(facts).sum())
    return 1 - lacking / load if load > 0 else math.nan


def individual_self_consumption(facts: Facts) -> float:
    """Part of the PV used behind the meter where it is made. [-]"""
    made = float(facts.community.pv_kwh.sum())
    return 1 - _spared(facts) / made if made > 0 else math.nan


def individual_self_sufficiency(facts: Facts) -> float:
    """Part of the load met behind the member's own meter. [-]"""
    load = _load(facts)
    return 1 - _lacking(facts) / load if load > 0 else math.nan


def traded(facts: Facts) -> float:
    """Energy delivered from member to member; each kWh counts once. [kWh]"""
    return float(_matched(facts).sum())


def p2p_share(facts: Facts) -> float:
    """Part of what members import that comes from other members; each kWh counts once. [-]"""
    imported = facts.run.sum("import_kwh")
    return float(_matched(facts).sum()) / imported if imported > 0 else math.nan


def emissions(facts: Facts) -> float:
    """Carbon of what the community takes from the grid; NaN without the signal `carbon_kg_per_kwh`. [kg]"""
    intensity = facts.community.signals.get("carbon_kg_per_kwh")
    if intensity is None:
        return math.nan
    imported = facts.run.by_slot("import_kwh") - _matched(facts)
    return float((imported * intensity).sum())


def _spared(facts: Facts) -> float:
    """PV that its maker does not use: exported or curtailed."""
    return facts.run.sum("export_kwh") + facts.run.sum("curtailed_kwh")


def _lacking(facts: Facts) -> float:
    """Load that a member does not meet itself: imported or not served."""
    return facts.run.sum("import_kwh") + facts.run.sum("unserved_kwh")


def _load(facts: Facts) -> float:
    return float(facts.community.load_kwh.sum()) + facts.vehicle_kwh


def _matched(facts: Facts) -> Array:
    """Delivered inside, by slot. (T,)"""
    return facts.matched
