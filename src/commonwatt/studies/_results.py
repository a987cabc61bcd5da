"""What a study found: its runs, ranked within each world."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..registry import Plugin
from ..run import Run
from ..scenario import Study

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 60
"""Characters of parameters in a label."""
WORLDS = ("one_meter", "own_meters")
COLUMNS = (
    "total_cost", "saving", "saving_share", "losers", "fairness", "self_sufficiency", "self_consumption",
    "peak_import", "peak_export", "p2p_share", "operator_result", "coalition_excess", "cov_bills", "gini_bills",
    "emissions", "regret",
)  # fmt: skip
"""Metrics of the ranking table, in its order."""


@dataclass(frozen=True)
class Row:
    """One scenario of a study. `rank` counts within its world; the reference `none` has none.

    Tariff, market and dispatch are kinds, with parameters in brackets where a study has a kind in several forms.
    """

    rank: int | None
    name: str
    tariff: str
    market: str
    dispatch: str
    world: str
    run: Run

    def values(self) -> dict[str, Any]:
        """The row as plain values; a metric without meaning is NaN."""
        metrics = self.run.metrics
        named = {
            "rank": self.rank, "scenario": self.name, "tariff": self.tariff, "market": self.market,
            "dispatch": self.dispatch, "world": self.world,
        }  # fmt: skip
        return {**named, **{name: metrics[name] for name in COLUMNS}, "id": self.run.identity}


@dataclass(frozen=True)
class Results:
    """A study's runs. Ranked by losers, then fairness on savings, then cost (§14); never across worlds (§6)."""

    title: str
    study: Study
    identity: str
    runs: dict[str, Run]
    seconds: float = 0.0
    """CPU time it took; no part of any stored result. [s]"""

    @property
    def currency(self) -> str:
        """ISO code of all amounts."""
        return self.study.base.currency

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """World by world, best first; then the references."""
        ranked = [row for world in WORLDS for row in self.ranked(world)]
        return (*ranked, *(self._row(None, name, run) for name, run in self.runs.items() if run.world == "both"))

    def ranked(self, world: str) -> list[Row]:
        """The runs of one world, best first."""
        mine = sorted(((name, run) for name, run in self.runs.items() if run.world == world), key=_merit)
        return [self._row(k + 1, name, run) for k, (name, run) in enumerate(mine)]

    def _row(self, rank: int | None, name: str, run: Run) -> Row:
        tariff, market, dispatch = (labels[name] for labels in self._named)
        return Row(rank, name, tariff, market, dispatch, run.world, run)

    @cached_property
    def _named(self) -> tuple[dict[str, str], ...]:
        parts = "tariff", "market", "dispatch"
        if self.study.drawn:  # the number in a scenario's name says which
            return tuple({name: getattr(run.scenario, part).kind for name, run in self.runs.items()} for part in parts)
        return tuple(_labels(self.runs, part) for part in parts)

    @cached_property
    def worlds(self) -> tuple[str, ...]:
        """Worlds with a ranking of their own."""
        return tuple(world for world in WORLDS if any(run.world == world for run in self.runs.values()))

    @property
    def notes(self) -> tuple[str, ...]:
        """The study's own notes; assumptions and warnings of all runs, each once."""
        return tuple(dict.fromkeys([
            *self.study.notes.splitlines(), *(note for run in self.runs.values() for note in run.notes),
        ]))  # fmt: skip

    @property
    def findings(self) -> tuple[str, ...]:
        """What looks implausible in the community's data, each once."""
        return tuple(dict.fromkeys(line for run in self.runs.values() for line in run.finding_lines))

    @property
    def audit_line(self) -> str:
        """All audits in one line."""
        verdicts = [run.verdict for run in self.runs.values()]
        checked = sum(len(v.checked) for v in verdicts)
        held = checked - sum(len(v.broken) for v in verdicts)
        energy, money = max(v.energy_kwh for v in verdicts), max(v.money for v in verdicts)
        closing = sum(v.holds for v in verdicts)
        return (
            f"audit: {closing} of {len(verdicts)} runs close, {held} of {checked} invariants hold, "
            f"largest residual {energy:.0e} kWh, {money:.0e} {self.currency}"
        )

    def frame(self) -> pd.DataFrame:
        """The ranking as a DataFrame, one row per run."""
        import pandas as pd

        return pd.DataFrame([row.values() for row in self.rows])

    def summary(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {
            "title": self.title, "id": self.identity, "currency": self.currency, "audit": self.audit_line,
            "notes": list(self.notes), "findings": list(self.findings),
            "ranking": [{k: _finite(v) for k, v in row.values().items()} for row in self.rows],
            "runs": {name: run.summary() for name, run in self.runs.items()},
        }  # fmt: skip


def _labels(runs: dict[str, Run], part: str) -> dict[str, str]:
    """By scenario, the kind of its tariff, market or dispatch, with parameters where the kind alone is ambiguous."""
    plugins: dict[str, Plugin] = {name: getattr(run.scenario, part) for name, run in runs.items()}
    settings: dict[str, set[str]] = {}
    for plugin in plugins.values():
        settings.setdefault(plugin.kind, set()).add(plugin.model_dump_json(serialize_as_any=True))
    return {name: p.kind + (_changed(p) if len(settings[p.kind]) > 1 else "") for name, p in plugins.items()}


def _changed(plugin: Plugin) -> str:
    """The parameters that differ from their defaults, in brackets."""
    changed = plugin.model_dump(exclude_defaults=True, exclude={"kind"}, mode="json", serialize_as_any=True)
    shown = ", ".join(f"{name}={value}" for name, value in changed.items())
    return f"({shown if len(shown) <= LONGEST else shown[: LONGEST - 3] + '...'})" if shown else ""


def _merit(item: tuple[str, Run]) -> tuple[float, float, float, str]:
    """Fewest losers, fairest to a thousandth, cheapest (§14)."""
    metrics = item[1].metrics
    fairness = metrics["fairness"]
    return metrics["losers"], math.inf if math.isnan(fairness) else -round(fairness, 3), metrics["total_cost"], item[0]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
