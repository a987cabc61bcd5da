"""What a run does to its network, slot by slot: a sink, and the report it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..clock import Clock
from ..errors import ScenarioError
from ..flow import Community
from ..noun import Array, Index, Mask
from ..record import Record
from .lindistflow import lindistflow
from .network import Flow, Network

Solver = Callable[[Network, Array, Array, float], Flow]
BAND = 0.1
"""How far a voltage may lie from nominal (EN 50160). [-]"""
POWER_FACTOR = 0.95
"""Of what members take, inductive: that of homes in the CIGRE low-voltage benchmark. What they give has 1. [-]"""


@dataclass
class FeederCheck:
    """A sink: reads what crosses members' meters, and works out voltages, loadings and losses.

    Members are connected in turn to the network's connection points, unless `at` names their buses.
    """

    network: Network
    community: Community
    at: Mapping[str, int] = field(default_factory=dict)
    """By member, the number of its bus."""
    power_factor: float = POWER_FACTOR
    source: float = 1.0
    """Voltage at which the network is fed, as a share of nominal. [-]"""
    solver: Solver = lindistflow
    """`lindistflow`, or `exact` with the extra [grid]."""
    _found: list[tuple[Clock, dict[str, Array]]] = field(default_factory=list)

    def take(self, record: Record) -> None:
        """Works out one window."""
        places, hours = self._places(), record.clock.hours
        taken, given = (record.columns[name] / hours for name in ("import_kwh", "export_kwh"))
        active, reactive = np.zeros((2, record.clock.slots, self.network.buses))
        lagging = np.sqrt(1 - self.power_factor**2) / self.power_factor
        for n, place in enumerate(places.tolist()):
            active[:, place] += taken[:, n] - given[:, n]
            reactive[:, place] += taken[:, n] * lagging
        flow = self.solver(self.network, active, reactive, self.source)
        self._found.append((record.clock, self._worst(flow, hours)))

    def report(self) -> FeederReport:
        """All that was found. Raises ScenarioError before any record has passed."""
        if not self._found:
            raise ScenarioError("no record has passed the check (it is a sink of `run`); run first")
        columns = {name: np.concatenate([part[name] for _, part in self._found]) for name in self._found[0][1]}
        stamps = np.concatenate([clock.stamps[:-1] for clock, _ in self._found])
        return FeederReport(self.network, stamps, self._found[0][0].hours, columns)

    def _places(self) -> Index:
        """Where each member is connected. (N,)"""
        unknown = sorted(set(self.at) - set(self.community.names))
        if unknown:
            raise ScenarioError(f"at: nobody is called {', '.join(unknown)} (a member of the community); correct it")
        points = self.network.points
        turns = points[np.arange(len(self.community.names)) % points.size]
        named = [self.network.place(self.at[n]) if n in self.at else -1 for n in self.community.names]
        return np.where(np.array(named) >= 0, named, turns)

    def _worst(self, flow: Flow, hours: float) -> dict[str, Array]:
        """The worst of each slot, and where it is. (T,) each"""
        rows = np.arange(len(flow.voltage))
        low, high, full = flow.voltage.argmin(axis=1), flow.voltage.argmax(axis=1), flow.loading.argmax(axis=1)
        return {
            "lowest_voltage": flow.voltage[rows, low], "lowest_at": low,
            "highest_voltage": flow.voltage[rows, high], "highest_at": high,
            "highest_loading": flow.loading[rows, full], "loaded": full,
            "losses_kwh": flow.losses_kw * hours,
        }  # fmt: skip


@dataclass(frozen=True)
class FeederReport:
    """The worst of every slot, and over the run."""

    network: Network
    stamps: NDArray[np.datetime64]
    """Local time of every slot's start. (T,)"""
    hours: float
    columns: dict[str, Array]
    """Voltages and loadings as shares of nominal and rated values, places in the network, losses. (T,) each"""

    @property
    def violated(self) -> Mask:
        """Slots in which a voltage leaves the band or a branch carries more than it is rated for. (T,)"""
        return self._out_of_band() | (self.columns["highest_loading"] > 1)

    def summary(self) -> dict[str, float]:
        """In numbers: the worst voltages [-], the highest loading [-], losses [kWh], hours out of bounds [h]."""
        c = self.columns
        return {
            "lowest_voltage": float(c["lowest_voltage"].min()),
            "highest_voltage": float(c["highest_voltage"].max()),
            "highest_loading": float(c["highest_loading"].max()),
            "losses_kwh": float(c["losses_kwh"].sum()),
            "voltage_hours": self.hours * float(self._out_of_band().sum()),
            "loading_hours": self.hours * float((c["highest_loading"] > 1).sum()),
        }

    def rows(self, *, violated: bool = True) -> list[dict[str, Any]]:
        """A row for each slot (of those violated, or of all): when, the worst values, and where they are."""
        slots, c = np.flatnonzero(self.violated) if violated else np.arange(len(self.stamps)), self.columns
        return [
            {
                "slot": int(t), "time": str(self.stamps[t]),
                "lowest_voltage": float(c["lowest_voltage"][t]), "lowest_bus": self._bus(c["lowest_at"][t]),
                "highest_voltage": float(c["highest_voltage"][t]), "highest_bus": self._bus(c["highest_at"][t]),
                "highest_loading": float(c["highest_loading"][t]), "branch": self.network.label(int(c["loaded"][t])),
                "losses_kwh": float(c["losses_kwh"][t]), "violated": bool(self.violated[t]),
            }
            for t in slots.tolist()
        ]  # fmt: skip

    def _out_of_band(self) -> Mask:
        out: Mask = (self.columns["lowest_voltage"] < 1 - BAND) | (self.columns["highest_voltage"] > 1 + BAND)
        return out

    def _bus(self, place: float) -> int:
        return int(self.network.bus[int(place)])
