"""Price arrays in, one audited run out (S0)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dispatch.self_consumption import SelfConsumption
from ..errors import ScenarioError
from ..flow import Pool
from ..markets.none import NoMarket
from ..markets.pool import CommunityPool
from ..noun import Array
from ..run import Run, run
from ..scenario import Scenario, validated
from ..sources import SOURCES
from ..tariffs.series import Series


def run_prices(
    import_prices: Sequence[float] | Array,
    export_prices: Sequence[float] | Array | None = None,
    community_prices: Sequence[float] | Array | None = None,
    *,
    with_p2p: bool = True,
    name: str = "custom_scenario",
    scenario: Scenario | None = None,
) -> Run:
    """Runs one's own prices, a value per slot [money/kWh], on S0's sample or on the community of `scenario`.

    With `with_p2p` members share through a pool at `community_prices`, or in the middle where there are none. Raises
    ScenarioError for another number of values than slots, and for a community price outside what the grid pays and
    charges, naming the slots.
    """
    given = {"import_prices": import_prices, "export_prices": export_prices, "community_prices": community_prices}
    values = {name: _values(name, prices) for name, prices in given.items()}
    tariff: Series = validated(values, Series, where="run_prices")
    pool = CommunityPool(price="spread" if community_prices is None else "signal")
    base = scenario or _sample(len(values["import_prices"] or ()))
    parts = {"name": name, "tariff": tariff, "market": pool if with_p2p else NoMarket()}
    return run(base.model_copy(update=parts))


def _sample(slots: int) -> Scenario:
    if slots < 1:
        raise ScenarioError("import_prices: empty (§2: one per slot); give at least one value")
    source = SOURCES["sample"].model_validate({"slots": slots})
    return Scenario(source=source, pool=Pool(efficiency=0.95), dispatch=SelfConsumption())


def _values(name: str, prices: Sequence[float] | Array | None) -> list[Any] | None:
    if prices is None:
        return None
    values = np.asarray(prices)
    if values.ndim != 1:
        raise ScenarioError(f"{name}: an array of shape {values.shape} (§2: one value per slot); give a plain list")
    found: list[Any] = values.tolist()
    return found
