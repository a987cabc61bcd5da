"""Tiers by hand."""

import numpy as np
import pytest
from pydantic import ValidationError
from tests._communities import hand_made

import commonwatt as cw
from commonwatt.charges.tiers import Tiers
from commonwatt.scenario import Scenario
from commonwatt.tariffs.flat import Flat
from commonwatt.tariffs.tiered import Tiered


def test_each_block_costs_its_surcharge():
    """5 kWh: 2 without, 2 at 0.10, 1 at 0.30."""
    rule = Tiers(above_kwh=(2.0, 4.0), surcharge=(0.10, 0.30))
    bills = cw.run(Scenario(tariff=Flat(buy=1.0, charges=(rule,))), community=hand_made([[3.0], [2.0]])).bills
    assert bills == pytest.approx([5.0 + 0.2 + 0.3])


def test_a_discount_for_volume():
    rule = Tiers(above_kwh=(0.0, 4.0), surcharge=(0.10, -0.05))
    bills = cw.run(Scenario(tariff=Flat(buy=1.0, charges=(rule,))), community=hand_made([[6.0]])).bills
    assert bills == pytest.approx([6.0 + 0.4 - 0.1])


def test_energy_from_neighbours_does_not_count():
    """Pro-rata pool: 3 of 5 kWh come from the neighbour, 2 from the retailer."""
    rule = Tiers(above_kwh=(1.0,), surcharge=(0.5,))
    document = Scenario(tariff=Flat(buy=1.0, charges=(rule,)), market={"kind": "pool_prorata"})
    run = cw.run(document, community=hand_made([[5.0, -3.0]]))
    without = cw.run(
        Scenario(tariff=Flat(buy=1.0), market={"kind": "pool_prorata"}), community=hand_made([[5.0, -3.0]])
    )
    np.testing.assert_allclose(run.bills - without.bills, [0.5, 0.0])


@pytest.mark.parametrize(("net", "above", "surcharge", "owed"), [
    ([3.0, 1.0, -2.0], (0.0,), (-0.02,), [-0.03, -0.01, 0.0]),
    ([3.0, 1.0], (0.0, 2.0), (-0.1, 0.5), [0.75, 0.05]),
    ([2.6, 1.0], (0.0, 2.0), (-0.1, 0.5), [0.4, 0.2]),
])  # fmt: skip
def test_rebates_behind_one_meter_are_passed_on(net, above, surcharge, owed):
    """Only rebates: 2 kWh at -0.02, in proportion to 3 and 1 kWh. Rebates beside debts: alone 0.30 and -0.10, together
    0.80, of which the 0.60 more are shared 3 : 1. Alone 0.10 and -0.10, together 0.60: shared 1 : 1."""
    bills = [
        cw.run(
            Scenario(tariff=Flat(buy=1.0, charges=charges), market={"kind": "bill_sharing"}), community=hand_made([net])
        ).bills
        for charges in ((Tiers(above_kwh=above, surcharge=surcharge),), ())
    ]
    np.testing.assert_allclose(bills[0] - bills[1], owed, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("fields", "says"),
    [({"above_kwh": (1.0,)}, "1 thresholds and 2 surcharges"), ({"above_kwh": (4.0, 2.0)}, "do not rise")],
)
def test_thresholds_rise_and_each_has_a_surcharge(fields: dict[str, object], says: str):
    with pytest.raises(ValidationError, match=says):
        Tiers(**fields)


def test_the_tariff_of_that_name_has_them():
    community = hand_made([[300.0], [200.0]])
    more = cw.run(Scenario(tariff=Tiered()), community=community).bills
    less = cw.run(Scenario(tariff=Tiered(charges=())), community=community).bills
    np.testing.assert_allclose(more - less, 200 * 0.04 + 100 * 0.10)
