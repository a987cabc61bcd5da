"""Regulated schemes, a month by hand each: one roof, two consumers, the law's numbers of a day.

The grid charges 0.30 and pays 0.10 everywhere; sources of the numbers stand in the schemes' files.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests._communities import bills, hand_made, make_community, records

import commonwatt as cw
from commonwatt.accounts import Account
from commonwatt.errors import ScenarioError
from commonwatt.markets import MARKETS
from commonwatt.markets._scheme import FOLDER, Scheme, read_law
from commonwatt.scenario import Scenario
from commonwatt.tariffs.flat import Flat

TARIFF = Flat(buy=0.30, export_ratio=1 / 3)
SCHEMES = {kind: cls for kind, cls in MARKETS.items() if issubclass(cls, Scheme)}
HOUR = hand_made([[-4.0, 1.0, 4.0]], names=("roof", "A", "B"))
"""One hour: 4 kWh to share, wanted are 1 and 4."""


def owed(market, homes=HOUR, tariff=TARIFF):
    """What each member owes in all."""
    return cw.run(Scenario(tariff=tariff, market=market), community=homes).bills


def received(market, homes=HOUR):
    """What each account gets."""
    kept = records(Scenario(tariff=TARIFF, market=market), homes)
    till = kept[-1].columns["till_money"][-1]
    return {
        account.name.lower(): float(till[account.column]) for account in Account if abs(till[account.column]) > 1e-9
    }


# --- the files -------------------------------------------------------------------------------------------------------


def test_every_scheme_has_its_file_and_every_file_a_scheme():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(SCHEMES)


@pytest.mark.parametrize("kind", SCHEMES)
def test_a_file_says_where_from_and_since_when(kind):
    law = SCHEMES[kind]().law
    assert law.scheme == kind
    assert law.title
    assert law.country
    assert law.law
    for version in law.versions:
        assert version.source
        assert version.checked
        assert version.valid_from <= version.checked
        assert set(version.values) <= set(law.meaning), "every number says what it stands for"
        assert set(version.unverified) <= {*version.values, "valid_from"}
    assert all("[" in text for text in law.meaning.values()), "with its unit"


WORLDS = {
    "italy_cer": ("virtual", "fund"),
    "spain_compensation": ("own_meters", "retailer"),
    "france_key": ("own_meters", "state"),
    "austria_eeg": ("own_meters", "network"),
    "germany_42b": ("own_meters", ""),
    "germany_42c": ("own_meters", ""),
    "portugal_rec": ("own_meters", "network"),
    "california_nem2": ("own_meters", "retailer"),
    "california_nbt": ("own_meters", "retailer"),
    "uk_export_guarantee": ("own_meters", "retailer"),
}


@pytest.mark.parametrize("kind", SCHEMES)
def test_a_scheme_declares_its_world_and_who_pays(kind):
    promise = SCHEMES[kind]().promise
    assert (promise.legal_world, promise.payer) == WORLDS[kind]
    assert promise.balanced
    assert not promise.rational, "promised against the tariff; a scheme is no bargain for everybody"


def test_the_day_chooses_the_numbers():
    france = SCHEMES["france_key"]
    assert france(as_of=date(2025, 2, 10)).value("levy") == 0.0337
    assert france(as_of=date(2025, 3, 1)).value("levy") == 0.0
    assert france().value("levy") == 0.0
    with pytest.raises(ScenarioError, match="as_of = 2019-01-01: france_key has numbers from 2025-02-01"):
        france(as_of=date(2019, 1, 1)).value("levy")


def test_numbers_of_ones_own(tmp_path):
    """A half exemption, as individual self-consumption has it: 0.03 and half of 0.02 on 4 kWh."""
    own = tmp_path / "own.yaml"
    text = (FOLDER / "portugal_rec.yaml").read_text(encoding="utf-8").replace("exemption: 1.0", "exemption: 0.5")
    own.write_text(text, encoding="utf-8")
    market = {"kind": "portugal_rec", "file": str(own)}
    assert received(market)["network"] == pytest.approx(4 * 0.04)
    scenario = Scenario(market=market)
    assert scenario.identity() != Scenario(market={"kind": "portugal_rec"}).identity()
    assert own.name in str(scenario.inputs())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("levy: 0.0\n", ""), r"own.yaml: no value levy from 2021-11-01 on .* add it"),
        (("values:", "numbers:"), r"own.yaml: versions.0.numbers: Extra inputs"),
        (("world: own_meters", "world: moon"), r"own.yaml: world: Input should be"),
        (("payer: network", "payer: uncle"), r"own.yaml: payer: Input should be"),
    ],
)
def test_a_file_that_cannot_be_is_named(tmp_path, change, said):
    own = tmp_path / "own.yaml"
    own.write_text((FOLDER / "austria_eeg.yaml").read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(ScenarioError, match=said):
        owed({"kind": "austria_eeg", "file": str(own)})


def test_versions_grow(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("scheme: austria_eeg\nversions: [{valid_from: 2022-01-01}, {valid_from: 2021-01-01}]\n")
    with pytest.raises(ScenarioError, match="put the oldest first"):
        read_law(own, 0)


def test_what_is_only_typical_is_told_with_the_result():
    notes = cw.run(Scenario(market={"kind": "germany_42c"}), community=HOUR).notes
    assert notes == ("germany_42c: numbers from 2026-06-01 on; typical values, give your own: grid_fee, levy",)


# --- a key among own meters ------------------------------------------------------------------------------------------
# By demand A gets 0.8 and B 3.2 of the roof's 4 kWh, at 0.15; 0.2 and 0.8 come from their retailers.

INSIDE = np.array([-4 * 0.15, 0.8 * 0.15 + 0.2 * 0.30, 3.2 * 0.15 + 0.8 * 0.30])
GOT = np.array([0.0, 0.8, 3.2])


@pytest.mark.parametrize(
    ("market", "fee", "levy"),
    [
        # network tariff in full; excise 33.70 EUR/MWh in February 2025, none since March
        ({"kind": "france_key", "as_of": "2025-02-15"}, 0.0484, 0.0337),
        ({"kind": "france_key", "as_of": "2025-03-15"}, 0.0484, 0.0),
        # 6.64 ct less 57, 28 or 64 %
        ({"kind": "austria_eeg"}, 0.0664 * 0.43, 0.0),
        ({"kind": "austria_eeg", "area": "regional"}, 0.0664 * 0.72, 0.0),
        ({"kind": "austria_eeg", "area": "regional_medium_voltage", "grid_fee": 0.02}, 0.02 * 0.36, 0.0),
        # no public grid in a building; all of it outside
        ({"kind": "germany_42b"}, 0.0, 0.0),
        ({"kind": "germany_42c"}, 0.11, 0.0637),
        ({"kind": "germany_42c", "grid_fee": 0.08}, 0.08, 0.0637),
        # access tariff without the costs of general interest
        ({"kind": "portugal_rec"}, 0.03, 0.0),
    ],
    ids=str,
)
def test_shared_energy(market, fee, levy):
    found = owed({**market, "price": 0.15})
    assert found == pytest.approx(INSIDE + GOT * (fee + levy))
    tills = received({**market, "price": 0.15})
    assert tills.get("network", 0.0) == pytest.approx(4 * fee)
    assert tills.get("state", 0.0) == pytest.approx(4 * levy)
    assert tills["retailer"] == pytest.approx(0.30)
    assert "operator" not in tills


def test_a_building_in_equal_parts():
    """A takes the 1 kWh that it needs, B the rest."""
    found = owed({"kind": "germany_42b", "key": "equal", "price": 0.15})
    assert found == pytest.approx([-0.60, 0.15, 3 * 0.15 + 0.30])


def test_an_order_of_members():
    homes = replace(HOUR, traits={"allocation_rank": np.array([0.0, 2.0, 1.0])})
    for kind in ("france_key", "portugal_rec"):
        found = owed({"kind": kind, "key": "cascade", "price": 0.15, "grid_fee": 0.0}, homes)
        assert found == pytest.approx([-0.60, 0.30, 0.60]), "B, of the lower rank, takes all"


# --- Spain -----------------------------------------------------------------------------------------------------------


def test_spain():
    """Two hours of June, one of July; the plant is allotted 60 % to A and 40 % to B, which has a roof of its own.

    June: of 5 kWh A gets 3, uses 1; B gets 2, uses 2, draws 1. Then A draws 4, and B's roof gives 2.
    A: 4 x 0.30 - 2 x 0.10 = 1.00. B: 1 x 0.30 - 2 x 0.10 = 0.10.
    July: of 10 kWh A uses 1 and B nothing. Surplus worth 0.50 and 0.40 meets no cost, and is lost.
    """
    start = datetime(2026, 6, 30, 22, tzinfo=ZoneInfo("UTC"))
    homes = hand_made(
        [[-5.0, 1.0, 3.0], [0.0, 4.0, -2.0], [-10.0, 1.0, 0.0]], start=start, names=("plant", "A", "B"),
        traits={"allocation_key": np.array([0.0, 0.6, 0.4])},
    )  # fmt: skip
    market = {"kind": "spain_compensation", "plant": ["plant"]}
    by_slot = bills(records(Scenario(tariff=TARIFF, market=market), homes))
    assert by_slot[:2].sum(axis=0) == pytest.approx([0.0, 1.00, 0.10])
    assert by_slot[2] == pytest.approx([0.0, 0.0, 0.0])
    assert received(market, homes) == pytest.approx({"retailer": 1.10})


def test_spain_with_roofs_alone():
    """Nothing is allotted: B's own surplus pays for B's own draw, at most to nothing."""
    homes = hand_made([[2.0, 3.0, 1.0], [0.0, -4.0, -9.0]], names=("A", "B", "C"))
    assert owed({"kind": "spain_compensation"}, homes) == pytest.approx([0.60, 0.90 - 0.40, 0.0])


# --- Italy -----------------------------------------------------------------------------------------------------------


def village(**traits):
    """Two hours of half-hours: the roof feeds in 1.5 and 0.5, then 1 and 1; A draws 0.5, 1.5, 0.5, 0, B 0.5, 0.5.

    Shared, hour by hour: 2 kWh of 2 fed in and 3 drawn, then 0.5 of 2 and 0.5.
    """
    net_kw = [[-3.0, 1.0, 1.0], [-1.0, 3.0, 1.0], [-2.0, 1.0, 0.0], [-2.0, 0.0, 0.0]]
    signals = {"zonal_price": np.array([0.08, 0.12, 0.20, 0.20])}
    values = {name: np.array(each, np.float64) for name, each in traits.items()}
    return hand_made(net_kw, minutes=30, names=("roof", "A", "B"), signals=signals, traits=values)


ALONE = np.array([-0.40, 0.75, 0.30])
TOOK = np.array([0.0, 2 * 2 / 3 + 0.5, 2 / 3]) / 2.5
REFUND = 2.5 * 0.0085 * (0.5 * np.array([1.0, 0.0, 0.0]) + 0.5 * TOOK)


def test_italy():
    """Zonal 0.10: min(0.08 + 0.08, 0.12) + 0.01 north; 0.20: 0.08 + 0.01. 2 x 0.13 + 0.5 x 0.09 = 0.305.

    2.5 of 4 kWh fed in is above 55 %: 0.12 of the premium goes to those that are no businesses, here A.
    """
    premium = 0.305 * (0.88 * (0.5 * np.array([1.0, 0.0, 0.0]) + 0.5 * TOOK) + 0.12 * np.array([0.0, 1.0, 0.0]))
    market = {"kind": "italy_cer"}
    found = owed(market, village(business=[0, 0, 1]))
    assert found == pytest.approx(ALONE - premium - REFUND)
    tills = received(market, village(business=[0, 0, 1]))
    assert tills["fund"] == pytest.approx(-0.305)
    assert tills["network"] == pytest.approx(-2.5 * 0.0085)
    assert tills["retailer"] == pytest.approx(ALONE.sum()), "bills stay as they are"


@pytest.mark.parametrize(
    ("size", "zone", "premium"),
    [
        (200.0, "south", 2 * 0.12 + 0.5 * 0.08),
        (201.0, "centre", 2 * 0.114 + 0.5 * 0.074),
        (900.0, "north", 2 * 0.11 + 0.5 * 0.07),
    ],
)  # fmt: skip
def test_the_premium_by_size_and_zone(size, zone, premium):
    homes = village(pv_kwp=[size, 0, 0])
    assert received({"kind": "italy_cer", "zone": zone}, homes)["fund"] == pytest.approx(-premium)


def test_a_grant_lowers_the_premium():
    """20 of at most 40 %: a quarter less; and the threshold falls to 45 %."""
    market = {"kind": "italy_cer", "grant": 0.2, "producers_part": 0.0, "consumers_part": 0.0}
    premium, above = 0.75 * 0.305, 1 - 0.45 * 4 / 2.5
    found = owed(market, village(business=[0, 0, 1]))
    assert found == pytest.approx(ALONE - premium * above * np.array([0.0, 1.0, 0.0]))


def test_more_than_all_cannot_be_given_away():
    with pytest.raises(ScenarioError, match=r"producers_part \+ consumers_part = 1.1"):
        owed({"kind": "italy_cer", "producers_part": 0.6}, village())


# --- California ------------------------------------------------------------------------------------------------------


def thirteen_months(big_in_the_end):
    """Energy on the tenth of every month from January 2026 to January 2027; A, B and C as in the tests below."""
    start, slots = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")), 365 + 31
    stamps = np.datetime64("2026-01-01") + np.arange(slots)
    tenth = (stamps - stamps.astype("M8[M]")).astype(int) == 9
    month = stamps[tenth].astype("M8[M]").astype(int) % 12 + 1
    summer, december = (month >= 6) & (month <= 8), month == 12
    net_kw = np.zeros((slots, 3))
    kwh = np.stack([np.full(13, 100.0), np.where(summer, -150.0, 100.0), np.where(december, 50.0, -100.0)], axis=1)
    kwh[-1, 2] = big_in_the_end
    net_kw[tenth] = kwh / 24
    return hand_made(net_kw, minutes=1440, start=start), month


def by_month(market, homes, sell):
    """Bills by month, (13, N)."""
    tariff = Flat(buy=0.30, export_ratio=sell / 0.30)
    by_slot = bills(records(Scenario(tariff=tariff, market=market), homes))
    label = homes.clock.date.astype("M8[M]")
    return np.array([by_slot[label == each].sum(axis=0) for each in np.unique(label)])


def test_california_net_metering():
    """0.30 at retail, of which 0.025 cannot be offset; 0.04 for what is over after a year.

    A draws 100 kWh a month: 30. B gives 150 in three summer months: 41.25 of credit each, which pays September to
    December but for 2.50; in December 13.75 of it is left and January to May cost 27.50 each, so that comes back.
    C gives 100 a month and draws 50 in December: 1.25, and 1,050 kWh over at 0.04. All credit ends with the year.
    """
    homes, _ = thirteen_months(big_in_the_end=50.0)
    found = by_month({"kind": "california_nem2"}, homes, sell=0.08)
    assert found[:, 0] == pytest.approx(np.full(13, 30.0))
    assert found[:, 1] == pytest.approx([*[30.0] * 5, 0, 0, 0, 2.5, 2.5, 2.5, 2.5 - 13.75, 30.0])
    assert found[:, 2] == pytest.approx([*[0.0] * 11, 1.25 - 42.0, 15.0])
    assert found[:12, 1].sum() == pytest.approx(9 * 2.5 + 9 * 27.5 - 3 * 41.25), "the year as a whole"


def test_california_net_billing():
    """0.30 at retail, of which 0.025 cannot be offset; credits of 0.08.

    B earns 12 a month in summer: 36 pay September's 27.50 and 8.50 of October's. C earns 8 a month, 88 by November;
    December takes 13.75 of it, and January too: credits roll on.
    """
    homes, _ = thirteen_months(big_in_the_end=50.0)
    found = by_month({"kind": "california_nbt"}, homes, sell=0.08)
    assert found[:, 0] == pytest.approx(np.full(13, 30.0))
    assert found[:, 1] == pytest.approx([*[30.0] * 5, 0, 0, 0, 2.5, 2.5 + 19.0, 30.0, 30.0, 30.0])
    assert found[:, 2] == pytest.approx([*[0.0] * 11, 1.25, 1.25])


def test_credit_that_waits_is_told():
    homes, _ = thirteen_months(big_in_the_end=-100.0)
    document = Scenario(tariff=Flat(buy=0.30, export_ratio=0.08 / 0.30), market={"kind": "california_nbt"})
    notes = cw.run(document, community=homes).notes
    assert notes[-1] == "net billing, credit that a member carries into the next month: at most 88 EUR"


def test_energy_is_credited_at_the_price_of_its_time():
    """Drawn at 0.40 in the evening, given at 0.20 by day: 0.20 - 0.025 of credit for 0.40 - 0.025."""
    homes = hand_made([[1.0, 1.0, -3.0], [1.0, 1.0, 1.0]])
    tariff = {"kind": "series", "import_prices": [0.20, 0.40], "export_prices": [0.05, 0.05]}
    found = owed({"kind": "california_nem2"}, homes, tariff)
    assert found == pytest.approx([0.60, 0.60, 0.025])


# --- Great Britain ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "price"), [({}, 0.055), ({"price": 0.15}, 0.15), ({"export": "tariff"}, 0.10)], ids=str
)
def test_the_export_guarantee(fields, price):
    assert owed({"kind": "uk_export_guarantee", **fields}) == pytest.approx([-4 * price, 0.30, 1.20])


def test_an_export_price_is_never_below_nothing():
    tariff = {"kind": "series", "import_prices": [0.30], "export_prices": [-0.02]}
    assert owed({"kind": "uk_export_guarantee", "export": "tariff"}, tariff=tariff) == pytest.approx([0.0, 0.30, 1.20])


# --- whatever the community ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["italy_cer", "spain_compensation", "california_nem2", "california_nbt"])
@pytest.mark.parametrize("seed", range(3))
def test_nobody_pays_more_than_without_pv(kind, seed):
    """What these schemes promise: against the bill of the load alone."""
    people = make_community(seed, devices=False)
    found = cw.run(Scenario(tariff=TARIFF, market={"kind": kind}), community=people)
    assert (found.bills <= found.facts.gross_bill + 1e-9).all()
