"""Prices as given: from a file, from arrays, or from the community's own signals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..errors import DataError, ScenarioError
from ..flow import Array, Community, Prices
from ..noun import spread
from . import Tariff

Prices1D = tuple[float, ...]
REMEDY = "give one value per slot"


class Series(Tariff):
    """Prices as given for every slot: import, export and, if wanted, the community's own.

    Looked for in this order: the arrays given here, the file, the community's series per member, its signals
    (`import_price`, `export_price`, `community_price`). Without an export price the export ratio holds.
    """

    kind: Literal["series"] = "series"
    import_prices: Prices1D | None = None
    """Import price of every slot; none: look further. [money/kWh]"""
    export_prices: Prices1D | None = None
    """Export price of every slot; none: look further. [money/kWh]"""
    community_prices: Prices1D | None = None
    """Price inside the community, for a pool whose price is `signal`; none: look further. [money/kWh]"""
    file: Path | None = None
    """CSV or Parquet with columns `time`, `import_price` and, if wanted, `export_price`, `community_price`."""
    export_ratio: Annotated[float, Field(ge=0, le=1)] = 0.4
    """Export price as a share of the import price, where there is no export price. [-]"""

    def inputs(self) -> tuple[Path, ...]:
        return (self.file,) if self.file else ()

    def prices(self, community: Community) -> Prices:
        table = self._table(community)
        buy = self._find("import_price", self.import_prices, table, community)
        if buy is None:
            raise ScenarioError(
                "tariff.import_prices: none given (§15: a series tariff needs an import price); give an array, a "
                "file, or a community with the signal import_price"
            )
        sell = self._find("export_price", self.export_prices, table, community)
        sell = buy * self.export_ratio if sell is None else sell
        inner = self._find("community_price", self.community_prices, table, community)
        return replace(_terms(buy, sell, community.shape), inner=inner)

    def _table(self, community: Community) -> dict[str, Array]:
        if self.file is None:
            return {}
        from ..reading.files import present
        from ..reading.prices import price_columns

        if not present(self.file):
            raise DataError(f"tariff.file = {self.file}: no such file (§16: a table of prices); correct the path")
        return price_columns(self.file, community.clock)

    def _find(self, name: str, given: Prices1D | None, table: dict[str, Array], community: Community) -> Array | None:
        """(T,), or (T, N) where members differ."""
        if given is not None:
            if len(given) != community.shape[0]:
                what = f"tariff.{name}s: {len(given)} values for {community.shape[0]} slots"
                raise ScenarioError(f"{what} (§2: one per slot); {REMEDY}")
            return np.array(given, np.float64)
        for place in (table, community.series, community.signals):
            if name in place:
                return np.asarray(place[name])
        return None


def _terms(buy: Array, sell: Array, shape: tuple[int, int]) -> Prices:
    if buy.ndim == sell.ndim == 1:
        return Prices.common(buy, sell, shape)
    wide = [spread(price if price.ndim == 2 else price[:, None], shape) for price in (buy, sell)]
    return Prices.own(*wide)
