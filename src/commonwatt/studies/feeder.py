"""A stored run, checked against a low-voltage network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..grid import POWER_FACTOR, FeederCheck, FeederReport, lindistflow, read_network
from ..grid.exact import exact
from ..store import stored_run

NOBODY: Mapping[str, int] = {}


def check_stored(
    folder: Path, network: Path, *, exactly: bool = False, power_factor: float = POWER_FACTOR,
    at: Mapping[str, int] = NOBODY,
) -> FeederReport:  # fmt: skip
    """What the run stored in `folder` does to the network of the tables `network` (a prefix), slot by slot.

    `at` names members' buses; the others are connected in turn. Raises DataError where the result or its inputs have
    changed, or a table is wrong, MissingExtra for full power flow (`exactly`) without its library.
    """
    grid, (community, records) = read_network(network), stored_run(folder)
    check = FeederCheck(grid, community, at=at, power_factor=power_factor, solver=exact if exactly else lindistflow)
    for record in records:
        check.take(record)
    return check.report()
