"""A screen of the audit says how large an invariant's residual is: held to the invariant itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from tests._communities import make_community

from commonwatt.audit._facts import Facts, Left
from commonwatt.audit._invariants import INVARIANTS
from commonwatt.audit._screens import screened
from commonwatt.audit._sink import RELATIVE
from commonwatt.dispatch.self_consumption import SelfConsumption
from commonwatt.flow import Pool
from commonwatt.markets import MARKETS
from commonwatt.record import Record
from commonwatt.run import auditor
from commonwatt.scenario import Scenario
from commonwatt.simulate import simulate
from commonwatt.tariffs.contract import Contract
from commonwatt.tariffs.time_of_use import TimeOfUse

DOCUMENTS = {
    "open": Scenario(tariff=TimeOfUse(), dispatch=SelfConsumption(), market=MARKETS["mid_market_rate"]()),
    "own": Scenario(tariff=Contract(), dispatch=SelfConsumption(), market=MARKETS["pool_prorata"]()),
    "lossy": Scenario(tariff=TimeOfUse(), market=MARKETS["core_price"](), pool=Pool(efficiency=0.9)),
    "fees": Scenario(tariff=TimeOfUse(fixed_per_day=1.0), market=MARKETS["pool"](), pool=Pool(fee_per_kwh=0.01)),
}
COLUMNS = (
    "import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "level_kwh", "bought_kwh", "sold_kwh", "buy_price",
    "sell_price", "energy_money", "pool_money", "wallet_money", "account_money", "till_money",
)  # fmt: skip
ROUGH = {"T1", "S2"}
"""Screens that may overstate: T1 looks at prices at which nothing is traded."""


def facts_of(document: Scenario, *, always_open: bool) -> Iterator[Facts]:
    community = make_community(3, slots=60)
    if always_open:
        community = replace(community, market_open=np.ones(60, np.bool_))
    prices = document.prices(community)
    declared, left = auditor(document, community, prices).declared, Left.at_start(community)
    for window in simulate(document, community, prices=prices, cut=30):
        record = Record.of(window)
        span = record.clock.first, record.clock.first + record.clock.slots
        yield Facts(community.window(*span), prices.window(*span), record, declared, left, {})
        left = Left.by(record)


def faulted(facts: Facts, column: str, change: float) -> Facts:
    values = np.array(facts[column])
    values[7, values.shape[1] // 2] += change
    return replace(facts, record=facts.record.changed(column, values))


def assert_screens_agree(facts: Facts) -> set[str]:
    known = screened(facts)
    for name, size in known.items():
        residual = INVARIANTS[name][0](replace(facts))
        assert residual is not None, name
        worst = float(np.max(np.abs(residual), initial=0.0))
        if not np.isfinite(worst):
            assert not np.isfinite(size), name
        elif name in ROUGH:
            assert size >= worst - 1e-12, name
        else:
            assert size == pytest.approx(worst, rel=1e-9, abs=1e-12), name
    return set(known)


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize("always_open", [True, False])
def test_sound_records_pass_every_screen(document: Scenario, always_open: bool) -> None:
    for facts in facts_of(document, always_open=always_open):
        assert {"E1", "E4", "T1"} <= assert_screens_agree(facts)
        assert max(screened(facts).values()) <= RELATIVE


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("change", [1e-6, -1e-3, 50.0, np.nan, np.inf])
def test_a_screen_is_never_kinder_than_its_invariant(document: Scenario, column: str, change: float) -> None:
    for facts in facts_of(document, always_open=True):
        wrong = faulted(facts, column, change)
        with np.errstate(all="ignore"):
            known = screened(wrong)
        for name, size in known.items():
            with np.errstate(all="ignore"):
                residual = INVARIANTS[name][0](replace(wrong))
            assert residual is not None, name
            finite = np.isfinite(residual).all()
            worst = float(np.max(np.abs(residual), initial=0.0)) if finite else np.inf
            assert size >= worst * (1 - 1e-9) - 1e-12, name


def test_only_plain_records_have_every_screen() -> None:
    plain = set(screened(next(facts_of(DOCUMENTS["open"], always_open=True))))
    assert {"E1", "E4", "S1", "S2", "T1", "T2", "M0", "M1", "M2", "M3", "M4", "R1"} <= plain
    fees = set(screened(next(facts_of(DOCUMENTS["fees"], always_open=True))))
    assert not fees & {"M0", "M1", "M2", "M3", "M4"}
