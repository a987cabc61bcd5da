"""Single faults in stored records: each must be caught, and by an invariant that says what is wrong.

Faults are put into sound runs of different worlds, devices and rules. Formulas that no fault can question, since the
audit states them a second time, are held by cases worked out by hand at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from tests._communities import MONTH_END, common, hand_made, limited, make_community, world_of

from commonwatt.accounts import Account, Entries
from commonwatt.audit import Audit, Declared
from commonwatt.audit._facts import Facts, Left, shared
from commonwatt.audit._invariants import INVARIANTS
from commonwatt.connection import Connection
from commonwatt.devices.shared_battery import SharedBattery
from commonwatt.dispatch.passive import Passive
from commonwatt.dispatch.self_consumption import SelfConsumption
from commonwatt.errors import AuditError
from commonwatt.flow import Bans, Clearing, Community, Flexibility, Pool, Prices, Schedule, Sessions, Streams, Trades
from commonwatt.markets.bill_sharing import BillSharing
from commonwatt.markets.core_price import CorePrice
from commonwatt.markets.mid_market_rate import MidMarketRate
from commonwatt.markets.pool import CommunityPool
from commonwatt.markets.pool_prorata import PoolProrata
from commonwatt.markets.uniform_price import UniformPrice
from commonwatt.noun import Array
from commonwatt.record import Record
from commonwatt.rules import Charge, Meter
from commonwatt.run import auditor, run
from commonwatt.scenario import Scenario, load
from commonwatt.simulate import simulate
from commonwatt.tariffs.contract import Contract
from commonwatt.tariffs.flat import Flat
from commonwatt.tariffs.time_of_use import TimeOfUse


@dataclass(frozen=True, eq=False, kw_only=True)
class HighestPower(Charge):
    """A demand charge: the highest mean power of the period, times a rate."""

    rate: float

    def start(self, columns: int) -> Array:
        return np.zeros(columns)

    def add(self, carry: Array, reads: Meter) -> Array:
        return np.maximum(carry, reads.import_kwh.max(axis=0, initial=0.0) / reads.hours)

    def amounts(self, carry: Array) -> Array:
        return self.rate * carry


DEMAND = HighestPower(period="month", payee=Account.NETWORK, reason="demand charge", rate=9.0)


@dataclass(frozen=True)
class Case:
    """A sound run: what its records are held against, and the records."""

    community: Community
    prices: Prices
    declared: Declared
    records: tuple[Record, ...]

    @classmethod
    def of(cls, document: Scenario, community: Community, *charges: Charge, cut: int | None = None) -> Case:
        prices = document.prices(community)
        prices = replace(prices, charges=(*prices.charges, *charges))
        kept = tuple(Record.of(w) for w in simulate(document, community, prices=prices, cut=cut))
        return cls(community, prices, auditor(document, community, prices).declared, kept)

    def broken(self, at: int = -1, fault: Record | None = None) -> dict[str, str]:
        """What the audit finds when record `at` is replaced."""
        audit = Audit(self.community, self.prices, self.declared)
        for k, record in enumerate(self.records):
            audit.take(fault if fault is not None and k == at else record)
        return audit.broken


def _s1(name: str) -> Case:
    document = load("settlement_comparison").scenarios()[name]
    return Case.of(document, document.community(), cut=960)


def _month(**parts: Any) -> Case:
    community = make_community(5, members=4, slots=150)
    tariff = TimeOfUse(fixed_per_day=0.4)
    return Case.of(Scenario(tariff=tariff, dispatch=SelfConsumption(), **parts), community, DEMAND, cut=50)


def _small(devices: bool = True, seed: int = 7, **parts: Any) -> Case:
    return Case.of(Scenario(**parts), make_community(seed, members=5, slots=96, devices=devices), cut=40)


def _vehicles() -> Case:
    bare = make_community(9, members=4, slots=96, devices=False)
    sessions = Sessions(
        member=np.array([0, 0, 2, 3]),
        arrival=np.array([3.5, 50.0, 10.0, 20.25]),
        departure=np.array([30.0, 88.5, 60.0, 22.0]),
        energy_kwh=np.array([12.0, 8.0, 30.0, 50.0]),
        power_kw=np.array([3.7, 11.0, 7.4, 3.7]),
        v2g_kw=np.zeros(4),
    )
    community = replace(bare, flexibility=Flexibility.vehicles(bare.clock, sessions))
    community = replace(community, flexibility=_broken_down(community.flexibility))
    return Case.of(Scenario(dispatch=Passive(), market=CorePrice()), community, cut=40)


def _quarter() -> Case:
    bare = make_community(9, members=4, slots=96, devices=False)
    community = SharedBattery(capacity_kwh=6.0).added(bare, Streams(0))
    return Case.of(Scenario(dispatch=SelfConsumption(), market=CorePrice(), tariff=Flat()), community, cut=40)


def _broken_down(fleet: Flexibility) -> Flexibility:
    """The third vehicle's charger fails until shortly before it leaves, so that it leaves with less."""
    powers = {}
    for name in ("charge_kw", "discharge_kw", "usual_charge_kw"):
        powers[name] = np.array(getattr(fleet, name))
        powers[name][10:56, 1] = 0.0
    return replace(fleet, **powers)


def _limits() -> Case:
    """Load goes unserved, PV is curtailed, and vehicles wait."""
    community = limited(make_community(9, members=5, slots=96), 0, tightness=0.4)
    return Case.of(Scenario(dispatch=SelfConsumption(), market=CorePrice()), community, cut=40)


def _on_call() -> Case:
    """Storage is called, members are banned, a fee grows with the square of what meets the grid."""
    document = Scenario.model_validate({
        "seed": 3,
        "source": {"kind": "community_p2p", "members": 9},
        "devices": [{"kind": "battery", "power_kw": 9.0, "capacity_kwh": [5, 10]}],
        "tariff": {"kind": "local_market"},
        "dispatch": {"kind": "self_consumption"},
        "pool": {"efficiency": 0.95, "most_kw": 1.0, "standby": {"share": 0.3}},
        "market": {"kind": "pairwise_midpoint", "bidder": {"kind": "urgency"}},
        "regulator": {"kind": "incentives", "penalty_limit": 0.03},
    })  # fmt: skip
    case = Case.of(document, document.community())
    return replace(case, records=tuple(_joined(case, first, first + 12) for first in (0, 12)))


def _joined(case: Case, first: int, stop: int) -> Record:
    """Records of one slot each as one, in the form in which they are stored."""
    some = case.records[first:stop]
    names = some[0].columns
    return replace(
        some[0], clock=case.community.clock.window(first, stop),
        columns={name: np.concatenate([record.columns[name] for record in some]) for name in names},
        access=np.concatenate([record.access for record in some]),
        banned_slots=np.concatenate([record.banned_slots for record in some]),
        entries=Entries.joined(*[record.entries for record in some]),
        trades=Trades.joined(*[record.trades for record in some if record.trades is not None]),
        bans=Bans.joined(*[record.bans for record in some]),
    )  # fmt: skip


CASES: dict[str, Callable[[], Case]] = {
    "conventional": lambda: _s1("conventional"),
    "gross_rate": lambda: _s1("mid_market_rate"),
    "prorata": lambda: _s1("bill_sharing"),
    "month_own_meters": lambda: _month(),
    "month_one_meter": lambda: _month(market=MidMarketRate()),
    "month_shared_bill": lambda: _month(market=BillSharing(scope="period", period="month"), pool=Pool(efficiency=0.9)),
    "lossy_pool": lambda: _small(market=CommunityPool(), pool=Pool(efficiency=0.95, fee_per_kwh=0.01)),
    "pairs": lambda: _small(
        market=PoolProrata(pairs=True), pool=Pool(efficiency=0.95, fee_per_kwh=0.02, fee_payee="fund")
    ),
    "friction": lambda: _small(
        market=PoolProrata(), pool=Pool(fee_per_kwh=0.01, fee_per_trade=0.002, min_trade_kwh=0.05, refuse_losses=True)
    ),
    "batteries": lambda: _small(dispatch=SelfConsumption(), market=CorePrice(), tariff=Flat()),
    "vehicles": _vehicles,
    "shared_battery": _quarter,
    "limits": _limits,
    "on_call": _on_call,
    "auction": lambda: _small(devices=False, market=UniformPrice(), tariff=Contract(), pool=Pool(efficiency=0.95)),
}


@cache
def case_of(name: str) -> Case:
    return CASES[name]()


EXPECTED = {  # column -> invariants of which at least one must name a fault in it
    "import_kwh": {"E1"}, "export_kwh": {"E1"}, "unserved_kwh": {"E1"}, "curtailed_kwh": {"E1"},
    "charge_kwh": {"E1", "S1"}, "discharge_kwh": {"E1", "S1"}, "level_kwh": {"S1"}, "shortfall_kwh": {"S3"},
    "bought_kwh": {"E2", "M0", "T3"}, "sold_kwh": {"E2", "M0", "T3"}, "buy_price": {"M0"}, "sell_price": {"M0"},
    "energy_money": {"M0"}, "pool_money": {"M0"}, "wallet_money": {"M4"}, "account_money": {"M3"},
    "till_money": {"M4"}, "fee_money": {"M0"},
}  # fmt: skip
ENERGY_OF = {"buy_price": "bought_kwh", "sell_price": "sold_kwh"}
SAID = {"quote_price", "bid_kwh", "ask_kwh", "called_kwh"}
"""What is said, no meter reads: tests/test_audit_orders.py, tests/test_audit_standby.py."""


def named(column: str) -> set[str]:
    return EXPECTED[column.partition(":")[0]]


def columns_of(case: Case) -> list[str]:
    """Columns that hold a cell in which a fault has a meaning."""
    found = []
    for name, values in case.records[0].columns.items():
        if name in SAID:
            continue
        traded = all((r.columns[ENERGY_OF[name]] <= 0.01).all() for r in case.records) if name in ENERGY_OF else False
        if values.size and not traded:
            found.append(name)
    return found


def changed(record: Record, column: str, edit: Callable[[Array], Any]) -> Record:
    """The record with `edit` applied to a copy of a column."""
    values = np.array(record.columns[column])
    edit(values)
    return record.changed(column, values)


def some_cell(case: Case, column: str, rng: np.random.Generator) -> tuple[int, tuple[int, int]]:
    """A record and a cell of it; where the column is a price, one in which energy flows."""
    for at in rng.permutation(len(case.records)).tolist():
        record = case.records[at]
        values = record.columns[column]
        fit = record.columns[ENERGY_OF[column]] > 0.01 if column in ENERGY_OF else np.ones(values.shape, np.bool_)
        cells = np.argwhere(fit)
        if len(cells):
            row, col = cells[rng.integers(len(cells))]
            return at, (int(row), int(col))
    raise AssertionError(f"no cell of {column} carries energy")


# --- sound runs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_a_sound_run_is_sound(name: str) -> None:
    assert case_of(name).broken() == {}


def test_the_cases_reach_what_they_are_for() -> None:
    """Else a fault in them would prove nothing."""
    assert case_of("month_own_meters").community.clock.start == MONTH_END
    for name in ("month_own_meters", "month_one_meter", "month_shared_bill"):
        entries = [reason for record in case_of(name).records for reason in record.entries.reason.tolist()]
        assert {"demand charge", "fixed charge"} <= set(entries)
        assert ("bill sharing" in entries) == (name == "month_shared_bill")
    assert any("pool fee" in reason for reason, _, _ in case_of("lossy_pool").records[0].fees())
    assert any(record.trades.kwh.size > 5 for record in case_of("pairs").records if record.trades is not None)
    assert any(record.columns["discharge_kwh"].max() > 0.1 for record in case_of("batteries").records)
    limits = case_of("limits").records
    for name in ("unserved_kwh", "curtailed_kwh", "shortfall_kwh"):
        assert max(record.columns[name].max() for record in limits) > 0.1
    lacking = [record.columns["shortfall_kwh"].max(axis=0) for record in case_of("vehicles").records]
    assert np.max(lacking, axis=0)[1] > 0.1


def test_every_invariant_says_what_it_means() -> None:
    assert all(meaning and meaning.endswith(".") for _, meaning in INVARIANTS.values())
    found: set[str] = set()
    for name in CASES:
        case = case_of(name)
        audit = Audit(case.community, case.prices, case.declared)
        for record in case.records:
            audit.take(record)
        found |= set(audit.verdict().checked)
        assert audit.verdict().holds
        assert audit.verdict().line.startswith(f"audit: {len(audit.residuals)} of {len(audit.residuals)} hold")
    assert found == set(INVARIANTS), "an invariant that no case applies is not tested"


# --- one cell --------------------------------------------------------------------------------------------------------

SIZES = (1e-6, -1e-6, 1e-3, -1e-3, 0.5, -0.5, 1e3, float("nan"))


def cell_faults() -> Iterator[Any]:
    for name in CASES:
        for column in columns_of(case_of(name)):
            for size in SIZES:
                yield pytest.param(name, column, size, id=f"{name}-{column}-{size:g}")


@pytest.mark.parametrize(("name", "column", "size"), list(cell_faults()))
def test_one_cell(name: str, column: str, size: float) -> None:
    case = case_of(name)
    rng = np.random.default_rng([len(name), len(column), SIZES.index(size)])
    at, cell = some_cell(case, column, rng)

    def edit(values: Array) -> None:
        values[cell] += size

    broken = case.broken(at, changed(case.records[at], column, edit))
    assert named(column) & set(broken), f"off by {size:g} in record {at}, cell {cell}: only {broken}"


DISTORTIONS = ("swapped members", "shifted steps", "zero", "one lost", "doubled")


def _distort(values: Array, kind: str) -> Array:
    """A column as a wrong index, a wrong step or a wrong factor would leave it."""
    low, high = int(values.sum(axis=0).argmin()), int(values.sum(axis=0).argmax())
    out = np.array(values)
    if kind == "swapped members":
        out[:, [high, low]] = values[:, [low, high]]
    elif kind == "shifted steps":
        out = np.roll(values, 1, axis=0)
    elif kind == "zero":
        out[:] = 0.0
    elif kind == "one lost":
        out[:, high] = 0.0
    else:
        out *= 2
    return out


def matters(record: Record, column: str, wrong: Array) -> bool:
    """Whether another column says something else; a price says nothing where no energy flows."""
    weight = record.columns[ENERGY_OF[column]] if column in ENERGY_OF else 1.0
    return bool(abs((wrong - record.columns[column]) * weight).max() >= 1e-6)


def whole_column_faults() -> Iterator[Any]:
    for name in CASES:
        case = case_of(name)
        for column in columns_of(case):
            for kind in DISTORTIONS:
                for at, record in enumerate(case.records):
                    if matters(record, column, _distort(record.columns[column], kind)):
                        yield pytest.param(name, column, kind, at, id=f"{name}-{column}-{kind}-{at}")
                        break


@pytest.mark.parametrize(("name", "column", "kind", "at"), list(whole_column_faults()))
def test_a_whole_column(name: str, column: str, kind: str, at: int) -> None:
    case = case_of(name)
    record = case.records[at]
    broken = case.broken(at, record.changed(column, _distort(record.columns[column], kind)))
    assert named(column) & set(broken), f"only {broken}"


# --- entries, trades, access -----------------------------------------------------------------------------------------


def with_entries(case: Case) -> int:
    """The first record that has entries."""
    return next(k for k, record in enumerate(case.records) if record.entries.rows > 1)


def rewritten(record: Record, field: str, row: int, value: Any) -> Record:
    values = np.array(getattr(record.entries, field))
    if field == "reason":
        values = values.astype("U32")
    values[row] = value
    return replace(record, entries=replace(record.entries, **{field: values}))


WITH_ENTRIES = [name for name in CASES if case_of(name).prices.charges or case_of(name).prices.sharings]
"""Those whose entries follow a rule that the audit knows; a regulator's are its own."""


def entry_faults(record: Record, row: int) -> dict[str, Record]:
    """One entry changed in one thing."""
    entries = record.entries
    rows = np.arange(entries.rows)
    payer, payee, slot = int(entries.payer[row]), int(entries.payee[row]), int(entries.slot[row])
    faults = {
        f"amount {size:+g}": rewritten(record, "amount", row, entries.amount[row] + size)
        for size in (1e-6, -1e-6, 1e-3, 1.0, float("nan"))
    }
    faults["amount negative"] = rewritten(record, "amount", row, -entries.amount[row])
    faults["earlier slot"] = rewritten(record, "slot", row, slot - 1)
    faults["slot of another window"] = rewritten(record, "slot", row, record.clock.first + record.clock.slots)
    faults["slot before the window"] = rewritten(record, "slot", row, record.clock.first - 1)
    faults["other payer"] = rewritten(record, "payer", row, (payer + 1) % 4 if payer >= 0 else payer - 1)
    faults["other payee"] = rewritten(record, "payee", row, (payee + 1) % 4 if payee >= 0 else payee - 1)
    faults["unknown payer"] = rewritten(record, "payer", row, 99)
    faults["unknown payee"] = rewritten(record, "payee", row, -99)
    faults["to itself"] = rewritten(record, "payee", row, payer)
    faults["other reason"] = rewritten(record, "reason", row, "charity")
    swapped = rewritten(record, "payer", row, payee)
    faults["sides swapped"] = rewritten(swapped, "payee", row, payer)
    faults["lost"] = replace(record, entries=entries.kept(rows != row))
    faults["doubled"] = replace(record, entries=Entries.joined(entries, entries.kept(rows == row)))
    return faults


ENTRY_FAULTS = list(entry_faults(case_of(WITH_ENTRIES[0]).records[with_entries(case_of(WITH_ENTRIES[0]))], 0))


@pytest.mark.parametrize("kind", ENTRY_FAULTS)
@pytest.mark.parametrize("name", WITH_ENTRIES)
def test_one_entry(name: str, kind: str) -> None:
    case = case_of(name)
    at = with_entries(case)
    record = case.records[at]
    for row in {0, record.entries.rows - 1}:
        broken = case.broken(at, entry_faults(record, row)[kind])
        assert {"M1", "M4", "C1"} & set(broken), f"row {row}: only {broken}"


@pytest.mark.parametrize("name", WITH_ENTRIES)
def test_all_entries_lost(name: str) -> None:
    case = case_of(name)
    at = with_entries(case)
    assert {"M4", "C1"} <= set(case.broken(at, replace(case.records[at], entries=Entries.none())))


def trade_faults(record: Record, row: int) -> dict[str, Record]:
    """One trade changed in one thing."""
    trades = record.trades
    assert trades is not None

    def with_(**columns: Any) -> Record:
        return replace(record, trades=replace(trades, **columns))

    def moved(field: str, by: float) -> Record:
        values = np.array(getattr(trades, field))
        values[row] += by
        return with_(**{field: values})

    rows = np.arange(trades.kwh.size)
    faults = {
        f"{field} {by:+g}": moved(field, by) for field in ("kwh", "sent_kwh", "price") for by in (1e-6, -1e-3, 1.0)
    }
    faults |= {f"{field} {by:+d}": moved(field, by) for field in ("buyer", "seller") for by in (1, -1, 50)}
    faults |= {f"slot {by:+d}": moved("slot", by) for by in (1, -1, 1000)}
    faults["to itself"] = moved("seller", int(trades.buyer[row] - trades.seller[row]))
    faults["lost"] = replace(record, trades=trades.kept(rows != row))
    faults["doubled"] = replace(record, trades=Trades.joined(trades, trades.kept(rows == row)))
    nothing = {"kwh": np.zeros(1), "sent_kwh": np.zeros(1)}
    faults["empty"] = replace(record, trades=Trades.joined(trades, replace(trades.kept(rows == row), **nothing)))
    faults["energy unknown"] = moved("kwh", float("nan"))
    faults["price unknown"] = moved("price", float("nan"))
    return faults


@pytest.mark.parametrize("kind", list(trade_faults(case_of("pairs").records[1], 0)))
@pytest.mark.parametrize("row", [0, 5])
def test_one_trade(kind: str, row: int) -> None:
    case = case_of("pairs")
    assert "T3" in case.broken(1, trade_faults(case.records[1], row)[kind])


@pytest.mark.parametrize("name", CASES)
def test_access_and_bans(name: str) -> None:
    case = case_of(name)
    for at, record in enumerate(case.records):
        one = np.array(record.access)
        one[3, 1] ^= True
        assert "T2" in case.broken(at, replace(record, access=one))
        assert "T2" in case.broken(at, replace(record, access=~record.access))
        bans = np.array(record.banned_slots)
        bans[0] += record.clock.slots
        assert "T2" in case.broken(at, replace(record, banned_slots=bans))


@pytest.mark.parametrize("name", CASES)
def test_the_wrong_world(name: str) -> None:
    case = case_of(name)
    record = case.records[0]
    assert "E2" in case.broken(0, replace(record, one_meter=not record.one_meter))


@pytest.mark.parametrize("name", [name for name in CASES if case_of(name).prices.sharings])
def test_a_sharing_forgotten(name: str) -> None:
    case = case_of(name)
    at = with_entries(case)
    entries = case.records[at].entries
    others = entries.kept(entries.reason != case.prices.sharings[0].reason)
    assert {"C1", "M2"} <= set(case.broken(at, replace(case.records[at], entries=others)))


# --- money and energy moved ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e-6, 1e-3, 1.0])
@pytest.mark.parametrize("name", CASES)
def test_money_moved_between_accounts(name: str, size: float) -> None:
    """The sum of all accounts stays as it is."""
    case = case_of(name)
    pairs = [(Account.OPERATOR, Account.RETAILER), (Account.RETAILER, Account.NETWORK), (Account.FUND, Account.MINT)]
    for left, right in pairs:

        def edit(values: Array, left: Account = left, right: Account = right) -> None:
            values[5, left.column] += size
            values[5, right.column] -= size

        assert "M3" in case.broken(1, changed(case.records[1], "account_money", edit))
        assert "M4" in case.broken(1, changed(case.records[1], "till_money", edit))


@pytest.mark.parametrize("column", ["energy_money", "pool_money", "wallet_money", "import_kwh", "bought_kwh"])
@pytest.mark.parametrize("name", CASES)
def test_moved_from_one_member_to_another(name: str, column: str) -> None:
    """The sum over members stays as it is."""
    case = case_of(name)

    def edit(values: Array) -> None:
        values[7, 0] += 1e-3
        values[7, 1] -= 1e-3

    assert named(column) & set(case.broken(1, changed(case.records[1], column, edit)))


@pytest.mark.parametrize("name", CASES)
def test_money_that_appears_on_both_sides(name: str) -> None:
    """A bill and the account that receives it agree, yet no meter explains them."""
    case = case_of(name)
    record = case.records[0]

    def more(values: Array) -> None:
        values[4, 0] += 0.01

    def retailer(values: Array) -> None:
        values[4, Account.RETAILER.column] += 0.01

    fault = changed(changed(record, "energy_money", more), "account_money", retailer)
    assert {"M0", "M3"} <= set(case.broken(0, fault))


# --- mistakes in the code that makes records -------------------------------------------------------------------------


def _audited(document: Scenario, community: Community) -> str:
    """What the audit says about a run; empty where it is content."""
    try:
        run(document, community=community)
    except AuditError as error:
        return str(error)
    return ""


LOSSY = Scenario(
    tariff=TimeOfUse(fixed_per_day=0.5), dispatch=SelfConsumption(), market=CommunityPool(),
    pool=Pool(efficiency=0.9, fee_per_kwh=0.02),
)  # fmt: skip


def _everything_paid(self: Clearing, efficiency: float) -> Array:
    return np.ones(self.sold.shape)


def _lossless_coupling(self: Clearing, efficiency: float) -> tuple[Array, Array]:
    return np.maximum(self.bought - self.sold, 0.0), np.maximum(self.sold - self.bought, 0.0)


def _all_access(state: Any, now: Any, terms: Any) -> Any:
    return np.ones(now.shape, np.bool_)


def _buyers_only(prices: Prices, clearing: Clearing) -> Array:
    return prices.pool.fee_per_kwh * clearing.bought_kwh


def _first_pays(amounts: Array, members: int) -> Array:
    out = np.zeros((*amounts.shape[:-1], members))
    out[..., 0] = amounts[..., 0]
    return out


def _no_losses(schedule: Any, prices: Any, clearing: Any) -> tuple[Array, Array]:
    net = (schedule.import_kwh - schedule.export_kwh).sum(axis=1)
    return np.maximum(net, 0.0) * 1.01, np.maximum(-net, 0.0)


MISTAKES = {
    "sellers paid for what is lost": ("commonwatt.flow.Clearing.paid_share", _everything_paid, {"M0", "M3"}),
    "losses forgotten at the coupling point": ("commonwatt.flow.Clearing.coupling", _lossless_coupling, {"M3"}),
    "closed slots traded": ("commonwatt.flow.State.access", _all_access, {"T2"}),
    "the fee taken from buyers alone": ("commonwatt.settlement.pool_fee", _buyers_only, {"M0"}),
    "the first member bears the charge": ("commonwatt.settlement.passed_on", _first_pays, {"C1"}),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_in_settlement_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    community = make_community(4)
    assert _audited(LOSSY, community) == ""
    target, wrong, expected = MISTAKES[what]
    monkeypatch.setattr(target, wrong)
    text = _audited(LOSSY, community)
    assert any(f"{name} broken" in text for name in expected), text


def test_a_peak_read_wrongly_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commonwatt.settlement._physical", _no_losses)
    case = Case.of(LOSSY, make_community(4), DEMAND)
    assert "C1" in case.broken()


@pytest.mark.parametrize(
    ("factor", "expected"), [(1.5, {"S2"}), (-1.0, {"S2", "E4"})], ids=["beyond its power", "negative"]
)
def test_a_mistake_in_dispatch_is_found(factor: float, expected: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    carried_out = Schedule.carried_out.__func__

    def wrong(cls: type[Schedule], community: Any, state: Any, charge: Array, discharge: Array, *_: Array) -> Schedule:
        return carried_out(cls, community, state, factor * charge, discharge)

    monkeypatch.setattr(Schedule, "carried_out", classmethod(wrong))
    text = _audited(LOSSY, make_community(4))
    assert any(f"{name} broken" in text for name in expected), text


def test_money_paid_to_the_wrong_account_with_the_books_in_agreement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries, wallets and tills agree; only the rule's own payee tells."""
    entries_of = Entries.of.__func__

    def wrong(cls: type[Entries], slot: int, owed: Array, payee: Account, reason: str) -> Entries:
        return entries_of(cls, slot, owed, Account.FUND, reason)

    monkeypatch.setattr(Entries, "of", classmethod(wrong))
    text = _audited(LOSSY, make_community(4))
    assert "C1 broken" in text
    assert "M4 broken" not in text


def test_what_depends_on_the_cut_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A market that looks at its window's length."""
    clear = CommunityPool.clear

    def wrong(self: CommunityPool, positions: Any, prices: Any, state: Any) -> Clearing:
        tilted = replace(prices, coupling_sell=prices.coupling_sell * (1 + 1e-12 * positions.shape[0]))
        return clear(self, positions, tilted, state)

    monkeypatch.setattr(CommunityPool, "clear", wrong)
    assert "D1 broken" in _audited(LOSSY, make_community(4))


def test_a_broken_promise_is_found() -> None:
    case = case_of("gross_rate")
    promise = replace(case.declared, balanced=True)
    assert set(replace(case, declared=promise).broken()) == {"M2"}
    shared_bill = case_of("month_shared_bill")
    promise = replace(shared_bill.declared, scope="slot")
    assert "M2" in replace(shared_bill, declared=promise).broken()
    unfair = Case.of(Scenario(market=BillSharing()), make_community(4, devices=False))
    assert unfair.broken() == {}
    assert "R1" in replace(unfair, declared=replace(unfair.declared, rational=True)).broken()
    assert "T1" in replace(unfair, declared=replace(unfair.declared, in_band=True)).broken()


def test_a_fault_is_placed() -> None:
    case = case_of("batteries")

    def edit(values: Array) -> None:
        values[11, 2] += 0.25

    text = case.broken(1, changed(case.records[1], "import_kwh", edit))["E1"]
    assert text.startswith("E1 broken at slot 51, column 2: off by 0.25")


def test_a_broken_run_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = import_module("commonwatt.simulate")
    settle = pipeline.settle

    def wrong(*parts: Any) -> Any:
        bills = settle(*parts)
        return replace(bills, energy=bills.energy * 1.0001)

    monkeypatch.setattr(pipeline, "settle", wrong)
    with pytest.raises(AuditError, match="M0 broken"):
        run(LOSSY, community=make_community(4))


# --- limits ----------------------------------------------------------------------------------------------------------


def shifted(record: Record, kwh: float, *columns: str) -> Record:
    """The record with so much more in the first column's largest cell, and in the same cell of the others."""
    cell = np.unravel_index(int(record.columns[columns[0]].argmax()), record.columns[columns[0]].shape)
    for column in columns:

        def edit(values: Array) -> None:
            values[cell] += kwh

        record = changed(record, column, edit)
    return record


def test_more_than_a_limit_lets_through_is_found() -> None:
    """Energy adds up; it only should not have come in."""
    case = case_of("limits")
    for at, record in enumerate(case.records):
        for less, way in (("unserved_kwh", "import_kwh"), ("curtailed_kwh", "export_kwh")):
            back = shifted(record, -0.01, less)
            cell = np.unravel_index(int(record.columns[less].argmax()), record.columns[less].shape)

            def edit(values: Array, cell: Any = cell) -> None:
                values[cell] += 0.01

            broken = case.broken(at, changed(back, way, edit))
            assert "G1" in broken
            assert "E1" not in broken


def test_more_cut_than_there_is_is_found() -> None:
    case = case_of("limits")
    record = case.records[0]
    for less, way in (("unserved_kwh", "export_kwh"), ("curtailed_kwh", "import_kwh")):
        broken = case.broken(0, shifted(record, 50.0, less, way))
        assert "E4" in broken
        assert "E1" not in broken


def test_load_cut_for_nothing_is_found() -> None:
    case = case_of("limits")
    open_wide = Connection(import_cap_kw=np.full(96, 1e3))
    assert set(replace(case, community=replace(case.community, connection=open_wide)).broken()) == {"G2"}


LEVELS = ("member_import_cap_kw", "member_export_cap_kw", "group_import_cap_kw", "group_export_cap_kw",
          "import_cap_kw", "export_cap_kw")  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
def test_every_limit_is_checked(level: str) -> None:
    """The same run, held against a tighter limit of one kind."""
    case = case_of("limits")
    limits = case.community.connection
    tighter = replace(limits, **{level: 0.9 * getattr(limits, level)})
    assert "G1" in replace(case, community=replace(case.community, connection=tighter)).broken()


# --- by hand ---------------------------------------------------------------------------------------------------------
# One hour at 0.30 and 0.10. Member 0 wants 4 kWh, member 1 wants 2, member 2 has 5; 0.8 of what is sent arrives.
# Delivered inside: min(6, 0.8 x 5) = 4. Bought outside: 6 - 4 = 2 at 0.30. Member 2 is paid for 4 of its 5 kWh.


def facts(net: list[float], efficiency: float = 0.8, fee: float = 0.0, *charges: Charge) -> Facts:
    community = hand_made([net])
    document = Scenario(market=MidMarketRate(), pool=Pool(efficiency=efficiency, fee_per_kwh=fee))
    prices = replace(world_of(common(0.3, 0.1, community), document, community), charges=charges)
    record = Record.of(next(iter(simulate(document, community, prices=prices))))
    declared = auditor(document, community, prices).declared
    return Facts(community, prices, record, declared, Left.at_start(community), {})


def test_short_pool_by_hand() -> None:
    f = facts([4.0, 2.0, -5.0])
    np.testing.assert_allclose(f.inside, [4.0])
    np.testing.assert_allclose(np.concatenate(f.coupling), [2.0, 0.0])
    np.testing.assert_allclose(f.coupling_money, [0.6])
    np.testing.assert_allclose(f.paid_kwh, [[0.0, 0.0, 4.0]])
    # the middle is 0.20: sellers get 4 x 0.20 = 0.80; buyers bear that and 0.60 for the grid: 1.40 on 6 kWh
    np.testing.assert_allclose(f["pool_money"], [[4 * 1.4 / 6, 2 * 1.4 / 6, -0.8]])


def test_long_pool_by_hand() -> None:
    # 2 kWh wanted, 5 there: 2 / 0.8 = 2.5 are sent inside, 2.5 go to the grid at 0.10, unlost
    f = facts([2.0, 0.0, -5.0])
    np.testing.assert_allclose(f.inside, [2.0])
    np.testing.assert_allclose(np.concatenate(f.coupling), [0.0, 2.5])
    np.testing.assert_allclose(f.coupling_money, [-0.25])
    np.testing.assert_allclose(f.paid_kwh, [[0.0, 0.0, 4.5]])
    # buyers pay 2 x 0.20 = 0.40; the seller gets that and the grid's 0.25
    np.testing.assert_allclose(f["pool_money"], [[0.4, 0.0, -0.65]])


def test_two_sellers_by_hand() -> None:
    # 3 and 1 kWh sent, 1 wanted: 1 / 0.8 = 1.25 inside, 2.75 to the grid; paid 1 + 2.75 = 3.75 of 4, three to one
    f = facts([1.0, -3.0, -1.0])
    np.testing.assert_allclose(f.paid_kwh, [[0.0, 3.75 * 3 / 4, 3.75 / 4]])
    np.testing.assert_allclose(f.coupling_money, [-0.275])


def test_the_pool_fee_by_hand() -> None:
    # 4 kWh inside at 0.03: half of it, 0.06, from buyers 4 : 2, half from the seller
    f = facts([4.0, 2.0, -5.0], 0.8, 0.03)
    np.testing.assert_allclose(f.due_fees["pool fee>operator"], [[0.04, 0.02, 0.06]])


def test_a_charge_at_the_coupling_point_by_hand() -> None:
    # at the wires: 6 - 5 + (5 - 4 lost) = 2 kW; on their own meters they would owe for 4, 2 and 0 kW
    demand = replace(DEMAND, period="horizon", rate=10.0)
    f = facts([4.0, 2.0, -5.0], 0.8, 0.0, demand)
    meter = f.meter(netted=False)
    np.testing.assert_allclose(meter.import_kwh, [[2.0, 4.0, 2.0, 0.0]])
    np.testing.assert_allclose(meter.export_kwh, [[0.0, 0.0, 0.0, 5.0]])
    np.testing.assert_allclose(shared(demand.amounts(meter.import_kwh[0]), 3), [20 * 4 / 6, 20 * 2 / 6, 0.0])
    assert f.record.entries.amount.tolist() == pytest.approx([20 * 4 / 6, 20 * 2 / 6])


def test_a_fixed_charge_is_shared_by_heads() -> None:
    # each would owe 0.90 alone; the one meter owes 0.90: 0.30 each
    np.testing.assert_allclose(shared(np.array([0.9, 0.9, 0.9, 0.9]), 3), [0.3, 0.3, 0.3])
    # own meters: no coupling point's column, nothing to share
    np.testing.assert_allclose(shared(np.array([0.9, 0.5, 0.1]), 3), [0.9, 0.5, 0.1])
    # a pool beside own meters: 3 own amounts, the joint one, 3 parts of it
    np.testing.assert_allclose(shared(np.array([1.0, 0.0, 2.0, 6.0, 1.0, 2.0, 0.0]), 3), [3.0, 4.0, 2.0])
    # nobody would owe anything alone: nothing is passed on
    np.testing.assert_allclose(shared(np.array([0.9, 0.0, 0.0, 0.0]), 3), [0.0, 0.0, 0.0])


def test_the_netted_meter_by_hand() -> None:
    """What a retailer sees: what stays outside, the pool's meter, and its parts."""
    f = facts([4.0, 2.0, -5.0])
    meter = f.meter(netted=True)
    np.testing.assert_allclose(meter.import_kwh, [[0, 0, 0, 2, 4, 2, 0]])
    np.testing.assert_allclose(meter.export_kwh, [[0, 0, 0, 0, 0, 0, 5]])
