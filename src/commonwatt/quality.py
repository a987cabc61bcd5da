"""Are these profiles plausible? Findings are shown beside a result; nothing is ever changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from .clock import Clock
from .commons import nobodys
from .flow import Community
from .noun import Array, Mask, dense, over_time, running_sum

Severity = Literal["warning", "info"]
YIELD_KWH_PER_KWP = (600.0, 2200.0)
DAYS_OF_YIELD = 300.0
ABOVE_RATING = 1.3
NIGHT_SHARE = 0.01
LONGEST_DAY_H = 20.0
FLAT_H = 24.0
DEAD_KW = 1e-3
HOME_KW = (0.1, 3.0)
ODD_KW = (0.01, 50.0)
PEAK_KW = 100.0
MOST_SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """Something odd about one member's profiles, or about all (`member` is '')."""

    member: str
    what: str
    value: float
    """How much of it, in the unit that `what` names."""
    rule: str
    severity: Severity


@dataclass(frozen=True, eq=False)
class _Home:
    """One member's profiles. (T,)"""

    name: str
    clock: Clock
    load_kw: Array
    pv_kw: Array
    pv_kwp: float
    """Rated power; 0 where it is not known."""
    night: Mask
    day: Array
    """Number of the local day."""

    @property
    def days(self) -> float:
        """Length of the profiles. [d]"""
        return self.clock.slots * self.clock.hours / 24

    def found(self, what: str, value: float, rule: str, severity: Severity = "warning") -> list[Finding]:
        """One finding about this member."""
        return [Finding(self.name, what, float(value), rule, severity)]


def check(community: Community) -> tuple[Finding, ...]:
    """What is odd about the community's profiles, member by member. Changes nothing and raises nothing."""
    community, clock, hour = _as_metered(community), community.clock, community.clock.hour
    night = (hour >= 23) | (hour + clock.hours <= 3)
    day = np.unique(clock.date, return_inverse=True)[1].astype(np.float64)
    rating = community.traits.get("pv_kwp", np.zeros(community.shape[1]))
    found: list[Finding] = []
    lived_in = ~nobodys(community.traits, community.shape[1])
    for n in np.flatnonzero(_suspects(community, night, rating) & lived_in).tolist():
        name = community.names[n]
        load, pv = (np.ascontiguousarray(table[:, n]) for table in (community.load_kw, community.pv_kw))
        home = _Home(name, clock, load, pv, float(rating[n]), night, day)
        for each in CHECKS:
            found += each(home)
    return (*found, *_not_checked(community, rating))


def _as_metered(community: Community) -> Community:
    """With the load whole again where part of it became an appliance that may shift."""
    moves = community.flexibility.kind == "appliance"
    if not moves.any():
        return community
    appliances = community.flexibility.kept(moves)
    return replace(community, load_kw=appliances.beside(community.load_kw, appliances.usual_charge_kw))


def _suspects(community: Community, night: Mask, rating: Array) -> Mask:
    """Members whose extremes let a check find something; all others need no closer look. (N,)"""
    from ._sums import extremes

    clock = community.clock
    if not clock.slots or clock.hours > 1.0:
        return np.ones(len(community.names), np.bool_)
    lowest, highest, total, longest = extremes(dense(community.load_kw))
    most, (low, high) = over_time(community.pv_kw), (HOME_KW[0] * (1 + 1e-9), HOME_KW[1] * (1 - 1e-9))
    mean, at_night = total / clock.slots, over_time(community.pv_kw[night])
    odd_load = (lowest < DEAD_KW) | (highest > PEAK_KW) | (mean < low) | (mean > high)
    odd_pv = (at_night > NIGHT_SHARE * most) | _odd_yields(community, rating, most)
    suspect: Mask = odd_load | (longest * clock.hours > FLAT_H) | odd_pv
    return suspect


def _odd_yields(community: Community, rating: Array, most: Array) -> Mask:
    """Members whose PV may make too much or too little for its rated power; `most`: its peaks. (N,)"""
    clock, rated = community.clock, rating > 0
    if not rated.any():
        return rated
    days = clock.slots * clock.hours / 24
    energy = running_sum(np.zeros(rating.size), community.pv_kw) * clock.hours * 365 / max(days, clock.hours / 24)
    low, high = YIELD_KWH_PER_KWP[0] * (1 + 1e-9), YIELD_KWH_PER_KWP[1] * (1 - 1e-9)
    judged = days >= DAYS_OF_YIELD
    odd: Mask = (most <= 0) | (most > ABOVE_RATING * rating)
    return np.asarray(rated & (odd | (((energy < low * rating) | (energy > high * rating)) & judged)))


def _not_checked(community: Community, rating: Array) -> list[Finding]:
    """Says where a year's yield could not be judged."""
    makes = community.pv_kw.any(axis=0)
    days = community.clock.slots * community.clock.hours / 24
    unknown = int(np.count_nonzero(makes & (rating <= 0)))
    found = []
    if days < DAYS_OF_YIELD and (makes & (rating > 0)).any():
        what, rule = f"PV yield not checked: {_counted(round(days), 'day')}", f"a yield needs {DAYS_OF_YIELD:.0f} days"
        found.append(Finding("", what, days, rule, "info"))
    if unknown:
        what = f"PV yield not checked: rated power of {_counted(unknown, 'member')} unknown"
        found.append(Finding("", what, unknown, "a yield needs the trait pv_kwp", "info"))
    return found


def _yield(home: _Home) -> list[Finding]:
    if home.pv_kwp <= 0 or home.days < 1:
        return []
    if not home.pv_kw.any():
        rule = "PV makes energy on most days"
        return home.found(f"PV of {home.pv_kwp:g} kWp makes nothing", 0.0, rule) if home.days >= 7 else []
    peak = float(home.pv_kw.max())
    if peak > ABOVE_RATING * home.pv_kwp:
        rule = f"at most {ABOVE_RATING:g} x the rated {home.pv_kwp:g} kWp; is the unit kW?"
        return home.found(f"PV peak {peak:.4g} kW", peak, rule)
    if home.days < DAYS_OF_YIELD:
        return []
    energy = float(home.pv_kw.sum()) * home.clock.hours / home.pv_kwp * 365 / home.days
    low, high = YIELD_KWH_PER_KWP
    if low <= energy <= high:
        return []
    return home.found(f"PV yield {energy:.0f} kWh/kWp a year", energy, f"{low:.0f} to {high:.0f} kWh/kWp")


def _night(home: _Home) -> list[Finding]:
    shines = home.pv_kw > NIGHT_SHARE * home.pv_kw.max(initial=0.0)
    at_night = np.flatnonzero(shines & home.night)
    if at_night.size:
        rule = "no PV from 23 to 3 h local time; is the time zone right?"
        what = f"PV at night in {_counted(at_night.size, 'slot')}, first {_stamp(home, int(at_night[0]))}"
        return home.found(what, at_night.size, rule)
    hours = np.bincount(home.day.astype(np.int64), shines) * home.clock.hours
    if hours.max(initial=0.0) > LONGEST_DAY_H:
        most = float(hours.max())
        return home.found(f"PV for {most:.1f} h of a day", most, f"at most {LONGEST_DAY_H:.0f} h of daylight")
    return []


def _flat(home: _Home) -> list[Finding]:
    if not home.load_kw.any():
        severity: Severity = "info" if home.pv_kw.any() else "warning"
        return home.found("load is zero throughout", 0.0, "a member that uses energy, or a plant", severity)
    start, stop = _runs(np.diff(home.load_kw) == 0)
    hours = (stop - start + 1) * home.clock.hours
    long = np.flatnonzero(hours > FLAT_H)
    if not long.size:
        return []
    first, most = int(start[long[0]]), float(hours.max())
    what = f"load constant for up to {most:.0f} h, {_times(long.size)}, first {_stamp(home, first)}"
    return home.found(what, most, f"no load stands still for more than {FLAT_H:.0f} h")


def _gaps(home: _Home) -> list[Finding]:
    """Dead readings amid activity, exactly zero or next to it; longer ones than a day are flat lines."""
    found = []
    almost = home.load_kw < DEAD_KW
    if home.load_kw.mean() < 20 * DEAD_KW:
        return []
    for dead, word in ((home.load_kw == 0, "zero load"), (almost & (home.load_kw > 0), "load below 1 W")):
        start, stop = _runs(dead)
        hours = (stop - start) * home.clock.hours
        inside = (start > 0) & (stop < home.load_kw.size) & (hours <= FLAT_H)
        if inside.any():
            slots = int((stop - start)[inside].sum())
            first = _stamp(home, int(start[inside][0]))
            what = f"{word} in {_counted(slots, 'slot')}, {_times(int(inside.sum()))}, first {first}"
            found += home.found(what, slots, "a home in use draws power; were readings lost?")
    return found


def _mean(home: _Home) -> list[Finding]:
    mean, (low, high) = float(home.load_kw.mean()), HOME_KW
    if home.days < 1 or low <= mean <= high or mean == 0:
        return []
    severity: Severity = "info" if ODD_KW[0] <= mean <= ODD_KW[1] else "warning"
    unit = "W written as kW?" if mean > high else "kWh per slot or MW written as kW?"
    return home.found(f"mean load {mean:.4g} kW", mean, f"homes have {low:g} to {high:g} kW; {unit}", severity)


def _peak(home: _Home) -> list[Finding]:
    peak = float(home.load_kw.max(initial=0.0))
    return home.found(f"load peak {peak:.4g} kW", peak, f"at most {PEAK_KW:.0f} kW") if peak > PEAK_KW else []


CHECKS: tuple[Callable[[_Home], list[Finding]], ...] = (_yield, _night, _flat, _gaps, _mean, _peak)


def _runs(true: Mask) -> tuple[Any, Any]:
    """Where runs of true start and stop."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], true, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]


def _stamp(home: _Home, slot: int) -> str:
    return str(home.clock.stamps[slot].astype("M8[m]")).replace("T", " ")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def report(findings: Sequence[Finding]) -> list[str]:
    """Lines for the screen, warnings first; beyond twenty only their number."""
    ranked = sorted(findings, key=lambda finding: finding.severity != "warning")
    lines = [f"{f.severity}: {f.member or 'community'}: {f.what} ({f.rule})" for f in ranked[:MOST_SHOWN]]
    more = len(ranked) - MOST_SHOWN
    return [*lines, f"... and {_counted(more, 'more finding')}"] if more > 0 else lines


def as_data(findings: Sequence[Finding]) -> list[dict[str, str | float]]:
    """The findings as JSON holds them."""
    return [asdict(finding) for finding in findings]
