"""Trade reduction beside the package pymarket 0.7.6, in an environment of its own, since it needs old numpy and pandas.

python -m venv pm && pm/bin/pip install pymarket==0.7.6 numpy==1.26.4 "pandas<2"
COMMONWATT_PYMARKET=pm/bin/python python -m benchmarks auction_huang
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.harness import Case, Size, Spec, Work
from benchmarks.specs._orders import books
from commonwatt.clock import Clock
from commonwatt.markets._auction import Book
from commonwatt.markets.huang import Huang
from commonwatt.noun import Array
from commonwatt.streams import Streams

PYTHON = "COMMONWATT_PYMARKET"
SIZES = {"full": (1_000, 50), "quick": (100, 50), "tiny": (20, 1)}
"""Members, and how often the peer does it in a process: its start and imports count with the work."""
SCRIPT = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import pymarket
orders = json.load(sys.stdin)
for _ in range(orders["times"]):
    market = pymarket.Market()
    for member, (price, kwh, buys) in enumerate(orders["rows"]):
        market.accept_bid(kwh, price, member, buys, 0)
    trades, _ = market.run("huang")
print(json.dumps(trades.get_df()[["bid", "quantity"]].values.tolist()))
"""


def orders(members: int) -> tuple[Array, Array, Array]:
    """Prices that differ by more than the five decimals to which the peer rounds them."""
    price, bid_kwh, ask_kwh = books(1, members)
    rank = price[0].argsort().argsort()
    return (0.1 + 0.2 * rank / members).round(5)[None, :], bid_kwh, ask_kwh


def ours(members: int) -> Work:
    """What each member trades."""
    clock = Clock(datetime(2025, 1, 1, tzinfo=UTC), timedelta(hours=1), 1)
    book = Book(clock, *orders(members), 1.0, Streams(0))

    def work() -> Array:
        cleared = Huang().cleared(book)
        return (cleared.bought_kwh + cleared.sold_kwh)[0]

    return work


def theirs(members: int, times: int) -> Work:
    """The same from the peer, so many times over."""
    price, bid_kwh, ask_kwh = (values[0] for values in orders(members))
    rows = list(zip(price.tolist(), (bid_kwh + ask_kwh).tolist(), (bid_kwh > 0).tolist(), strict=True))
    given = json.dumps({"rows": rows, "times": times})

    def work() -> Array:
        command = [os.environ[PYTHON], "-c", SCRIPT]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
        traded = np.zeros(members)
        for member, kwh in json.loads(done.stdout):
            traded[int(member)] += kwh
        return traded

    return work


def missing() -> str:
    """Why the peer cannot be run here; empty where it can."""
    where = os.environ.get(PYTHON, "")
    if where and Path(where).exists():
        return ""
    return f"{PYTHON} names no Python with pymarket 0.7.6, numpy 1.26 and pandas 1.5"


def cases(size: Size) -> Sequence[Case]:
    """Energy by member is the same."""
    members, times = SIZES[size]
    return [
        Case(
            "auction_huang", f"{members:,} members", "pymarket 0.7.6", lambda: ours(members),
            lambda: theirs(members, times), goal=1_000.0 if size == "full" else 1.0, scale=1.0 / times,
        )
    ]  # fmt: skip


SPEC = Spec("auction_huang", "Trade reduction (Huang) of one slot.", cases, rounds=2, missing=missing)
