"""Allocation keys by hand, against a bisection, and for any demands; what coefficients may be; bills."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests._communities import bills, column, hand_made, records

import commonwatt as cw
from commonwatt.errors import DataError, ScenarioError
from commonwatt.markets._keys import RULES, by_producer
from commonwatt.markets.allocation import Allocation
from commonwatt.scenario import Scenario
from commonwatt.tariffs.flat import Flat

TARIFF = Flat(buy=0.30, export_ratio=1 / 3)
HOMES = hand_made([[-6.0, 1.0, 4.0, 4.0]], names=("roof", "A", "B", "C"))
"""One hour: a roof has 6 kWh, A wants 1, B and C want 4 each."""
KEYED = {"allocation_key": np.array([0.0, 0.5, 0.3, 0.2])}
BY_HAND = {
    "static": (KEYED, (1.0, 1.8, 1.2)),
    "hourly_ex_ante": (KEYED, (1.0, 1.8, 1.2)),
    # 2 kWh are left for 2.2 and 2.8 that are not met
    "hybrid": (KEYED, (1.0, 1.8 + 0.88, 1.2 + 1.12)),
    "pro_rata": ({}, (6 / 9, 24 / 9, 24 / 9)),
    # level 2.5: A needs less
    "equal": ({}, (1.0, 2.5, 2.5)),
    # A is full at 1; 5 kWh are left for weights 1 and 3
    "weighted": ({"allocation_weight": np.array([1.0, 1.0, 1.0, 3.0])}, (1.0, 1.25, 3.75)),
    "cascade": ({"allocation_rank": np.array([0.0, 3.0, 1.0, 2.0])}, (0.0, 4.0, 2.0)),
    "full_dynamic": (KEYED, (1.0, 1.8, 1.2)),
}


def shares(key, traits=None, homes=HOMES, **parts):
    """What everybody gets, and what everybody gives."""
    homes = replace(homes, traits=traits or {})
    document = Scenario(tariff=TARIFF, market=Allocation(key=key, plant=("roof",), **parts))
    kept = records(document, homes)
    return column(kept, "bought_kwh"), column(kept, "sold_kwh")


@pytest.mark.parametrize("key", BY_HAND)
def test_by_hand(key):
    traits, expected = BY_HAND[key]
    bought, sold = shares(key, traits)
    assert bought[0] == pytest.approx([0.0, *expected])
    assert sold[0] == pytest.approx([sum(expected), 0, 0, 0])


def test_one_rank_shares_in_proportion():
    bought, _ = shares("cascade", {"allocation_rank": np.array([0.0, 2.0, 1.0, 1.0])})
    assert bought[0] == pytest.approx([0, 0, 3, 3])


def test_without_coefficients_all_but_the_plant_are_alike():
    bought, _ = shares("static")
    assert bought[0] == pytest.approx([0, 1, 2, 2])


def test_coefficients_by_the_hour():
    """B's part comes in the second hour; the first is C's alone."""
    homes = hand_made([[-3.0, 1.0, 4.0, 4.0]] * 2, names=HOMES.names)
    parts = np.array([[0.0, 0.0, 0.0, 1.0], [0.0, 0.5, 0.5, 0.0]])
    homes = replace(homes, series={"allocation_key": parts})
    bought, sold = shares("hourly_ex_ante", homes=homes)
    assert bought == pytest.approx(np.array([[0, 0, 0, 3.0], [0, 1.0, 1.5, 0]]))
    assert sold[:, 0] == pytest.approx([3.0, 2.5])


def test_producers_told_apart():
    """The roof gives A and B half each, the field all to C; what A cannot use is sold, by the roof alone."""
    homes = hand_made([[-6.0, 1.0, 4.0, 4.0, -2.0]], names=(*HOMES.names, "field"))
    series = {"allocation_key_1": [[0.0, 0.5, 0.5, 0.0, 0.0]], "allocation_key_2": [[0.0, 0.0, 0.0, 1.0, 0.0]]}
    homes = replace(homes, series={name: np.array(part) for name, part in series.items()})
    document = Scenario(tariff=TARIFF, market=Allocation(key="full_dynamic", plant=("roof", "field")))
    kept = records(document, homes)
    assert column(kept, "bought_kwh")[0] == pytest.approx([0, 1, 3, 2, 0])
    assert column(kept, "sold_kwh")[0] == pytest.approx([4, 0, 0, 0, 2])


def test_everybodys_surplus_is_the_pot_unless_plants_are_named():
    homes = hand_made([[-1.0, -2.0, 2.0]])
    for plant, pot in (((), [1.0, 2.0]), (("member_2",), [0.0, 2.0]), (("member_1",), [1.0, 0.0])):
        kept = records(Scenario(tariff=TARIFF, market=Allocation(plant=plant)), homes)
        assert column(kept, "sold_kwh")[0, :2] == pytest.approx(np.array(pot) * min(1.0, 2.0 / sum(pot)))


@pytest.mark.parametrize(("price", "inside"), [(None, 0.20), (0.12, 0.12), (0.0, 0.0)])
def test_bills(price, inside):
    """Shared energy at the inner price, the rest at everybody's own: 0.30 and 0.10."""
    homes = replace(HOMES, traits=KEYED)
    market = Allocation(key="static", plant=("roof",), price=price)
    owed = bills(records(Scenario(tariff=TARIFF, market=market), homes))[0]
    assert owed == pytest.approx(
        [-4 * inside - 2 * 0.10, inside, 1.8 * inside + 2.2 * 0.30, 1.2 * inside + 2.8 * 0.30]
    )  # fmt: skip
    assert market.promise.in_band == (price is None)


def test_losses_fall_on_what_is_sent():
    """Of 6 kWh 4.8 arrive; all of it is wanted."""
    document = Scenario(tariff=TARIFF, market=Allocation(plant=("roof",)), pool={"efficiency": 0.8})
    kept = records(document, HOMES)
    assert column(kept, "bought_kwh").sum() == pytest.approx(4.8)
    assert column(kept, "sold_kwh")[0, 0] == pytest.approx(6.0)


# --- for any demands -------------------------------------------------------------------------------------------------


def bisected(demand, pot, weight):
    """The level at which glasses of these sizes and widths hold the pot, found by halving."""
    if demand[weight > 0].sum() <= pot:
        return np.where(weight > 0, demand, 0.0)
    low, high = 0.0, (demand[weight > 0] / weight[weight > 0]).max()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(demand, weight * middle).sum() < pot else (low, middle)
    return np.minimum(demand, weight * low)


@st.composite
def cases(draw):
    """Demands, pots and coefficients; some are 0, some alike."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 5)), draw(st.integers(1, 8))
    demand = rng.choice([0.0, 1.0, 2.5], shape) + rng.random(shape) * draw(st.sampled_from([0.0, 1.0]))
    part = rng.choice([0.0, 1.0, 2.0], shape) + rng.random(shape) * draw(st.sampled_from([0.0, 1.0]))
    return demand, demand.sum(axis=1) * rng.uniform(0.0, 1.5, shape[0]), part


def summed_to_one(part):
    return part / np.maximum(part.sum(axis=1, keepdims=True), 1e-9)


@settings(deadline=None, max_examples=80)
@given(cases(), st.sampled_from(sorted(RULES)))
def test_never_more_than_demand_or_pot_and_all_of_it_where_promised(case, key):
    demand, pot, part = case
    part = summed_to_one(part) if key in {"static", "hourly_ex_ante", "hybrid"} else part
    award = RULES[key](demand, pot, part)
    assert (award >= 0).all()
    assert (award <= demand + 1e-12).all()
    assert (award.sum(axis=1) <= pot + 1e-12).all()
    if Allocation(key=key).promise.efficient and key != "equal":
        assert award.sum(axis=1) == pytest.approx(np.minimum(pot, demand.sum(axis=1)), abs=1e-12)
    order = np.random.default_rng(0).permutation(demand.shape[1])
    again = RULES[key](demand[:, order], pot, part[:, order])
    assert again == pytest.approx(award[:, order], abs=1e-12)


@settings(deadline=None, max_examples=80)
@given(cases())
def test_levels_are_those_that_halving_finds(case):
    demand, pot, weight = case
    for key, width in (("equal", np.ones(demand.shape)), ("weighted", weight)):
        found = RULES[key](demand, pot, width)
        expected = np.array([bisected(*row) for row in zip(demand, pot, width, strict=True)])
        assert found == pytest.approx(expected, abs=1e-10)


@settings(deadline=None, max_examples=60)
@given(cases(), cases())
def test_producers_give_what_is_taken_and_no_more_than_they_make(case, other):
    demand, _, part = case
    made = np.random.default_rng(int(1e6 * other[1][0])).random(demand.shape)
    parts = {n: summed_to_one(np.roll(part, n, axis=1)) for n in range(demand.shape[1])}
    got, used = by_producer(demand, made, parts)
    assert (got <= demand + 1e-12).all()
    assert (used <= made + 1e-12).all()
    assert got.sum(axis=1) == pytest.approx(used.sum(axis=1), abs=1e-12)


def test_equal_awards_leave_least_to_envy():
    """Of all ways to share a pot, the smallest award that is not a whole demand is largest."""
    rng = np.random.default_rng(5)
    demand, pot = rng.random((50, 6)), np.full(50, 1.2)
    level = RULES["equal"](demand, pot, np.ones((50, 6)))
    for other in (RULES["pro_rata"](demand, pot, np.ones((50, 6))), rng.dirichlet(np.ones(6), 50) * 1.2):
        other = np.minimum(other, demand)
        assert (np.where(level < demand - 1e-12, level, np.inf).min(axis=1) >= other.min(axis=1) - 1e-12).all()


# --- what coefficients may be ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "traits", "said"),
    [
        ("static", {"allocation_key": [0.0, 0.5, 0.4, 0.2]}, r"members.csv, column allocation_key.*to 1.1 in slot 0"),
        ("hybrid", {"allocation_key": [0.0, -0.5, 0.4, 0.2]}, r"-0.5 for A in slot 0 .*at least 0"),
        ("weighted", {"allocation_weight": [1.0, np.nan, 1.0, 1.0]}, r"allocation_weight: nan for A"),
    ],
)  # fmt: skip
def test_coefficients_that_cannot_be_are_named(key, traits, said):
    with pytest.raises(DataError, match=said):
        shares(key, {name: np.array(values) for name, values in traits.items()})


def test_a_series_that_cannot_be_is_named():
    homes = replace(hand_made([[-3.0, 1.0]] * 3), series={"allocation_key": np.array([[0, 1], [0, 1], [0.5, 0.6]])})
    with pytest.raises(DataError, match=r"series_allocation_key.csv: coefficients add up to 1.1 in slot 2"):
        cw.run(Scenario(market=Allocation(key="hourly_ex_ante")), community=homes)


def test_a_plant_that_nobody_is():
    with pytest.raises(ScenarioError, match=r"no member 'rof' .* did you mean roof"):
        cw.run(Scenario(market=Allocation(plant=("rof",))), community=HOMES)


def test_coefficients_from_a_folder(tmp_path):
    """As `data make` writes it: traits in members.csv, parts by the hour in series_allocation_key.csv."""
    hours = [f"2025-06-02T{hour:02d}:00:00+02:00" for hour in (12, 13)]
    rows = {
        "load_profiles": ["time,roof,A,B", *(f"{hour},0,1,4" for hour in hours)],
        "pv_profiles": ["time,roof,A,B", *(f"{hour},3,0,0" for hour in hours)],
        "members": ["member,allocation_key", "roof,0", "A,0.25", "B,0.75"],
        "series_allocation_key": ["time,roof,A,B", f"{hours[0]},0,0,1", f"{hours[1]},0,0.5,0.5"],
    }
    for name, lines in rows.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    head = "start: 2025-06-02T12:00:00+02:00\nslot_minutes: 60\nzone: Europe/Berlin\nunit: kWh\norientation: columns\n"
    (tmp_path / "community.yaml").write_text(head)
    source = {"kind": "folder", "path": str(tmp_path)}
    expected = {"static": [0, 1.5, 4.5], "hourly_ex_ante": [0, 1.0, 4.5]}
    for key, bought in expected.items():
        found = cw.run(
            Scenario(source=source, tariff=TARIFF, market={"kind": "allocation", "key": key, "plant": ["roof"]})
        )
        assert found.facts.run.by_member["bought_kwh"] == pytest.approx(bought), key
