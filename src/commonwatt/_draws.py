"""Scenarios drawn at random: choices in turn, parameters from ranges."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, PositiveInt

from .registry import Settings
from .streams import Streams

DIGITS = 4
"""Decimals of a drawn parameter: names and documents stay readable."""


def _rising(ranges: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    for name, (low, high) in ranges.items():
        if name.count(".") != 1:
            raise ValueError(f"{name}: names no parameter; write part.parameter, such as tariff.export_ratio")
        if low > high:
            raise ValueError(f"{name}: runs from {low:g} down to {high:g}; write the lower bound first")
    return ranges


class Drawn(Settings):
    """Draws scenarios: each takes the next choice of every part, and its parameters from ranges."""

    scenarios: PositiveInt = 20
    """How many. Each has tariff and event streams of its own; more of them change no earlier one."""
    cycle: dict[str, Annotated[tuple[dict[str, Any], ...], Field(min_length=1)]] = Field(default_factory=dict)
    """By part, the choices that scenarios take in turn."""
    ranges: Annotated[dict[str, tuple[float, float]], AfterValidator(_rising)] = Field(default_factory=dict)
    """By `part.parameter`, from where to where it is drawn, evenly; a part without that parameter keeps its own."""

    def parts(self, k: int) -> dict[str, Any]:
        """What scenario `k`, from 0, takes of the cycles, and the number of its draws."""
        return {"draw": k + 1, **{part: choices[k % len(choices)] for part, choices in self.cycle.items()}}

    def values(self, k: int, seed: int, part: str) -> dict[str, float]:
        """The parameters drawn for a part of scenario `k` of a study with this seed, by name."""
        streams, found = Streams(seed, k + 1), dict[str, float]()
        for name, (low, high) in self.ranges.items():
            owner, _, parameter = name.partition(".")
            if owner == part:
                found[parameter] = round(float(streams.at(f"study.{name}").uniform(low, high)), DIGITS)
        return found
