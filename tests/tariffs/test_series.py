"""Prices from arrays, files, signals and members' own series."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from commonwatt.errors import DataError, ScenarioError
from commonwatt.flow import Clock, Community
from commonwatt.tariffs.series import Series

SLOTS = 3
CLOCK = Clock(datetime(2025, 6, 2, tzinfo=UTC), timedelta(hours=1), SLOTS)
ROWS = [(f"2025-06-02T{hour:02d}:00:00+00:00", 0.2 + hour / 100, 0.05, 0.1) for hour in range(SLOTS)]


@pytest.fixture
def community():
    return Community.of(CLOCK, np.ones((SLOTS, 2)), np.zeros((SLOTS, 2)))


def written(folder, rows, header="time,import_price,export_price,community_price"):
    path = folder / "mine.csv"
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def test_arrays_come_before_everything_else(community, tmp_path):
    tariff = Series(import_prices=(0.3, 0.4, 0.5), export_prices=(0.1, 0.1, 0.1), file=written(tmp_path, ROWS))
    prices = tariff.prices(community)
    assert prices.buy.tolist() == [[0.3, 0.3], [0.4, 0.4], [0.5, 0.5]]
    assert prices.coupling_sell.tolist() == [0.1, 0.1, 0.1]
    assert prices.inner.tolist() == [0.1, 0.1, 0.1]  # the community price stands in the file


def test_a_file_gives_all_three(community, tmp_path):
    tariff = Series(file=written(tmp_path, ROWS))
    prices = tariff.prices(community)
    assert prices.coupling_buy.tolist() == [row[1] for row in ROWS]
    assert prices.sell[:, 1].tolist() == [0.05] * SLOTS
    assert tariff.inputs() == (tmp_path / "mine.csv",)


def test_without_an_export_price_the_ratio_holds(community):
    prices = Series(import_prices=(0.2, 0.3, 0.4), export_ratio=0.5).prices(community)
    np.testing.assert_allclose(prices.coupling_sell, [0.1, 0.15, 0.2])
    assert prices.inner is None


def test_members_may_have_prices_of_their_own(community):
    own = np.array([[0.2, 0.4]] * SLOTS)
    prices = Series(export_ratio=0.5).prices(replace(community, series={"import_price": own}))
    assert (prices.buy == own).all()
    np.testing.assert_allclose(prices.sell, own / 2)
    np.testing.assert_allclose(prices.coupling_buy, 0.3)


def test_signals_come_last(community):
    signal = np.array([0.1, 0.2, 0.3])
    prices = Series().prices(replace(community, signals={"import_price": signal}))
    assert (prices.coupling_buy == signal).all()


def test_nothing_to_find_is_said_so(community):
    with pytest.raises(ScenarioError, match="give an array, a file, or a community with the signal"):
        Series().prices(community)


def test_another_length_is_refused(community):
    with pytest.raises(ScenarioError, match=r"tariff\.import_prices: 2 values for 3 slots"):
        Series(import_prices=(0.1, 0.2)).prices(community)


@pytest.mark.parametrize(
    ("rows", "header", "said"),
    [
        (ROWS[:2], "time,import_price,export_price,community_price", "mine.csv: 2 rows"),
        ([ROWS[0], ROWS[0], ROWS[2]], "time,import_price,export_price,community_price", "stands twice"),
        ([(*ROWS[0][:1], "dear", 1, 1), *ROWS[1:]], "time,import_price,export_price,community_price", "row 2, column"),
        (ROWS, "time,import_price,export_price,price", "§16: a kind of price"),
        (ROWS, "when,import_price,export_price,community_price", "no column 'time'"),
    ],
)
def test_a_wrong_file_names_the_place(community, tmp_path, rows, header, said):
    with pytest.raises(DataError, match=said):
        Series(file=written(tmp_path, rows, header)).prices(community)


def test_a_missing_file_is_an_error(community, tmp_path):
    with pytest.raises(DataError, match=r"absent\.csv"):
        Series(file=tmp_path / "absent.csv").prices(community)
