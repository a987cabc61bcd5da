"""Faults in what storage was called to deliver, and in how long bans last: each is caught by what says it is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.test_audit import Case, case_of

from commonwatt.exchange import Bans
from commonwatt.noun import Array
from commonwatt.record import Record

Columns = dict[str, Array]
Edit = Callable[[Columns, int, int], None]


def with_calls() -> tuple[Case, int, int, Columns]:
    """A case, a record in which storage is called, the slot in which most is, and copies of the record's columns."""
    case = case_of("on_call")
    at = int(np.argmax([record.columns["called_kwh"].max() for record in case.records]))
    columns = {name: np.array(values) for name, values in case.records[at].columns.items()}
    return case, at, int(columns["called_kwh"].sum(axis=1).argmax()), columns


def faulty(edit: Edit) -> set[str]:
    """What breaks when a slot in which storage is called is stored otherwise."""
    case, at, slot, columns = with_calls()
    edit(columns, slot, int(columns["called_kwh"][slot].argmax()))
    return set(case.broken(at, replace(case.records[at], columns=columns)))


def less_called(c: Columns, t: int, n: int) -> None:
    c["called_kwh"][t, n] -= 0.01


def more_than_sold(c: Columns, t: int, n: int) -> None:
    c["called_kwh"][t, n] += 0.01


def offered_too_much(c: Columns, t: int, n: int) -> None:
    c["ask_kwh"][t, n] += 0.01


def not_offered(c: Columns, t: int, n: int) -> None:
    """A store asks for nothing, as if it had been passed over."""
    c["ask_kwh"][t, n] = 0.0


def offered_by_who_buys(c: Columns, t: int, n: int) -> None:
    buyer = int(c["bid_kwh"][t].argmax())
    c["called_kwh"][t, buyer] = c["sold_kwh"][t, buyer] = 0.1


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (less_called, "S5"),
        (more_than_sold, "S5"),
        (offered_too_much, "S6"),
        (not_offered, "S6"),
        (offered_by_who_buys, "S5"),
    ],
)
def test_calls_are_followed(edit: Edit, named: str) -> None:
    assert named in faulty(edit)


def test_a_store_has_no_more_time_than_the_slot() -> None:
    """It charges for half the slot at full power and discharges for two thirds: said to be called, but impossible."""
    case, at, slot, columns = with_calls()
    device = case.community.flexibility
    store = int(np.flatnonzero(columns["called_kwh"][slot, device.owner] > 0.1)[0])
    columns["charge_kwh"][slot, store] = 0.5 * device.charge_kw[0, store]
    columns["discharge_kwh"][slot, store] = 0.67 * device.discharge_kw[0, store]
    columns["called_kwh"][slot, device.owner[store]] = 99.0
    assert "S2" in case.broken(at, replace(case.records[at], columns=columns))


def banned_case() -> tuple[Case, int]:
    """A case, and the first record in which somebody is banned."""
    case = case_of("on_call")
    return case, next(k for k, record in enumerate(case.records) if record.bans.rows)


def with_bans(record: Record, **rows: Array) -> Record:
    return replace(record, bans=replace(record.bans, **rows))


def test_bans_last_as_long_as_decided() -> None:
    case, at = banned_case()
    record = case.records[at]
    longer, other = (
        with_bans(record, slots=record.bans.slots + 1),
        with_bans(record, member=(record.bans.member + 1) % 9),
    )
    for fault in (longer, other, replace(record, bans=Bans.none())):
        assert "T8" in case.broken(at, fault)
    later = case.records[1]
    assert later.banned_slots[0].any(), "a ban goes on from one record to the next"
    assert "T8" in case.broken(1, replace(later, banned_slots=np.zeros_like(later.banned_slots)))


def test_bans_have_a_member_a_length_and_a_slot_of_the_record() -> None:
    case, at = banned_case()
    record = case.records[at]
    for rows in (
        {"member": record.bans.member + 99},
        {"slots": 0 * record.bans.slots},
        {"slot": record.bans.slot + 50},
    ):
        assert "T8" in case.broken(at, with_bans(record, **rows))
