"""Voltages of a radial network by the linearised branch equations.

M. E. Baran and F. F. Wu, Network reconfiguration in distribution systems for loss reduction and load balancing, IEEE
Transactions on Power Delivery 4 (1989): squared voltages drop by twice resistance times active plus reactance times
reactive power, where the power of a branch is what all buses below it take, losses left out. Losses follow from the
powers afterwards, at nominal voltage. Phases are balanced, charging of cables is left out.
"""

from __future__ import annotations

import numpy as np

from ..noun import Array
from .network import Flow, Network


def lindistflow(network: Network, taken_kw: Array, taken_kvar: Array, source: float = 1.0) -> Flow:
    """What net loads at buses (T, B) do to a network fed at `source` times nominal voltage."""
    active, reactive = (_below(network, taken) for taken in (taken_kw, taken_kvar))
    ohm, reactance = network.branch_ohm()
    rated, ratio = network.rated_kva(), network.ratio()
    square, apparent = np.full(active.shape, source**2), np.hypot(active, reactive)
    loading, losses = np.zeros(active.shape), np.full(active.shape[1], network.idle_kw())
    for b in range(network.buses):
        parent = network.parent[b]
        if parent < 0:
            continue
        drop = 2000 * (ohm[b] * active[b] + reactance[b] * reactive[b]) / network.nominal_v[b] ** 2
        square[b] = square[parent] * ratio[b] ** 2 - drop
        losses += 1000 * ohm[b] * apparent[b] ** 2 / network.nominal_v[b] ** 2
        loading[b] = apparent[b] / rated[b]
    voltage = np.sqrt(np.maximum(square, 1e-6))
    loading[network.is_line] /= voltage[network.is_line]
    return Flow(voltage=voltage.T, loading=loading.T, losses_kw=losses)


def _below(network: Network, taken: Array) -> Array:
    """What all buses below each branch take, its own included. (T, B) -> (B, T)"""
    out = np.ascontiguousarray(taken.T, dtype=np.float64).copy()
    for b in range(network.buses - 1, -1, -1):
        if network.parent[b] >= 0:
            out[network.parent[b]] += out[b]
    return out
