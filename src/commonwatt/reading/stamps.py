"""Stamps from outside: ISO 8601 with an offset, on one line of equal slots (§1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from ..clock import Clock
from ..errors import Problems
from ..noun import Index
from .files import MOST_LISTED
from .sheets import Sheet

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
YEARS = range(1900, 2200)
EXAMPLE = "2025-01-01T00:00:00+01:00"
MOST_NAMED = 4


def instant(text: str, where: str, problems: Problems) -> datetime | None:
    """A moment from ISO 8601 with an offset; else None and a problem."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        problems.add(where, repr(text[:60]), "§1: a time is ISO 8601", f"write it like {EXAMPLE}")
        return None
    if moment.tzinfo is None:
        problems.add(where, repr(text), "§1: a time carries its offset", f"write it like {EXAMPLE}")
        return None
    if moment.year not in YEARS:
        problems.add(where, repr(text), f"§1: years {YEARS.start} to {YEARS.stop - 1}", "correct the year")
        return None
    return moment


def instants(sheet: Sheet, column: str, problems: Problems) -> tuple[list[datetime], Index] | None:
    """Moments of a column of text, also as microseconds since 1970 in UTC (R,); None where any is wrong."""
    before = len(problems.lines)
    moments: list[datetime] = []
    for row, text in enumerate(sheet.text[column]):
        moment = instant(text, sheet.where(row, column), problems)
        if moment is not None:
            moments.append(moment)
        elif len(problems.lines) - before > MOST_LISTED:
            break
    if len(problems.lines) > before:
        return None
    return moments, np.array([(m - EPOCH) // MICROSECOND for m in moments], dtype=np.int64)


def slot_length(us: Index) -> int:
    """The most frequent distance of two rows that follow each other, the shorter one if there are two. [us]"""
    steps = np.diff(us)
    values, counts = np.unique(steps[steps > 0], return_counts=True)
    return int(values[np.argmax(counts)]) if values.size else 0


def check_line(sheet: Sheet, us: Index, slot: int, problems: Problems) -> None:
    """Reports rows that are out of order, double, missing or off the line of slots [us]."""
    texts = sheet.text["time"]
    steps = np.diff(us)
    for row in np.flatnonzero(steps != slot)[:MOST_LISTED].tolist():
        step, where = int(steps[row]), sheet.where(row + 1, "time")
        if step == 0:
            problems.add(where, f"{texts[row + 1]} stands twice", "§1: one row for each slot", "remove one of the rows")
        elif step < 0:
            what = f"{texts[row + 1]} after {texts[row]}"
            problems.add(where, what, "§1: rows in the order of time", "sort the rows by time")
        elif step % slot:
            what = f"{texts[row + 1]} follows {texts[row]}"
            problems.add(where, what, f"§1: slots of {_minutes(slot)}", "put the row on the line of slots")
        else:
            problems.add(where, _missing(us[row], step, slot), "§1: one row for each slot", "add the rows")


def _missing(before: int, step: int, slot: int) -> str:
    count = step // slot - 1
    named = [(EPOCH + (int(before) + k * slot) * MICROSECOND).isoformat() for k in range(1, min(count, MOST_NAMED) + 1)]
    more = f" and {count - MOST_NAMED} more" if count > MOST_NAMED else ""
    return f"{', '.join(named)}{more} missing"


def _minutes(slot: int) -> str:
    return f"{slot / 60e6:g} min"


def check_against(sheet: Sheet, us: Index, clock: Clock, problems: Problems) -> None:
    """Reports a table whose line of slots is not the clock's."""
    check_start(sheet, us, clock, problems)
    if us.size != clock.slots:
        rule = f"one row for each of the run's {clock.slots} slots"
        problems.add(sheet.file, f"{us.size} rows", rule, "give it the length of the run")


def check_start(sheet: Sheet, us: Index, clock: Clock, problems: Problems) -> None:
    """Reports a table whose slots begin elsewhere or lie otherwise than the clock's; its length is left open."""
    slot = clock.slot // MICROSECOND
    check_line(sheet, us, slot, problems)
    start = (clock.start - EPOCH) // MICROSECOND
    if us.size and us[0] != start:
        what = f"{sheet.text['time'][0]} comes first"
        problems.add(sheet.where(0, "time"), what, f"§1: the run starts {clock.start.isoformat()}", "start there")
