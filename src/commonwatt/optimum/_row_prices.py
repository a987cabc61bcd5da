"""What a solver's duals of rows say about prices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..flow import Array
from ._matrix import Matrix
from .engine import Duals
from .problem import Problem


def prices_of_rows(problem: Problem, matrix: Matrix, dual: Array) -> Duals:
    """Prices from the duals of a matrix's rows, what the cost rises by per kWh on their right; all zero without any."""
    duals = Duals.nothing(problem)
    if not dual.size:
        return duals
    (slots, members), devices = problem.shape, problem.stores.shape[1]
    cells, levels = slots * members, slots * (members + devices)
    found = {"balance": dual[:cells].reshape(slots, members), "level": dual[cells:levels].reshape(slots, devices)}
    if problem.pooled:
        found |= {"demand": dual[levels : levels + slots], "supply": -dual[levels + slots : levels + 2 * slots]}
    of = {name: rows.read(dual) for name, rows in matrix.rows.items()}
    found |= {"import_limit": np.maximum(-of["place"], 0.0), "export_limit": np.maximum(of["place"], 0.0)}
    if problem.peaks:
        weight = np.stack([peak.weight for peak in problem.peaks], axis=1)
        found["peak"] = np.maximum(-of["peak"], 0.0) * weight
    if problem.tiers:
        found |= {"tier": -of["tier"][0], "tier_in": np.maximum(-of["metered"], 0.0)}
    if problem.joints:
        found |= _of_joints(problem, of)
    if not problem.resale:
        found["resale"] = np.maximum(-of["resale"], 0.0)
    return replace(duals, **found)


def _of_joints(problem: Problem, of: dict[str, Array]) -> dict[str, Array]:
    """Prices of shared batteries: room, and power, whose row counts in parts of the larger of both powers."""
    price = np.maximum(-of["joint_power"], 0.0)
    into = np.stack([joint.charge_max_kwh for joint in problem.joints], axis=1)
    out_of = np.stack([joint.discharge_max_kwh for joint in problem.joints], axis=1)
    most = np.maximum(into, out_of)
    charge, discharge = (
        np.divide(price * most, able, out=np.zeros_like(able), where=able > 0) for able in (into, out_of)
    )
    return {"joint_level": -of["joint_level"], "joint_charge": charge, "joint_discharge": discharge}
