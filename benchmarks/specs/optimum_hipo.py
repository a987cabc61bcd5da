"""The same thousand homes against the newer interior point method of HiGHS, where it was built with it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness import Case, Size, Spec
from benchmarks.specs._raw import missing
from benchmarks.specs.optimum_thousand import against


def cases(size: Size) -> Sequence[Case]:
    """Against HiPO."""
    return [against("optimum_hipo", "hipo", "HiGHS interior point (HiPO)", 12.0, size)]


SPEC = Spec(
    "optimum_hipo", "The joint plan of a thousand homes, proven.", cases, rounds=1, missing=lambda: missing("hipo")
)
"""The promise."""
