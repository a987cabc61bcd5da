"""Price arrays in, one audited run out (S0)."""

from __future__ import annotations

from collections.abc import Sequence

from ..dispatch.self_consumption import SelfConsumption
from ..errors import ScenarioError
from ..flow import Pool
from ..markets.none import NoMarket
from ..markets.pool import CommunityPool
from ..noun import Array
from ..run import Run, run
from ..scenario import Scenario
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
    tariff = Series(
        import_prices=_values(import_prices), export_prices=_values(export_prices),
        community_prices=_values(community_prices),
    )  # fmt: skip
    pool = CommunityPool(price="spread" if community_prices is None else "signal")
    base = scenario or _sample(len(import_prices))
    parts = {"name": name, "tariff": tariff, "market": pool if with_p2p else NoMarket()}
    return run(base.model_copy(update=parts))


def _sample(slots: int) -> Scenario:
    if slots < 1:
        raise ScenarioError("import_prices: empty (§2: one per slot); give at least one value")
    source = SOURCES["sample"].model_validate({"slots": slots})
    return Scenario(source=source, pool=Pool(efficiency=0.95), dispatch=SelfConsumption())


def _values(prices: Sequence[float] | Array | None) -> tuple[float, ...] | None:
    return None if prices is None else tuple(float(price) for price in prices)
