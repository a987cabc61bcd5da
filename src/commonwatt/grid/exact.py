"""Voltages of a network by full power flow, through power-grid-model (extra [grid])."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ..errors import MissingExtra
from ..noun import Array
from .network import Flow, Network

STIFF = 1e15
"""Short-circuit power of the feeding grid: its voltage does not move. [VA]"""
HERTZ = 50.0


def exact(network: Network, taken_kw: Array, taken_kvar: Array, source: float = 1.0) -> Flow:
    """What net loads at buses (T, B) do to a network fed at `source` times nominal voltage; balanced phases.

    Raises MissingExtra without the library.
    """
    try:
        library: Any = import_module("power_grid_model")
    except ImportError as error:
        raise MissingExtra("exact power flow", "grid") from error
    model = library.PowerGridModel(_input(library, network, source), system_frequency=HERTZ)
    loads = library.initialize_array("update", "sym_load", taken_kw.shape)
    loads["id"] = _ids(network)["load"]
    loads["p_specified"], loads["q_specified"] = 1000 * taken_kw, 1000 * taken_kvar
    found = model.calculate_power_flow(update_data={"sym_load": loads})
    loading, losses = np.zeros(taken_kw.shape), np.zeros(len(taken_kw))
    line, coil = network.rows()
    for kind, places in (("line", line), ("transformer", coil)):
        if places.size:
            loading[:, places] = found[kind]["loading"]
            losses += (found[kind]["p_from"] + found[kind]["p_to"]).sum(axis=1) / 1000
    return Flow(voltage=found["node"]["u_pu"], loading=loading, losses_kw=losses)


def _ids(network: Network) -> dict[str, Any]:
    """Numbers of everything: nodes, branches by the bus they feed, loads, sources."""
    count = np.arange(network.buses)
    return {"node": count, "branch": network.buses + count, "load": 2 * network.buses + count,
            "source": 3 * network.buses + count}  # fmt: skip


def _input(library: Any, network: Network, source: float) -> dict[str, Any]:
    ids, roots = _ids(network), np.flatnonzero(network.parent < 0)
    node = library.initialize_array("input", "node", network.buses)
    node["id"], node["u_rated"] = ids["node"], network.nominal_v
    feeds = library.initialize_array("input", "source", roots.size)
    feeds["id"], feeds["node"], feeds["status"] = ids["source"][roots], roots, 1
    feeds["u_ref"], feeds["sk"] = source, STIFF
    load = library.initialize_array("input", "sym_load", network.buses)
    load["id"], load["node"], load["status"] = ids["load"], ids["node"], 1
    load["type"] = library.LoadGenType.const_power
    load["p_specified"], load["q_specified"] = 0.0, 0.0
    made = {"node": node, "source": feeds, "sym_load": load}
    line, coil = network.rows()
    if line.size:
        made["line"] = _lines(library, network, ids, line)
    if coil.size:
        made["transformer"] = _transformers(library, network, ids, coil)
    return made


def _lines(library: Any, network: Network, ids: dict[str, Any], places: Any) -> Any:
    rows, lines = network.branch[places], network.lines
    out = library.initialize_array("input", "line", places.size)
    out["id"], out["from_node"], out["to_node"] = ids["branch"][places], network.parent[places], places
    out["from_status"], out["to_status"], out["tan1"] = 1, 1, 0.0
    out["r1"], out["x1"], out["c1"] = lines.ohm[rows], lines.reactance_ohm[rows], lines.farad[rows]
    out["i_n"] = lines.rated_a[rows]
    return out


def _transformers(library: Any, network: Network, ids: dict[str, Any], places: Any) -> Any:
    rows, sheet = network.branch[places], network.transformers
    out = library.initialize_array("input", "transformer", places.size)
    out["id"], out["from_node"], out["to_node"] = ids["branch"][places], network.parent[places], places
    out["from_status"], out["to_status"] = 1, 1
    out["u1"], out["u2"], out["sn"] = sheet.high_v[rows], sheet.low_v[rows], 1000 * sheet.rated_kva[rows]
    out["uk"], out["pk"] = sheet.impedance[rows], 1000 * sheet.resistance[rows] * sheet.rated_kva[rows]
    out["i0"], out["p0"] = sheet.idle_current[rows], 1000 * sheet.idle_kw[rows]
    out["winding_from"], out["winding_to"] = library.WindingType.wye_n, library.WindingType.wye_n
    out["clock"], out["tap_side"], out["tap_size"] = 0, library.BranchSide.from_side, 0.0
    for tap in ("tap_pos", "tap_min", "tap_max", "tap_nom"):
        out[tap] = 0
    return out
