"""S2's homes: those of the calibrated generator, any number of steps, with a wallet and without batteries."""

import numpy as np
import pytest

from commonwatt.flow import Streams
from commonwatt.scenario import Scenario
from commonwatt.sources.synthetic import Synthetic
from commonwatt.sources.trading_system import TradingSystem

STREAMS = Streams(3)


@pytest.mark.parametrize(("slots", "minutes"), [(96, 60), (5, 60), (100, 15), (1, 30)])
def test_any_number_of_steps(slots, minutes):
    community = TradingSystem(members=3, slots=slots, slot_minutes=minutes).community(STREAMS)
    whole = Synthetic(members=3, days=5, slot_minutes=minutes, battery_share=0.0).community(STREAMS)
    assert community.shape == (slots, 3)
    assert (community.clock.slots, community.clock.horizon, community.clock.first) == (slots, slots, 0)
    assert np.array_equal(community.load_kw, whole.load_kw[:slots])
    assert np.array_equal(community.pv_kw, whole.pv_kw[:slots])
    assert community.flexibility.devices == 0


def test_a_wallet_for_everybody():
    community = TradingSystem(members=3, slots=4, wallet_start=20.0).community(STREAMS)
    assert community.traits["wallet_start"].tolist() == [20.0] * 3


def test_a_home_has_a_battery_or_an_account():
    devices = [
        {"kind": "shared_battery", "share": 0.4, "capacity_kwh": 50},
        {"kind": "battery", "beside": False, "capacity_kwh": [10.0]},
    ]
    document = {"source": {"kind": "trading_system", "members": 20, "slots": 4}, "devices": devices}
    device = Scenario.model_validate(document).community().flexibility
    assert sorted(device.owner.tolist()) == list(range(20))
    assert 0 < (device.kind == "shared_battery").sum() < 20
    both = [devices[0], {**devices[1], "beside": True}]
    more = Scenario.model_validate({**document, "devices": both}).community().flexibility
    assert more.devices == 20 + (device.kind == "shared_battery").sum()
    kept = device.owner[device.kind == "battery"]
    assert set(kept.tolist()) < set(more.owner[more.kind == "battery"].tolist())
