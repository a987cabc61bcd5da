"""What a planner believed against what came: errors of a forecast by series and lead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .flow import Array, Community, Outlook

SERIES = ("load_kw", "pv_kw")
SUMS = ("compared", "absolute", "square", "signed")


@dataclass
class Beliefs:
    """Errors of every forecast that a planner asked for, summed over members and forecasts; of power. [kW]"""

    community: Community
    _sums: dict[str, Array] = field(default_factory=dict)
    """By series, (leads, 4): how many values, and their absolute, squared and signed errors."""

    def take(self, outlook: Outlook | None) -> None:
        """Adds one forecast, if there is one."""
        if outlook is None:
            return
        first, slots = outlook.community.clock.first, outlook.community.shape[0]
        truth = self.community.window(first, first + slots)
        for name in SERIES:
            off = getattr(outlook.community, name) - getattr(truth, name)
            count = np.full(slots, float(off.shape[1]))
            found = np.stack([count, np.abs(off).sum(axis=1), (off * off).sum(axis=1), off.sum(axis=1)], axis=1)
            sums = self._sums.get(name, np.zeros((0, len(SUMS))))
            longer = np.zeros((max(len(sums), slots), len(SUMS)))
            longer[: len(sums)] += sums
            longer[:slots] += found
            self._sums[name] = longer

    def rows(self) -> list[dict[str, Any]]:
        """By series and lead: how many values were compared, mean absolute error, root mean square, bias."""
        return [
            {"series": name, "lead_slots": lead + 1, **_figures(row)}
            for name, sums in self._sums.items() for lead, row in enumerate(sums)
        ]  # fmt: skip

    def summary(self) -> dict[str, dict[str, Any]]:
        """The same by series, over all leads."""
        return {name: _figures(sums.sum(axis=0)) for name, sums in self._sums.items()}


def _figures(sums: Array) -> dict[str, Any]:
    compared, absolute, square, signed = sums.tolist()
    many = max(compared, 1.0)
    return {
        "compared": int(compared), "mae_kw": absolute / many, "rmse_kw": float(np.sqrt(square / many)),
        "bias_kw": signed / many,
    }  # fmt: skip
