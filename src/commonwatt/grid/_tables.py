"""A network from four CSV tables in the form that pandapower exports: bus, line, trafo, load."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path

import numpy as np

from ..errors import Problems
from ..noun import Array
from ..reading.sheets import read_chosen
from .network import Lines, Network, Transformers

NUMBER = "number"
"""The first column of every table, which has no name: the row's own number."""
COLUMNS = {
    "bus": ("vn_kv",),
    "line": ("from_bus", "to_bus", "length_km", "r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km", "max_i_ka", "parallel"),
    "trafo": ("hv_bus", "lv_bus", "sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw",
              "i0_percent"),
    "load": ("bus",),
}  # fmt: skip
ENDS = {"line": ("from_bus", "to_bus"), "trafo": ("hv_bus", "lv_bus"), "load": ("bus",)}
POSITIVE = {"vn_kv", "length_km", "max_i_ka", "parallel", "sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent"}
Tables = dict[str, dict[str, Array]]


def read_network(path: Path) -> Network:
    """The network of ``<path>_bus.csv``, ``<path>_line.csv``, ``<path>_trafo.csv`` and ``<path>_load.csv``.

    Units: kV, km, ohm/km, nF/km, kA, MVA, kW. Taps stand at neutral, phases are balanced. Every connected part is fed
    at the high side of a transformer, the highest voltage in it; buses that are connected to nothing are left out.
    Raises DataError for tables that cannot be read, connections that nobody feeds, and meshes.
    """
    problems = Problems()
    tables = {kind: _read(path.with_name(f"{path.name}_{kind}.csv"), kind, problems) for kind in COLUMNS}
    problems.check()
    _check_ends(tables, problems)
    problems.check()
    network = _Trees(tables, problems).network()
    problems.check()
    return network


def _read(path: Path, kind: str, problems: Problems) -> dict[str, Array]:
    """The columns of a table that count, checked."""
    patterns = {NUMBER: re.compile(""), **{name: re.compile(re.escape(name)) for name in COLUMNS[kind]}}
    sheet = read_chosen(path, patterns, problems)
    if sheet is None:
        return {}
    columns = {name: sheet.values[:, k] for k, name in enumerate(sheet.names)}
    for name in patterns:
        if name not in columns:
            what = f"no column {name}" if name != NUMBER else "no column of row numbers, which has no name"
            problems.add(f"{sheet.file} row 1", what, "§16: the columns of such a table", "add it")
    for name, values in columns.items():
        whole = name == NUMBER or name.endswith("bus")
        least = 1e-12 if name in POSITIVE else 0.0
        for row in np.flatnonzero((values < least) | (whole & (values != np.floor(values))))[:20].tolist():
            rule = "§16: a bus or row is a whole number" if whole else f"§3: {'above' if least else 'at least'} 0"
            problems.add(sheet.where(row, name), f"{values[row]:g}", rule, "correct the number")
    return columns


def _check_ends(tables: Tables, problems: Problems) -> None:
    """Every bus stands once, and every end is a bus."""
    known, counts = np.unique(tables["bus"][NUMBER], return_counts=True)
    for bus in known[counts > 1].tolist():
        problems.add("bus table", f"bus {bus:g} stands twice", "§9: every bus has its own number", "renumber one")
    for kind, columns in ENDS.items():
        for column in columns:
            for row in np.flatnonzero(~np.isin(tables[kind][column], known))[:20].tolist():
                what = f"{column} = {tables[kind][column][row]:g}"
                problems.add(f"{kind} table row {row + 2}", what, "a bus of the bus table", "correct the number")


class _Trees:
    """Buses put in order, from where each connected part is fed."""

    def __init__(self, tables: Tables, problems: Problems) -> None:
        self.tables, self.problems = tables, problems
        numbers = tables["bus"][NUMBER].astype(np.int64)
        self.voltage = dict(zip(numbers.tolist(), (1000 * tables["bus"]["vn_kv"]).tolist(), strict=True))
        self.ways: dict[int, list[tuple[int, bool, int]]] = {number: [] for number in self.voltage}
        for kind, is_line in (("line", True), ("trafo", False)):
            ends = zip(*(tables[kind][end].astype(np.int64).tolist() for end in ENDS[kind]), strict=True)
            for row, (a, b) in enumerate(ends):
                self.ways[a].append((row, is_line, b))
                self.ways[b].append((row, is_line, a))
        self.order: list[tuple[int, int, int, bool]] = []
        self.place: dict[int, int] = {}

    def network(self) -> Network:
        """All parts that a transformer feeds, one after the other."""
        fed = self.tables["trafo"]["hv_bus"].astype(np.int64).tolist()
        for root in sorted(fed, key=lambda bus: -self.voltage[bus]):
            if root not in self.place:
                self._grow(root)
        points = self.tables["load"]["bus"].astype(np.int64).tolist()
        for bus in sorted({bus for bus in points if bus not in self.place}):
            self.problems.add("load table", f"bus {bus}", "a bus that a transformer feeds", "connect it, or remove it")
        bus, parent, branch, is_line = (np.array(column) for column in zip(*self.order, strict=True))
        return Network(
            bus=bus, nominal_v=np.array([self.voltage[int(b)] for b in bus]), parent=parent, branch=branch,
            is_line=is_line, points=np.array([self.place.get(b, 0) for b in points], dtype=np.int64),
            lines=_lines(self.tables["line"]), transformers=_transformers(self.tables["trafo"]),
        )  # fmt: skip

    def _grow(self, root: int) -> None:
        """Adds a part, bus after bus outwards from where it is fed."""
        waiting = deque([(root, -1, -1, True)])
        while waiting:
            bus, parent, branch, is_line = waiting.popleft()
            if bus in self.place:
                what = f"{'line' if is_line else 'transformer'} {branch} closes a loop at bus {bus}"
                self.problems.add("line table", what, "a radial network: one way to every bus", "open the loop")
                return
            self.place[bus] = len(self.order)
            self.order.append((bus, parent, branch, is_line))
            for row, line, other in self.ways[bus]:
                if (row, line) != (branch, is_line):
                    waiting.append((other, self.place[bus], row, line))


def _lines(table: dict[str, Array]) -> Lines:
    count, length = table["parallel"], table["length_km"]
    return Lines(
        ohm=table["r_ohm_per_km"] * length / count,
        reactance_ohm=table["x_ohm_per_km"] * length / count,
        farad=1e-9 * table["c_nf_per_km"] * length * count,
        rated_a=1000 * table["max_i_ka"] * count,
    )


def _transformers(table: dict[str, Array]) -> Transformers:
    return Transformers(
        rated_kva=1000 * table["sn_mva"],
        high_v=1000 * table["vn_hv_kv"],
        low_v=1000 * table["vn_lv_kv"],
        impedance=table["vk_percent"] / 100,
        resistance=table["vkr_percent"] / 100,
        idle_kw=table["pfe_kw"],
        idle_current=table["i0_percent"] / 100,
    )
