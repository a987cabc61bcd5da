"""Pay as bid by hand: the pairs of the best, at the buyer's price."""

from tests.markets._orders import book, outcome

from commonwatt.markets.pay_as_bid import PayAsBid


def test_the_buyer_pays_its_bid():
    found = outcome(PayAsBid(), book([(0.30, 3), (0.20, 2)], [(0.24, 1), (0.10, 2), (0.14, 2)]))
    assert found.got == [3, 1]
    assert found.paid == [0.90, 0.20]
    assert found.earned == [0, 0.60, 0.50]
