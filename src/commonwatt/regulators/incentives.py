"""Bonuses, penalties and bans: S3's regulator."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from ..flow import (
    Account,
    Array,
    Bans,
    Bills,
    Carry,
    Clearing,
    Community,
    Entries,
    Index,
    Mask,
    Ruling,
    Schedule,
    State,
)
from . import Regulator

LONG_AGO = -(10**9)
REASONS = ("", "penalties", "balance", "penalties and balance")
"""Why somebody is banned, by the number that `Incentives.reasons` gives."""


class Incentives(Regulator):
    """Rewards what it wants, fines what meets the grid, and bans from trading who collects fines or debt.

    A ban that is decided at the end of a slot keeps its member from trading for so many slots from the next one on;
    the grid stays open to it. Money goes to and comes from the account `regulator`.
    """

    kind: Literal["incentives"] = "incentives"
    objective: Literal["maximize_renewable", "maximize_p2p", "maximize_profit"] = "maximize_renewable"
    """What earns a bonus: own PV used or stored, energy traded with neighbours, or nothing (then nobody is fined)."""
    renewable_bonus: NonNegativeFloat = 0.02
    """For own PV used or stored. [money/kWh]"""
    p2p_bonus: NonNegativeFloat = 0.01
    """For energy bought from or sold to neighbours. [money/kWh]"""
    market_penalty: NonNegativeFloat = 0.02
    """For energy that meets the grid. [money/kWh]"""
    exempt_no_battery: bool = False
    """Whether members without a battery are neither fined nor banned."""
    rule: Literal["absolute", "relative"] = "absolute"
    """Whether penalties are weighed as they are, or per kWh of own PV used or stored."""
    penalty_limit: NonNegativeFloat = 5.0
    """Penalties above which one is banned, if bonuses are below their limit. [money, per kWh if relative]"""
    bonus_limit: NonNegativeFloat = 5.0
    """Bonuses from which on penalties ban nobody. [money]"""
    balance_limit: float = -50.0
    """Balance of the wallet below which one is banned. [money]"""
    window: PositiveInt | None = None
    """Latest slots whose bonuses and penalties count; none: all since the start. [slots]"""
    penalty_ban: NonNegativeInt = 2
    """Length of a ban for penalties. [slots]"""
    balance_ban: NonNegativeInt = 3
    """Length of a ban for the balance. [slots]"""
    double_ban: NonNegativeInt = 5
    """Length of a ban for both. [slots]"""
    rest: NonNegativeInt = 5
    """Slots from one ban to the next decision. [slots]"""

    @property
    def stride(self) -> int:
        return 1

    def review(
        self, community: Community, schedule: Schedule, clearing: Clearing, bills: Bills, state: State
    ) -> Ruling:
        slot, subject = community.clock.first, self._subject(community)
        bonus, penalty, renewable = self._due(schedule, clearing, subject)
        entries = Entries.joined(
            Entries.of(slot, -bonus, Account.REGULATOR, "bonus"),
            Entries.of(slot, penalty, Account.REGULATOR, "penalty"),
        )
        carry = self._remembered(state, slot, bonus=bonus, penalty=penalty, renewable=renewable)
        balance = state.wallet - bills.total[-1] + bonus - penalty
        left = np.maximum(state.banned_slots - community.clock.slots, 0)
        sums = [carry[f"regulator.{name}"].sum(axis=0) for name in ("bonus", "penalty", "renewable")]
        why = self.reasons(sums[0], sums[1], sums[2], balance)
        last = state.carry.get("regulator.last", np.full(balance.shape, float(LONG_AGO)))
        free = (left == 0) & (slot - last >= self.rest) & subject & (why > 0)
        length = np.array([0, self.penalty_ban, self.balance_ban, self.double_ban])[why]
        who = np.flatnonzero(free & (length > 0))
        return Ruling(
            banned_slots=np.where(free, length, left),
            entries=entries,
            bans=Bans(slot=np.full(who.size, slot), member=who, slots=length[who], reason=np.array(REASONS)[why[who]]),
            carry={**carry, "regulator.last": np.where(free, float(slot), last)},
        )

    def reasons(self, bonus: Array, penalty: Array, renewable: Array, balance: Array) -> Index:
        """Why each member is due for a ban, as numbers of `REASONS`. Sums so far and wallets (N,) -> (N,)"""
        weighed = penalty
        if self.rule == "relative":
            weighed = np.divide(penalty, renewable, out=np.full(penalty.shape, np.inf), where=renewable > 0)
            weighed = np.where(penalty > 0, weighed, 0.0)
        fined = (weighed > self.penalty_limit) & (bonus < self.bonus_limit)
        why: Index = fined * np.int64(1) + (balance < self.balance_limit) * np.int64(2)
        return why

    def _subject(self, community: Community) -> Mask:
        """Whom penalties and bans concern. (N,)"""
        members = community.shape[1]
        if not self.exempt_no_battery:
            return np.ones(members, np.bool_)
        device = community.flexibility
        owns = np.zeros(members, np.bool_)
        owns[device.owner[(device.capacity_kwh > 0) & ~device.obliged]] = True
        return owns

    def _due(self, schedule: Schedule, clearing: Clearing, subject: Mask) -> tuple[Array, Array, Array]:
        """Bonus, penalty [money] and own PV used or stored [kWh] of this slot. (N,) each"""
        stored = schedule.flexibility.by_member(schedule.charge_kwh, subject.size)
        used = np.minimum(schedule.used_kwh, schedule.served_kwh + stored).sum(axis=0)
        inside = (clearing.bought_kwh + clearing.sold_kwh).sum(axis=0)
        outside = (schedule.import_kwh + schedule.export_kwh).sum(axis=0) - inside
        nothing = np.zeros(used.shape)
        bonus = {
            "maximize_renewable": self.renewable_bonus * used, "maximize_p2p": self.p2p_bonus * inside,
            "maximize_profit": nothing,
        }[self.objective]  # fmt: skip
        fined = self.objective != "maximize_profit"
        penalty: Array = np.where(subject, self.market_penalty * np.maximum(outside, 0.0), 0.0) if fined else nothing
        return bonus, penalty, used

    def _remembered(self, state: State, slot: int, **amounts: Array) -> Carry:
        """Sums since the start, or the latest slots of the window, one row each."""
        kept: dict[str, Array] = {}
        for name, amount in amounts.items():
            rows = self.window or 1
            before = state.carry.get(f"regulator.{name}", np.zeros((rows, amount.size)))
            after = before.copy()
            after[slot % rows] = amount + (before[0] if self.window is None else 0.0)
            kept[f"regulator.{name}"] = after
        return kept
