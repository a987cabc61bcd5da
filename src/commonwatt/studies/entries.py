"""What a comparison reads: runs simulated now, stored runs, tables of S2, all in the same columns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ScenarioError
from ..flow import Array, Clock, Community, Pool
from ..noun import over_members
from ..reading.households import FILES
from ..reading.trading_results import read_result
from ..record import Record
from ..run import References, run
from ..scenario import MANIFEST, Scenario, Study, load
from ..store import read_manifest, stored_run, stored_scenario, stored_summary
from ..totals import derived
from .verification import RUNS

FLOWS = ("grid_buy_kwh", "grid_sell_kwh", "p2p_buy_kwh", "p2p_sell_kwh", "unserved_kwh", "curtailed_kwh", "bill_money")
LEVELS = ("stored_kwh", "wallet_money")
"""Stand at the end of a slot; of a run, what is there at its end."""
QUANTITIES = (*FLOWS, *LEVELS)
RESULTS = ("baseline_results", "optimized_results")
"""Tables of S2's folder."""
UNDATED = datetime(2025, 1, 1, tzinfo=UTC)
Advance = Callable[[str, int, int], None]
"""Called with a scenario's name, slots done and slots in all."""
Asked = str | Path | Scenario | Study


@dataclass(frozen=True, eq=False)
class Entry:
    """One run, slot by slot."""

    name: str
    identity: str
    world: str
    currency: str
    """ISO code; empty where nobody says."""
    clock: Clock
    members: tuple[str, ...]
    load_kwh: Array
    """What is drawn where nobody plans. (T, N)"""
    pv_kwh: Array
    """(T, N)"""
    columns: dict[str, Array]
    """Every quantity. (T, N) [kWh, money]"""
    metrics: dict[str, float | None] = field(default_factory=dict)
    audit: str = ""
    dated: bool = True
    """Whether anybody said when the slots are; else they are only counted."""

    def total(self, quantity: str, axis: int | None = None) -> Any:
        """A quantity over members (axis 1), over time (axis 0), or both; of a level, the last one."""
        values = self.columns[quantity]
        if axis == 1:
            return values.sum(axis=1)
        by_member = values[-1] if quantity in LEVELS else values.sum(axis=0)
        return by_member if axis == 0 else float(by_member.sum())


@dataclass
class Gathered:
    """A sink that keeps what a comparison needs of every record."""

    community: Community
    pool: Pool
    _parts: list[dict[str, Array]] = field(default_factory=list)

    def take(self, record: Record) -> None:
        """Keeps one window."""
        c, efficiency = record.columns, self.pool.efficiency
        bought, sold = over_members(c["bought_kwh"]), over_members(c["sold_kwh"])
        inside = np.minimum(bought, efficiency * sold)
        p2p_buy = c["bought_kwh"] * _part(inside, bought)[:, None]
        p2p_sell = c["sold_kwh"] * _part(inside / efficiency, sold)[:, None]
        members = self.community.shape[1]
        self._parts.append({
            "grid_buy_kwh": _left(c["import_kwh"], p2p_buy), "grid_sell_kwh": _left(c["export_kwh"], p2p_sell),
            "p2p_buy_kwh": p2p_buy, "p2p_sell_kwh": p2p_sell,
            "unserved_kwh": c["unserved_kwh"], "curtailed_kwh": c["curtailed_kwh"],
            "bill_money": derived(record)["bill_money"],
            "stored_kwh": self.community.flexibility.by_member(c["level_kwh"], members),
            "wallet_money": c["wallet_money"],
        })  # fmt: skip

    def columns(self) -> dict[str, Array]:
        """All windows in turn. (T, N) each"""
        return {name: np.concatenate([part[name] for part in self._parts]) for name in QUANTITIES}


def _part(inside: Array, total: Array) -> Array:
    """Part of a slot's trade that neighbours make with each other. (T,) [-]"""
    return np.minimum(np.divide(inside, total, out=np.zeros_like(total), where=total > 0), 1.0)


def _left(crossed: Array, inside: Array) -> Array:
    """What crosses a meter and meets the grid, without the rounding of what meets a neighbour."""
    left = crossed - inside
    return np.where(np.abs(left) <= 1e-12 * (1.0 + crossed), 0.0, left)


def entries(asked: Asked, seed: int | None, references: References, advance: Advance) -> Iterator[Entry]:
    """The runs that a name, path or document stands for; a study or folder of S2 stands for all that it holds.

    Raises ScenarioError for what is unknown, DataError for a stored result that has changed.
    """
    if isinstance(asked, str | Path) and (Path(asked) / MANIFEST).is_file():
        if seed is not None:
            raise ScenarioError(f"--seed: {asked} is a stored result with a seed of its own (§11); leave it out")
        yield from _stored(Path(asked))
        return
    results = _results(Path(asked)) if isinstance(asked, str | Path) else []
    if results:
        yield from map(_written, results)
        return
    document = asked if isinstance(asked, Scenario | Study) else load(asked)
    name = document.name or (Path(str(asked)).stem if isinstance(asked, str | Path) else "run")
    scenarios = {name: document} if isinstance(document, Scenario) else document.scenarios()
    for label, scenario in scenarios.items():
        seeded = scenario if seed is None else scenario.model_copy(update={"seed": seed})
        yield _simulated(label, seeded, references, advance)


def _simulated(name: str, scenario: Scenario, references: References, advance: Advance) -> Entry:
    """A scenario, run and audited now."""
    community = scenario.community()
    sink = Gathered(community, scenario.pool)
    told = run(
        scenario, sink, community=community, references=references,
        progress=lambda done, of: advance(name, done, of),
    )  # fmt: skip
    facts = {
        "identity": told.identity, "world": told.world, "metrics": dict(told.metrics), "audit": told.verdict.line
    }  # fmt: skip
    return _entry(name, scenario, community, sink.columns(), facts)


def _stored(folder: Path) -> Iterator[Entry]:
    """A stored run, or the runs that a stored study kept."""
    manifest = read_manifest(folder)
    if manifest.get("kind") == "study":
        kept = sorted(path for path in (folder / RUNS).glob("*") if path.is_dir())
        if not kept:
            what = f"{folder}: a study that kept no runs (§16)"
            raise ScenarioError(f"{what}; run it again with `commonwatt benchmark --series`")
        for path in kept:
            yield from _stored(path)
        return
    scenario, summary = stored_scenario(folder, manifest), stored_summary(folder)
    community, records = stored_run(folder)
    sink = Gathered(community, scenario.pool)
    for record in records:
        sink.take(record)
    facts = {"identity": manifest["id"], **{name: summary[name] for name in ("world", "metrics", "audit")}}
    yield _entry(scenario.name or folder.name, scenario, community, sink.columns(), facts)


def _results(path: Path) -> list[Path]:
    """Tables of S2's at a path: itself, or those of a folder, the baseline first."""
    if path.suffix in FILES:
        return [path]
    return [file for stem in RESULTS for suffix in FILES if (file := path / f"{stem}{suffix}").is_file()]


def _written(path: Path) -> Entry:
    """A table that S2 or its preset wrote: steps without dates, in a currency that nobody names."""
    found = read_result(path)
    made, c = found.households, found.columns
    before = np.vstack([np.full((1, len(made.names)), found.wallet_start), c["wallet"][:-1]])
    clock = Clock(UNDATED, timedelta(hours=found.step_hours), len(c["wallet"]))
    columns = {
        "grid_buy_kwh": c["grid_buy"], "grid_sell_kwh": c["grid_sell"],
        "p2p_buy_kwh": c["p2p_buy_amount"], "p2p_sell_kwh": c["p2p_sell_amount"],
        "unserved_kwh": c["unserved"], "curtailed_kwh": c["curtailed"],
        "bill_money": before - c["wallet"], "stored_kwh": c["stored_kwh"], "wallet_money": c["wallet"],
    }  # fmt: skip
    return Entry(
        name=path.stem.removesuffix("_results"), identity=hashlib.sha256(path.read_bytes()).hexdigest(),
        world="own_meters", currency="", clock=clock, members=made.names, load_kwh=made.consumption_kwh,
        pv_kwh=made.production_kwh, columns=columns, dated=False,
    )  # fmt: skip


def _entry(
    name: str, scenario: Scenario, community: Community, columns: dict[str, Array], facts: dict[str, Any]
) -> Entry:
    drawn = community.flexibility.usual_draw(community.load_kwh, community.clock.hours)
    return Entry(
        name=name, currency=scenario.currency, clock=community.clock, members=community.names,
        load_kwh=drawn, pv_kwh=community.pv_kwh, columns=columns, **facts,
    )  # fmt: skip
