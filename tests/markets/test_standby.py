"""Storage on call, by hand: who is asked, for how much, what it delivers, and what limits leave of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from tests._communities import column, hand_made, records

from commonwatt.connection import Connection
from commonwatt.errors import ContractError
from commonwatt.flow import Clearing, Community, Flexibility, Schedule, State
from commonwatt.record import Record
from commonwatt.scenario import Scenario


def community(net: list[list[float]], level: list[float], **battery: Any) -> Community:
    """One battery of 10 kWh for each member with a level above 0, which may fall to 1 kWh."""
    bare, owner = hand_made(net), np.flatnonzero(level)
    sheet = {"charge_kw": np.full(owner.size, 100.0), "discharge_kw": np.full(owner.size, 100.0)} | battery
    stores = Flexibility.batteries(
        len(net), owner, np.full(owner.size, 10.0), soc_start=np.array(level)[owner] / 10,
        charge_efficiency=1.0, discharge_efficiency=0.8, **sheet,
    )  # fmt: skip
    return replace(bare, flexibility=stores)


def outcome(members: Community, **pool: Any) -> list[Record]:
    """Everybody asks 0.1 and bids 0.3."""
    pool = {"standby": {"threshold_kw": 0.05, "share": 0.5}} | pool
    document = Scenario.model_validate({
        "tariff": {"kind": "flat", "buy": 0.3, "export_ratio": 1 / 3}, "market": {"kind": "pairwise_midpoint"},
        "pool": pool, "dispatch": {"kind": "self_consumption"},
    })  # fmt: skip
    return records(document, members)


def called(members: Community, **pool: Any) -> list[list[float]]:
    return column(outcome(members, **pool), "called_kwh").round(9).tolist()


def test_the_fullest_offer_half_of_what_they_can_deliver_until_the_want_is_met() -> None:
    """5 kWh are wanted. Stores hold 4, 8 and 5 kWh above their least, can deliver 3.2, 6.4 and 4, and offer half."""
    members = community([[5.0, 0.0, 0.0, 0.0]], [0, 5, 9, 6])
    assert called(members) == [[0.0, 0.0, 3.2, 1.8]]
    kept = outcome(members)
    assert column(kept, "level_kwh")[0] == pytest.approx([5.0, 9 - 3.2 / 0.8, 6 - 1.8 / 0.8])
    assert column(kept, "discharge_kwh")[0] == pytest.approx([0.0, 3.2, 1.8])
    assert column(kept, "pool_money")[0] == pytest.approx([1.0, 0.0, -0.64, -0.36])


def test_ties_go_by_number_and_nobody_offers_more_than_the_pool_allows() -> None:
    members = community([[4.0, 0.0, 0.0, 0.0]], [0, 9, 9, 9])
    assert called(members) == [[0.0, 3.2, 0.8, 0.0]]
    assert called(members, most_kw=1.5) == [[0.0, 1.5, 0.0, 0.0]], "the buyer, too, may buy 1.5 kWh"


def test_a_small_shortage_calls_nobody() -> None:
    members = community([[1.0, -0.97, 0.0]], [0, 0, 9])
    assert called(members) == [[0.0, 0.0, 0.0]]
    assert called(members, standby={"threshold_kw": 0.02}) == [[0.0, 0.0, pytest.approx(0.03)]]


def test_who_has_a_surplus_or_a_deficit_left_is_not_asked() -> None:
    """The second member sells its own surplus though its store is full; the third needs all that its store can give."""
    members = community([[5.0, -1.0, 9.0]], [0, 10, 3])
    kept = outcome(replace(members, flexibility=replace(members.flexibility, level_max_kwh=np.full((1, 2), 10.0))))
    assert column(kept, "called_kwh").tolist() == [[0.0, 0.0, 0.0]]
    assert column(kept, "sold_kwh")[0, 1] == pytest.approx(1.0)


def test_what_stood_by_is_there_in_the_next_slot() -> None:
    """3.2 of 6.4 kWh, then half of what is left, then half of that."""
    members = community([[9.0, 0.0]] * 3, [0, 9])
    assert column(outcome(members), "called_kwh")[:, 1] == pytest.approx([3.2, 1.6, 0.8])


def test_a_store_that_charged_has_the_rest_of_the_slot() -> None:
    """It charges 2 kWh at 4 kW, half an hour; in the other half it could deliver 3 kWh at 6 kW, and offers half."""
    members = community([[9.0, -2.0]], [0, 5], charge_kw=np.array([4.0]), discharge_kw=np.array([6.0]))
    kept = outcome(members)
    assert column(kept, "charge_kwh")[0] == pytest.approx([2.0])
    assert column(kept, "called_kwh")[0] == pytest.approx([0.0, 1.5])
    assert column(kept, "level_kwh")[0] == pytest.approx([7.0 - 1.5 / 0.8])


def test_losses_of_the_pool_are_met_too() -> None:
    """1.8 kWh wanted, 10 % lost on the way: 2 kWh are called."""
    members = community([[1.8, 0.0]], [0, 9])
    assert called(members, efficiency=0.9) == [[0.0, 2.0]]


@pytest.mark.parametrize(
    ("limits", "due"),
    [
        ({"member_export_cap_kw": np.array([9.0, 1.0, 9.0])}, [0.0, 0.5, 3.2]),
        ({"export_cap_kw": np.array([0.0])}, [0.0, 1.25, 1.25]),
    ],
)
def test_limits_of_the_connection_let_out_what_they_may(limits: Any, due: list[float]) -> None:
    """Of 6.4 kWh each one may give 1; all together no more than the 5 kWh that the buyer takes: each half of 2.5."""
    members = replace(community([[5.0, 0.0, 0.0]], [0, 9, 9]), connection=Connection(**limits))
    assert called(members) == [due]


def test_only_markets_that_take_orders_call() -> None:
    with pytest.raises(ValidationError, match="takes none"):
        Scenario.model_validate({"market": {"kind": "pool"}, "pool": {"standby": {}}})
    assert Scenario.model_validate({"market": {"kind": "none"}, "pool": {"most_kw": 2.0}}).pool.most_kw == 2.0


def test_calls_need_windows_of_one_slot() -> None:
    members = community([[9.0, 0.0]] * 2, [0, 9])
    rest = np.zeros((2, 1))
    plan = Schedule.carried_out(members, State.initial(members), rest, rest)
    with pytest.raises(ContractError, match="2 slots"):
        plan.activated(replace(Clearing.none((2, 2)), called_kwh=np.ones((2, 2))))


def test_what_is_too_little_to_trade_stays_in_store() -> None:
    """3.2 kWh come from the second member; the 0.05 kWh of the third are less than the pool lets trade."""
    members = community([[5.0, 0.0, 0.0]], [0, 9, 1.125])
    assert called(members) == [[0.0, 3.2, 0.05]]
    kept = outcome(members, min_trade_kwh=0.1)
    assert column(kept, "called_kwh").tolist() == [[0.0, pytest.approx(3.2), 0.0]]
    assert column(kept, "level_kwh")[0] == pytest.approx([5.0, 1.125])
    assert column(kept, "import_kwh")[0, 0] - column(kept, "bought_kwh")[0, 0] == pytest.approx(1.8)
