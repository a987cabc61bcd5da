"""The regulator by hand: what it pays and fines, whom it bans, for exactly how long."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests._communities import entry_rows, hand_made, make_community, records, scenario

from commonwatt.flow import Account, Community, Flexibility
from commonwatt.regulators.incentives import REASONS, Incentives
from commonwatt.tariffs.flat import Flat

NET = [[2.0, -3.0], [4.0, 1.0]]


def booked(regulator: Incentives, net: Any = NET, **parts: Any) -> dict[tuple[int, int, str], float]:
    """Payments of the regulator, by slot, member and reason; negative: the member is paid."""
    document = scenario(regulator=regulator, tariff=Flat(), **parts)
    found = {}
    for slot, reason, payer, payee, amount in entry_rows(records(document, hand_made(net))):
        member, sign = (payer, 1.0) if payee == Account.REGULATOR else (payee, -1.0)
        found[slot, member, reason] = pytest.approx(sign * amount)
    return found


def test_own_pv_earns_and_the_grid_costs():
    """PV of 3 kWh, of which nothing is used; then nobody has any."""
    assert booked(Incentives()) == {
        (0, 0, "penalty"): 0.04, (0, 1, "penalty"): 0.06, (1, 0, "penalty"): 0.08, (1, 1, "penalty"): 0.02,
    }  # fmt: skip


def test_trade_with_neighbours_earns():
    found = booked(Incentives(objective="maximize_p2p"), market={"kind": "pool_prorata"})
    assert found[0, 0, "bonus"] == -0.02
    assert found[0, 1, "bonus"] == -0.02
    assert found[0, 1, "penalty"] == 0.02
    assert (0, 0, "penalty") not in found


def test_who_maximises_profit_is_left_alone():
    assert booked(Incentives(objective="maximize_profit")) == {}


def test_used_and_stored_pv_counts_and_discharging_does_not():
    community = hand_made([[-1.0], [1.0]])
    battery = Flexibility.batteries(
        2, np.zeros(1, np.int64), np.array([10.0]), charge_kw=np.array([0.6]), discharge_kw=np.array([5.0])
    )
    community = Community.of(community.clock, np.array([[0.3], [1.0]]), np.array([[1.0], [0.0]]), flexibility=battery)
    document = scenario(regulator=Incentives(), tariff=Flat(), dispatch={"kind": "self_consumption"})
    rows = [row for row in entry_rows(records(document, community)) if row[1] == "bonus"]
    assert [(row[0], row[4]) for row in rows] == [(0, pytest.approx(0.02 * 0.9))]


def bans(regulator: Incentives, community: Community) -> np.ndarray:
    """Slots of each ban that are left, at the start of each slot. (T, N)"""
    document = scenario(regulator=regulator, tariff=Flat(), market={"kind": "pool_prorata"})
    kept = records(document, community)
    left = np.concatenate([record.banned_slots for record in kept])
    bought = np.concatenate([record.columns["bought_kwh"] + record.columns["sold_kwh"] for record in kept])
    assert not bought[left > 0].any(), "who is banned trades with nobody"
    return left


def test_a_ban_holds_for_exactly_its_slots_and_then_waits():
    """Fined 0.04 a slot: the limit of 0.1 is passed in slot 2. Banned in 3 and 4; decided again five slots after."""
    regulator = Incentives(penalty_limit=0.1, bonus_limit=1.0, penalty_ban=2, rest=5)
    left = bans(regulator, hand_made([[2.0]] * 12))
    assert left[:, 0].tolist() == [0, 0, 0, 2, 1, 0, 0, 0, 2, 1, 0, 0]


def test_debt_bans_longer_and_both_longest():
    costly = hand_made([[10.0]] * 6)
    assert bans(Incentives(balance_limit=-2.0), costly)[:, 0].tolist() == [0, 0, 3, 2, 1, 0]
    both = Incentives(balance_limit=-2.0, penalty_limit=0.3)
    assert bans(both, costly)[:, 0].tolist() == [0, 0, 5, 4, 3, 2]


def test_a_window_forgets_and_the_relative_rule_weighs():
    regulator = Incentives(penalty_limit=0.1, window=2)
    assert not bans(regulator, hand_made([[2.0]] * 8)).any(), "two slots of 0.04 stay below 0.1"
    relative = Incentives(rule="relative", penalty_limit=0.05)
    zero, one = np.zeros(1), np.ones(1)
    assert REASONS[relative.reasons(zero, 0.04 * one, one, zero)[0]] == ""
    assert REASONS[relative.reasons(zero, 0.06 * one, one, zero)[0]] == "penalties"
    assert REASONS[relative.reasons(zero, 0.06 * one, zero, -99 * one)[0]] == "penalties and balance"


def test_who_has_no_battery_may_be_exempt():
    community = make_community(3, slots=40)
    owners = set(community.flexibility.owner[~community.flexibility.obliged].tolist())
    left = bans(Incentives(exempt_no_battery=True, penalty_limit=0.0, balance_limit=-1e9), community)
    assert set(np.flatnonzero(left.any(axis=0)).tolist()) <= owners
    assert left.any()


def test_at_least_ten_members_are_banned_and_trade_with_nobody_meanwhile():
    community = make_community(1, members=16, slots=60, devices=False)
    left = bans(Incentives(penalty_limit=0.02, bonus_limit=9.0, penalty_ban=3, rest=6), community)
    assert (left > 0).any(axis=0).sum() >= 10
    starts = (left == 3) & (np.vstack([np.zeros((1, 16)), left[:-1]]) == 0)
    for member in range(16):
        for start in np.flatnonzero(starts[:, member]):
            assert left[start : start + 4, member].tolist() == [3, 2, 1, 0][: 60 - start]
