"""What mechanisms declare, column by column, and a counterexample for every no.

Balanced, rational, core and truthful as the literature has them: Long et al. 2017, Liu et al. 2017, Chakraborty et al.
2018 for prices; Shapley 1953, Schmeidler 1969, Clarke 1971 for shares.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests._communities import hand_made

import commonwatt as cw
from commonwatt.markets import MARKETS
from commonwatt.scenario import Scenario
from commonwatt.tariffs.flat import Flat

TARIFF = Flat(buy=0.30, export_ratio=1 / 3)
COLUMNS = ("world", "balanced", "rational", "core", "efficient", "truthful")
ONE, OWN = "one_meter", "own_meters"
DECLARED: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    # prices on metered energy
    ({"kind": "none"}, (OWN, True, True, False, False, True)),
    ({"kind": "mid_market_rate"}, (ONE, True, True, False, True, False)),
    ({"kind": "mid_market_rate", "price": "balance"}, (ONE, True, True, False, True, False)),
    ({"kind": "mid_market_rate", "weigh": "gross"}, (ONE, False, True, False, True, False)),
    ({"kind": "bill_sharing"}, (ONE, True, False, False, True, False)),
    ({"kind": "bill_sharing", "scope": "period"}, (ONE, True, False, False, True, False)),
    ({"kind": "supply_demand_ratio"}, (ONE, True, True, False, True, False)),
    ({"kind": "supply_demand_ratio", "compensation": 0.05}, (ONE, True, True, False, True, False)),
    ({"kind": "core_price"}, (ONE, True, True, True, True, False)),
    ({"kind": "pool"}, (ONE, True, True, False, True, False)),
    ({"kind": "pool_prorata"}, (OWN, True, False, False, True, False)),
    # shares of a period's cost
    ({"kind": "shapley"}, (ONE, True, True, False, True, False)),
    ({"kind": "nucleolus"}, (ONE, True, True, True, True, False)),
    ({"kind": "least_core"}, (ONE, True, True, True, True, False)),
    ({"kind": "marginal_cost"}, (ONE, False, True, False, True, True)),
    ({"kind": "saving_weights"}, (ONE, True, True, False, True, False)),
    ({"kind": "saving_weights", "weights": "equal"}, (ONE, True, True, False, True, False)),
    # allocation keys
    ({"kind": "allocation", "key": "static"}, (OWN, True, False, False, False, False)),
    ({"kind": "allocation", "key": "hourly_ex_ante"}, (OWN, True, False, False, False, False)),
    ({"kind": "allocation", "key": "pro_rata"}, (OWN, True, False, False, True, False)),
    ({"kind": "allocation", "key": "equal"}, (OWN, True, False, False, True, False)),
    ({"kind": "allocation", "key": "weighted"}, (OWN, True, False, False, False, False)),
    ({"kind": "allocation", "key": "cascade"}, (OWN, True, False, False, True, False)),
    ({"kind": "allocation", "key": "hybrid"}, (OWN, True, False, False, True, False)),
    ({"kind": "allocation", "key": "full_dynamic"}, (OWN, True, False, False, False, False)),
]


def label(case: Any) -> str:
    return "-".join(str(value) for value in case.values()) if isinstance(case, dict) else ""


@pytest.mark.parametrize(("market", "declared"), DECLARED, ids=label)
def test_declared(market: dict[str, Any], declared: tuple[Any, ...]) -> None:
    promise = Scenario(market=market).market.promise
    assert tuple(getattr(promise, column) for column in COLUMNS) == declared


@pytest.mark.parametrize("kind", ["shapley", "nucleolus", "least_core", "marginal_cost", "saving_weights"])
@pytest.mark.parametrize("period", ["day", "month", "year", "horizon"])
def test_shares_balance_over_their_period(kind: str, period: str) -> None:
    assert MARKETS[kind](period=period).promise.scope == period


def run(market: dict[str, Any], net_kw: Any, tariff: Any = TARIFF, **parts: Any) -> cw.Run:
    return cw.run(Scenario(tariff=tariff, market=market), community=hand_made(net_kw, **parts))


# --- a counterexample for every no -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["slot", "period"])
def test_bill_sharing_has_losers(scope: str) -> None:
    """The seller gets nothing for 2 kWh that the grid would pay 0.20 for."""
    found = run({"kind": "bill_sharing", "scope": scope}, [[4.0, -2.0]])
    assert found.metrics["losers"] == 1
    assert found.savings[1] == pytest.approx(-0.20)


IN_NO_CORE = [
    {"kind": "mid_market_rate"}, {"kind": "supply_demand_ratio"}, {"kind": "pool"}, {"kind": "bill_sharing"},
    {"kind": "shapley"}, {"kind": "saving_weights"}, {"kind": "saving_weights", "weights": "equal"},
]  # fmt: skip
STABLE = [{"kind": "core_price"}, {"kind": "nucleolus"}, {"kind": "least_core"}]
SCARCE = [[2.0, -2.0, -2.0], [3.0, 2.0, -1.0]]
"""Sellers are not scarce in the first hour, buyers not in the second: some pair always keeps more to itself."""


@pytest.mark.parametrize("market", IN_NO_CORE, ids=label)
def test_some_group_would_leave(market: dict[str, Any]) -> None:
    metrics = run(market, SCARCE).metrics
    assert metrics["coalition_excess"] > 0.01
    assert metrics["leaving_coalitions"] > 0


@pytest.mark.parametrize("market", STABLE, ids=label)
def test_no_group_would_leave(market: dict[str, Any]) -> None:
    metrics = run(market, SCARCE).metrics
    assert metrics["coalition_excess"] <= 1e-9
    assert metrics["leaving_coalitions"] == 0


def test_marginal_cost_is_not_balanced() -> None:
    assert run({"kind": "marginal_cost"}, [[4.0, -2.0]]).metrics["operator_result"] == pytest.approx(-0.40)


def test_a_gross_rate_is_not_balanced() -> None:
    """Load 5, PV 3: weighed by all of it, billed by what crosses the meters, 0.04 is missing."""
    clock = hand_made([[0.0, 0.0]]).clock
    homes = cw.Community.of(clock, np.array([[4.0, 1.0]]), np.array([[0.0, 3.0]]))
    found = cw.run(Scenario(tariff=TARIFF, market={"kind": "mid_market_rate", "weigh": "gross"}), community=homes)
    assert found.metrics["operator_result"] == pytest.approx(-0.04)


@pytest.mark.parametrize("market", [{"kind": "pool_prorata"}, {"kind": "allocation"}], ids=label)
def test_among_own_meters_somebody_with_a_good_contract_loses(market: dict[str, Any]) -> None:
    """A buys at 0.10 from its retailer; the pool's price is the middle of means, (0.20 + 0.10) / 2."""
    traits = {"contract_buy": np.array([0.10, 0.30]), "contract_sell": np.array([0.05, 0.15])}
    found = run(market, [[2.0, -2.0]], tariff={"kind": "contract"}, traits=traits)
    assert found.savings == pytest.approx([2 * (0.10 - 0.15), 0.0])
    assert found.metrics["losers"] == 1


NOT_ALL = [{"key": key} for key in ("static", "hourly_ex_ante", "full_dynamic")]


@pytest.mark.parametrize("fields", NOT_ALL, ids=label)
def test_fixed_parts_leave_energy_unshared(fields: dict[str, Any]) -> None:
    """Half of 4 kWh is A's, who needs 1; B wants 4 and gets 2. One kWh is sold while B buys."""
    market = {"kind": "allocation", "plant": ["roof"], **fields}
    found = run(market, [[-4.0, 1.0, 4.0]], names=("roof", "A", "B"))
    assert found.metrics["traded"] == pytest.approx(3.0)


def test_who_has_no_weight_gets_nothing() -> None:
    market = {"kind": "allocation", "key": "weighted"}
    traits = {"allocation_weight": np.array([1.0, 0.0])}
    assert run(market, [[-4.0, 1.0]], traits=traits).metrics["traded"] == 0.0


MISSTATED = [
    # the market, true nets, who says how much more than is so, what that gains
    ({"kind": "supply_demand_ratio"}, (4.0, -2.0, -1.0), 0, -1.0, 0.06),
    ({"kind": "core_price"}, (3.0, 1.0, -3.5), 0, -1.0, 0.40),
    ({"kind": "bill_sharing"}, (2.0, -1.5, -1.5), 0, 1.0, 0.10),
]


def gained(market: dict[str, Any], net: tuple[float, ...], who: int, more: float) -> float:
    """What a member saves by stating its energy wrong, and dealing with the grid for the difference."""
    said = np.array(net)
    said[who] += more
    own_meter = 0.30 * max(-more, 0.0) - 0.10 * max(more, 0.0)
    return float(run(market, [net]).bills[who] - run(market, [said]).bills[who] - own_meter)


@pytest.mark.parametrize(("market", "net", "who", "more", "gain"), MISSTATED, ids=label)
def test_misstating_energy_pays(market: Any, net: Any, who: int, more: float, gain: float) -> None:
    """Prices move with quantities; where no case stands here, truthfulness is only not promised."""
    assert gained(market, net, who, more) == pytest.approx(gain)


@pytest.mark.parametrize("net", [case[1] for case in MISSTATED], ids=str)
def test_misstating_energy_does_not_pay_where_truth_is_promised(net: tuple[float, ...]) -> None:
    for who in range(3):
        assert max(gained({"kind": "marginal_cost"}, net, who, more) for more in (-1.0, -0.2, 0.2, 1.0)) <= 1e-12
