"""Time of use by hand: three prices by wall clock. A short test to copy for a tariff."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests._communities import hand_made

from commonwatt.errors import ScenarioError
from commonwatt.scenario import Scenario
from commonwatt.tariffs.time_of_use import TimeOfUse

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT, DAY, EVENING = 0.08, 0.12, 0.20
LADDER = [NIGHT] * 7 + [DAY] * 10 + [EVENING] * 4 + [DAY] * 2 + [NIGHT]
"""By hour of the day."""


def homes(start, hours=24):
    """Two homes in slots of an hour."""
    return hand_made(np.ones((hours, 2)), start=start)


def test_the_ladder_of_a_day():
    prices = TimeOfUse().prices(homes(datetime(2025, 6, 2, tzinfo=BERLIN)))
    assert prices.coupling_buy.tolist() == LADDER
    assert prices.buy[:, 1].tolist() == LADDER
    assert prices.sell[:, 0] == pytest.approx(0.4 * np.array(LADDER))


def test_the_wall_clock_counts_when_the_clock_changes():
    """On 30 March 2025 the hour from 2 to 3 is missing: 23 slots, and the day price still begins at 7."""
    prices = TimeOfUse().prices(homes(datetime(2025, 3, 30, tzinfo=BERLIN), hours=23))
    assert prices.coupling_buy.tolist() == LADDER[:2] + LADDER[3:]


@pytest.mark.parametrize(
    ("day", "holidays", "works"),
    [(6, None, True), (7, None, False), (9, None, True), (9, "DE", False), (9, "US-CA", True)],
    ids=["friday", "saturday", "monday", "whit monday", "whit monday elsewhere"],
)
def test_working_days_only(day, holidays, works):
    tariff = TimeOfUse(working_days_only=True, holidays=holidays)
    prices = tariff.prices(homes(datetime(2025, 6, day, tzinfo=BERLIN)))
    assert prices.coupling_buy.tolist() == (LADDER if works else [NIGHT] * 24)


def test_an_unknown_calendar_is_refused():
    with pytest.raises(ScenarioError, match=r"tariff\.holidays = 'XX': no such calendar"):
        TimeOfUse(working_days_only=True, holidays="XX").prices(homes(datetime(2025, 6, 2, tzinfo=BERLIN)))


def test_a_bill_by_hand():
    """1 kWh in each of 24 hours: 8 at night, 12 by day, 4 in the evening; and the inherited fixed charge."""
    import commonwatt as cw

    people = homes(datetime(2025, 6, 2, tzinfo=BERLIN))
    bills = cw.run(Scenario(tariff=TimeOfUse(fixed_per_day=0.5)), community=people).bills
    assert bills == pytest.approx([8 * NIGHT + 12 * DAY + 4 * EVENING + 0.5] * 2)
