"""Long horizons by windows that overlap, each planned with what follows in sight.

One plan goes over into the next where, inside their overlap, stores stand most alike in both. The prices of the windows
are put together in the same way, and what stores are worth at them is found anew over the whole horizon. The
certificate of the whole, which takes any prices, says how far from the best plan the cuts can have led; where that is
too far, all is planned once more with what stores were found to be worth at the cuts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np

from ..flow import Array
from ..watch import Cancel, OnProgress
from . import block, dp, highs
from .bill import read, shared
from .certificate import certify
from .engine import Duals, Plan
from .limits import Peak, Places, Tier
from .lower import facing
from .problem import Problem
from .stores import reach
from .upper import feasible

STEP = 192
"""Slots from the beginning of a window to that of the next."""
OVERLAP = 288
"""Slots that a window sees beyond the beginning of the next."""
SWEEPS = 3
TIMELESS = "tier"
"""The one table of duals that has no slots."""


def solve(
    problem: Problem,
    gap: float,
    seconds: float | None = None,
    start: Plan | None = None,
    on_progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> Plan:
    """The plans of all windows in turn, as one. A start is not used."""
    until = None if seconds is None else time.process_time() + seconds
    job = _Job(gap, until, on_progress, cancel)
    best, least, worth = Plan.rest(problem, "windows", "no window was planned"), np.inf, None
    for _ in range(SWEEPS):
        whole = _in_turn(_swept(problem, job, worth))
        whole = replace(whole, duals=_settled(problem, whole.duals, gap))
        _, proof = certify(problem, whole, gap)
        if proof.gap < least:
            best, least = whole, proof.gap
        if least <= gap or proof.cut_short or len(whole.level_kwh) <= STEP + OVERLAP:
            break
        worth = -whole.duals.level
    return best


@dataclass(frozen=True)
class _Job:
    """To which gap, until when [CPU s], and who looks on."""

    gap: float
    until: float | None
    on_progress: OnProgress | None
    cancel: Cancel | None

    def planned(self, part: Problem) -> Plan:
        """What is best in a window."""
        left = None if self.until is None else max(self.until - time.process_time(), 0.01)
        engine = block.solve if block.suited(part) and block.pays(part) else highs.solve
        return engine(part, self.gap, left, None, self.on_progress, self.cancel)


@dataclass(frozen=True)
class _Before:
    """What a window must know of those before it."""

    level_kwh: Array
    """Where stores stand. (K,)"""
    worth: Array
    """What stored energy counts where the horizon goes on. (K,) [money/kWh]"""
    locked_kw: tuple[float, ...]
    """The highest that each peak has been."""
    used_kwh: tuple[float, ...]
    """What each tier's meter has counted."""

    @classmethod
    def nothing(cls, problem: Problem) -> _Before:
        """At the beginning. What is stored counts the mean price of buying."""
        price = problem.coupling_buy if problem.one_meter else problem.buy
        mean = float(price.mean()) if price.size else 0.0
        locked = tuple(peak.locked_kw for peak in problem.peaks)
        return cls(problem.stores.start_kwh, mean / problem.stores.loss, locked, tuple(0.0 for _ in problem.tiers))

    def window(self, problem: Problem, begin: int, end: int) -> Problem:
        """What is planned next: it ends where all that follows can be kept."""
        part, stores = problem.window(begin, end), problem.stores
        last = end == problem.shape[0]
        usable = (stores.discharge_max_kwh[end:] + stores.drain_kwh[end:]).any(axis=0)
        low, high = np.array(part.stores.level_min_kwh), np.array(part.stores.level_max_kwh)
        low[-1:], high[-1:] = (bound[end - 1 : end] for bound in reach(stores))
        held = replace(
            part.stores, start_kwh=self.level_kwh, level_min_kwh=low, level_max_kwh=high,
            value=stores.value if last else np.maximum(self.worth, 0.0) * usable,
        )  # fmt: skip
        return replace(
            part, first=problem.first + begin, stores=held,
            peaks=tuple(replace(peak, locked_kw=kw) for peak, kw in zip(part.peaks, self.locked_kw, strict=True)),
            tiers=tuple(_rest(tier, kwh) for tier, kwh in zip(part.tiers, self.used_kwh, strict=True)),
        )  # fmt: skip

    def after(self, part: Problem, plan: Plan, slots: int) -> _Before:
        """Once so many slots of a window are kept. What is stored counts what it does at their end."""
        made, _ = feasible(part, plan)
        flows = shared(part, made.net_kwh(part))
        seen = [(read(part, charge, flows)[:slots], charge) for charge in part.charges]
        kw = [float((kwh * charge.weight[:slots]).max(initial=0.0)) for kwh, charge in seen if isinstance(charge, Peak)]
        kwh = [float((kwh * charge.slots[:slots]).sum()) for kwh, charge in seen if isinstance(charge, Tier)]
        return _Before(
            made.level_kwh[slots - 1], -plan.duals.level[slots - 1],
            tuple(map(max, zip(self.locked_kw, kw, strict=True))),
            tuple(map(sum, zip(self.used_kwh, kwh, strict=True))),
        )  # fmt: skip


@dataclass(frozen=True)
class _Window:
    """A window that has been planned."""

    begin: int
    plan: Plan

    def meets(self, later: _Window) -> int:
        """The slot of the run, inside both and off their ends, after which stores stand most alike."""
        inside = np.arange(OVERLAP // 4, OVERLAP - OVERLAP // 4)
        mine, its = self.plan.level_kwh[later.begin - self.begin + inside], later.plan.level_kwh[inside]
        apart: Array = np.abs(mine - its).sum(axis=1)
        return later.begin + int(inside[np.argmin(apart)]) + 1


def _stretches(slots: int) -> list[tuple[int, int]]:
    """Where windows begin and end; a rest that would be shorter than a step goes with the last one."""
    begins = range(0, max(slots - STEP - OVERLAP, 0) + 1, STEP)
    return [(begin, begin + STEP + OVERLAP if begin != begins[-1] else slots) for begin in begins]


def _swept(problem: Problem, job: _Job, worth: Array | None) -> list[_Window]:
    """All windows in turn; `worth` is what stored energy counts at the end of each slot, where that is known. (T, K)"""
    found: list[_Window] = []
    before = _Before.nothing(problem)
    for begin, end in _stretches(problem.shape[0]):
        before = before if worth is None else replace(before, worth=worth[end - 1])
        part = before.window(problem, begin, end)
        found.append(_Window(begin, job.planned(part)))
        if end < problem.shape[0]:
            before = before.after(part, found[-1].plan, STEP)
    return found


def _rest(tier: Tier, used: float) -> Tier:
    """With what is left of each block."""
    return replace(tier, width_kwh=np.clip(np.cumsum(tier.width_kwh) - used, 0.0, tier.width_kwh))


def _in_turn(found: Sequence[_Window]) -> Plan:
    """The plans as one, each from where the one before meets it."""
    meetings = [earlier.meets(later) for earlier, later in pairwise(found)]
    end = found[-1].begin + len(found[-1].plan.level_kwh)
    cuts = pairwise([0, *meetings, end])
    kept = [slice(a - window.begin, b - window.begin) for window, (a, b) in zip(found, cuts, strict=True)]
    plans = [window.plan for window in found]

    def one(tables: Sequence[Array]) -> Array:
        return np.concatenate([table[slots] for table, slots in zip(tables, kept, strict=True)])

    timed = {f.name: one([getattr(p.duals, f.name) for p in plans]) for f in fields(Duals) if f.name != TIMELESS}
    pooled = [plan.pooled_kwh for plan in plans if plan.pooled_kwh is not None]
    return Plan(
        level_kwh=one([plan.level_kwh for plan in plans]), curtailed_kwh=one([plan.curtailed_kwh for plan in plans]),
        unserved_kwh=one([plan.unserved_kwh for plan in plans]),
        pooled_kwh=one(pooled) if len(pooled) == len(plans) else None,
        duals=Duals(**timed, tier=plans[-1].duals.tier), engine="windows",
        status=next((plan.status for plan in plans if plan.status != plans[0].status), plans[0].status),
        iterations=sum(plan.iterations for plan in plans), binaries=sum(plan.binaries for plan in plans),
    )  # fmt: skip


def _settled(problem: Problem, duals: Duals, gap: float) -> Duals:
    """With what each member's energy and stores are worth over the whole horizon, at the prices that bind members."""
    if problem.joints:
        return duals
    faced = facing(problem, duals)
    alone = replace(
        problem, buy=faced.paid, sell=faced.got, inside=np.zeros(problem.shape, np.bool_), one_meter=False,
        places=Places.none(*problem.shape), peaks=(), tiers=(),
    )  # fmt: skip
    owner, free = problem.stores.owner, dp.suited(alone)
    balance, level = np.array(duals.balance), np.array(duals.level)
    parts = [(dp.solve, np.flatnonzero(free)), *((highs.solve, np.array([n])) for n in np.flatnonzero(~free))]
    for engine, members in parts:
        part = alone.of(members)
        if part.stores.shape[1]:
            found = engine(part, gap).duals
            balance[:, members], level[:, np.isin(owner, members)] = found.balance, found.level
    return replace(duals, balance=balance, level=level)
