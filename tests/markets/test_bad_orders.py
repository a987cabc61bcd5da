"""What auctions do with orders that are none, and with books in which nothing can be matched or everything ties."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from tests._communities import column, hand_made, make_community, records

import commonwatt as cw
from commonwatt.bidders import BIDDERS
from commonwatt.bidders.truthful import Truthful
from commonwatt.errors import ContractError
from commonwatt.flow import Positions, Prices, Quotes, State
from commonwatt.markets import MARKETS
from commonwatt.markets._auction import Auction
from commonwatt.scenario import Scenario
from commonwatt.sources._write import write_folder
from commonwatt.store import RunFolder, verify, verify_ledger

AUCTIONS = [kind for kind, cls in MARKETS.items() if issubclass(cls, Auction)]
FLAT = {"kind": "flat", "buy": 0.30, "export_ratio": 1 / 3}


class Faulty(Truthful):
    """Honest, but for one number of member 1."""

    kind: Literal["faulty"] = "faulty"  # type: ignore[assignment]
    field: str = ""
    value: str = "0"

    def quotes(self, positions: Positions, prices: Prices, state: State) -> Quotes:
        sound = super().quotes(positions, prices, state)
        values = np.array(getattr(sound, self.field))
        values[:, 1] = float(self.value)
        return replace(sound, **{self.field: values})


@pytest.mark.parametrize("kind", AUCTIONS)
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("quote_price", np.nan, "no finite number"),
        ("quote_price", np.inf, "no finite number"),
        ("bid_kwh", np.nan, "negative or no number"),
        ("ask_kwh", -0.5, "negative or no number"),
        ("bid_kwh", np.inf, "more energy than it has"),
        ("ask_kwh", 9.0, "more energy than it has"),
    ],
)
def test_a_quote_that_is_none_ends_the_run(kind: str, field: str, value: float, said: str) -> None:
    market = MARKETS[kind].model_construct(bidder=Faulty(field=field, value=str(value)))
    document = Scenario.model_construct(**{**dict(Scenario()), "market": market})
    with pytest.raises(ContractError, match=rf"{said}.* \(slot 0, member 1; §3"):
        records(document, make_community(0, members=3, slots=4))


BOOKS: dict[str, Any] = {
    "nobody": [[0.0, 0.0, 0.0]],
    "buyers only": [[1.0, 2.0, 0.5]],
    "sellers only": [[-1.0, -2.0, -0.5]],
    "all tie": [[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]],
    "hardly any energy": [[1e-10, -1e-10, 1e-10], [1e-10, -1.0, 1.0], [1.0, -1e-10, 1e-12]],
    "one of each": [[1.0, -1.0]],
}
MATCHED = {"nobody", "buyers only", "sellers only"}


@pytest.mark.parametrize("kind", AUCTIONS)
@pytest.mark.parametrize("bidder", BIDDERS)
def test_every_book_has_an_outcome(kind: str, bidder: str) -> None:
    """Audited; every stored number is finite, and where one side is empty nothing moves."""
    document = Scenario.model_validate({"tariff": FLAT, "market": {"kind": kind, "bidder": {"kind": bidder}}})
    for what, net in BOOKS.items():
        kept = records(document, hand_made(net))
        for name in kept[0].columns:
            assert np.isfinite(column(kept, name)).all(), (what, name)
        moved = column(kept, "bought_kwh")
        assert (moved <= np.maximum(net, 0.0) + 1e-9).all(), what
        assert what not in MATCHED or not moved.any(), what
        assert not moved[np.maximum(net, 0.0) <= 1e-9].any(), what


@pytest.mark.parametrize("kind", AUCTIONS)
@pytest.mark.parametrize("bidder", BIDDERS)
@pytest.mark.parametrize(("buy", "ratio"), [(0.0, 0.0), (0.20, 1.0), (0.20, 0.999)], ids=["free", "equal", "narrow"])
def test_bands_that_are_narrow_or_none(kind: str, bidder: str, buy: float, ratio: float) -> None:
    """Limits of quotes that cross: the audit holds, and nobody pays more than outside who does not want to."""
    tariff = {"kind": "flat", "buy": buy, "export_ratio": ratio}
    document = Scenario.model_validate({"tariff": tariff, "market": {"kind": kind, "bidder": {"kind": bidder}}})
    kept = records(document, hand_made([[1.0, 2.0, -1.5, -1.0], [2.0, -1.0, 1.0, -1.0]]))
    assert np.isfinite(column(kept, "quote_price")).all()


@pytest.mark.parametrize("kind", AUCTIONS)
def test_odd_prices_close_the_book(kind: str) -> None:
    """Who buys cheaper than it sells is kept out (§13)."""
    odd = {"kind": "series", "import_prices": [0.05], "export_prices": [0.10]}
    kept = records(Scenario.model_validate({"tariff": odd, "market": {"kind": kind}}), hand_made([[1.0, -1.0]]))
    assert not column(kept, "bid_kwh").any()
    assert not column(kept, "bought_kwh").any()


NAMES = ("a>b", "c:d", 'e,"f"', "=1+1", "operator", "-1", "fee_money:x>state", "ü | *")
"""Members called like accounts, columns, formulas and separators."""


@pytest.mark.parametrize("kind", ["pay_as_bid", "nearby"])
def test_reserved_characters_in_names(tmp_path: Path, kind: str) -> None:
    """A run, its folder, its ledger and its scorecard know members by number; names are only shown."""
    source = {"kind": "folder", "path": str(tmp_path / "street")}
    people = replace(make_community(1, members=8, slots=24, devices=False), names=NAMES)
    write_folder(people, tmp_path / "street")
    zones = [{"name": "up>down:left", "members": ["a>b", "c:d", 'e,"f"', "operator"], "fee_per_kwh": 0.01}]
    market = {"kind": kind, **({"zones": True} if kind == "pay_as_bid" else {})}
    parts = {"source": source, "zones": zones, "market": market, "ledger": {"kind": "hash_chain"}, "tariff": FLAT}
    scenario = Scenario.model_validate({**parts, "pool": {"fee_per_kwh": 0.01}})
    with RunFolder(tmp_path / "run", identity=scenario.identity()) as folder:
        run = cw.run(scenario, folder, folder=folder.partial)
        folder.finish(run)
    assert run.metrics["traded"] > 0
    assert [row["member"] for row in run.members()] == list(NAMES)
    assert verify(tmp_path / "run").holds
    assert verify_ledger(tmp_path / "run")["replayed"]
    assert cw.scorecard(tmp_path / "run").losers == run.metrics["losers"]
