"""Charging sessions from a table: one row each, with the member, the times of arrival and departure, the energy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..clock import Clock
from ..envelope import Sessions
from ..errors import Problems
from ..noun import Array
from .json_file import some
from .sheets import Numbers, Sheet, member_column, read_sheet
from .stamps import EPOCH, MICROSECOND, instants

SESSION = ("member", "arrival", "departure")
SESSION_NUMBERS = ("energy_kwh", "power_kw", "v2g_kw")


def read_sessions(
    path: Path, clock: Clock, names: tuple[str, ...], problems: Problems
) -> tuple[Sessions, tuple[str, ...]]:
    """The sessions of members `names` in the table at `path`, and notes on what of them cannot be done or seen."""
    sheet = read_sheet(path, SESSION, Numbers(remedy="write kWh and kW"), problems)
    if sheet is None:
        return Sessions.none(), ()
    columns = _session_numbers(sheet, problems)
    members = member_column(sheet, names, problems)
    moments = [instants(sheet, name, problems) for name in ("arrival", "departure")]
    if columns is None or members is None or moments[0] is None or moments[1] is None:
        return Sessions.none(), ()
    start, slot = (clock.start - EPOCH) // MICROSECOND, clock.slot // MICROSECOND
    arrival, departure = ((us - start) / slot for _, us in (moments[0], moments[1]))
    sessions = Sessions(member=members, arrival=arrival, departure=departure, **columns)
    _check_sessions(sheet, sessions, problems)
    return sessions, _session_notes(sheet.file, sessions, clock)


def _session_numbers(sheet: Sheet, problems: Problems) -> dict[str, Array] | None:
    before = len(problems.lines)
    for name in sheet.names:
        if name not in SESSION_NUMBERS:
            known = some((*SESSION, *SESSION_NUMBERS))
            problems.add(f"{sheet.file} row 1", repr(name), "a known column", f"write one of {known}")
    for name in SESSION_NUMBERS[:2]:
        if name not in sheet.names:
            problems.add(f"{sheet.file} row 1", f"no column {name!r}", f"§16: a column {name}", "add it")
    if len(problems.lines) > before:
        return None
    found = {name: sheet.values[:, k].copy() for k, name in enumerate(sheet.names)}
    return {"v2g_kw": np.zeros(sheet.rows), **found}


def _check_sessions(sheet: Sheet, sessions: Sessions, problems: Problems) -> None:
    """Reports sessions that end before they start, or overlap another one of the member."""
    for row in np.flatnonzero(sessions.departure <= sessions.arrival)[:1000].tolist():
        what = f"{sheet.text['departure'][row]} is not after {sheet.text['arrival'][row]}"
        problems.add(sheet.where(row, "departure"), what, "§1: a session has a length", "correct one of the times")
    order = np.lexsort((sessions.arrival, sessions.member))
    same = np.diff(sessions.member[order]) == 0
    late = sessions.arrival[order][1:] < sessions.departure[order][:-1]
    for k in np.flatnonzero(same & late)[:1000].tolist():
        before, row = int(order[k]), int(order[k + 1])
        what = f"it overlaps row {sheet.first + before}"
        remedy = "correct the times; a second vehicle needs a member of its own"
        problems.add(sheet.where(row, "arrival"), what, "one vehicle for each member", remedy)


def _session_notes(file: str, sessions: Sessions, clock: Clock) -> tuple[str, ...]:
    """What of the sessions cannot be done or seen."""
    outside = (sessions.departure <= 0) | (sessions.arrival >= clock.slots)
    short = (sessions.served(clock.hours) < sessions.energy_kwh - 1e-9) & ~outside
    notes = []
    if outside.any():
        notes.append(f"{file}: {int(outside.sum())} sessions lie outside the run and are left out")
    if short.any():
        lost = float((sessions.energy_kwh - sessions.served(clock.hours))[short].sum())
        notes.append(f"{file}: {int(short.sum())} sessions ask for {lost:.1f} kWh more than their power can charge")
    return tuple(notes)
