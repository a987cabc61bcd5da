"""Why a bill is what it is, and why a device did what it did: told from a stored run alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ScenarioError
from ..flow import Array, Community, Prices
from ..record import Record
from ..scenario import Scenario
from ..store import read_limit_prices, read_plan, read_records, stored_scenario, stored_summary, unchanged

FINE = 1e-9
SAME = 1e-6
"""Prices no further apart are one price. [money/kWh]"""
SHOWN = 8


@dataclass(frozen=True)
class Told:
    """A stored run, read to be explained."""

    folder: Path
    scenario: Scenario
    community: Community

    @classmethod
    def of(cls, folder: Path) -> Told:
        """Raises DataError where anything in the folder has changed, or where it is no run."""
        scenario = stored_scenario(folder, unchanged(folder))
        return cls(folder, scenario, scenario.community())

    @cached_property
    def prices(self) -> Prices:
        """The terms of the run."""
        return self.scenario.prices(self.community)

    @cached_property
    def plan(self) -> dict[str, Array]:
        """Shadow prices by column; empty where a rule ran the devices."""
        return read_plan(self.folder, self.community)

    def records(self) -> Iterator[Record]:
        """What happened."""
        return read_records(self.folder, self.community, self.scenario.market)

    def member(self, name: str) -> int:
        """The number of a member, by name or number. Raises ScenarioError naming some who are there."""
        names = self.community.names
        if name in names:
            return names.index(name)
        if name.isdecimal() and int(name) < len(names):
            return int(name)
        some = ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
        raise ScenarioError(f"--member = {name!r}: no such member of {self.folder}; take one of {some}")

    def slot(self, when: str) -> int:
        """The number of a slot, by number or time. Raises ScenarioError for one outside the run."""
        clock = self.community.clock
        if when.isdecimal():
            slot = int(when)
        else:
            try:
                stamp = datetime.fromisoformat(when)
            except ValueError:
                raise ScenarioError(
                    f"--slot = {when!r}: neither a number nor a time; write 74 or 2025-06-02T18:30"
                ) from None
            stamp = stamp if stamp.tzinfo else stamp.replace(tzinfo=clock.start.tzinfo)
            slot = (stamp - clock.start) // clock.slot
        if not 0 <= slot < clock.slots:
            last = clock.start + (clock.slots - 1) * clock.slot
            span = f"0 to {clock.slots - 1}, {clock.start.isoformat()} to {last.isoformat()}"
            raise ScenarioError(f"--slot = {when!r}: outside the run; take one of {span}")
        return slot

    def time(self, slot: int) -> str:
        """When a slot begins, by the local clock."""
        return str(self.community.clock.stamps[slot].astype("M8[m]")).replace("T", " ")


def explain_bill(folder: Path, member: str) -> dict[str, Any]:
    """A member's bill line by line: `lines` with what, kwh, price and money, and what they add up to. [money]

    Raises DataError or ScenarioError as `Told` does.
    """
    told = Told.of(folder)
    n = told.member(member)
    lines = _lines(told, n)
    row = stored_summary(folder)["members"][n]
    return {
        "run": str(folder), "member": told.community.names[n], "currency": told.scenario.currency,
        "lines": [line.plain() for line in lines], "bill": row["bill"], "alone_bill": row["alone_bill"],
        "saving": row["saving"],
    }  # fmt: skip


@dataclass
class _Line:
    """One item of a bill."""

    what: str
    money: float = 0.0
    kwh: float | None = None

    def plain(self) -> dict[str, Any]:
        """With the mean price where there is energy."""
        price = self.money / self.kwh if self.kwh else None
        return {"what": self.what, "kwh": self.kwh, "price": None if price is None else abs(price), "money": self.money}


def _lines(told: Told, n: int) -> list[_Line]:
    sums: dict[str, _Line] = {}

    def add(what: str, money: float, kwh: float | None = None) -> None:
        line = sums.setdefault(what, _Line(what, kwh=None if kwh is None else 0.0))
        line.money += money
        if kwh is not None and line.kwh is not None:
            line.kwh += kwh

    for record in told.records():
        c, terms = record.columns, told.prices.window(record.clock.first, record.clock.first + record.clock.slots)
        taken, given = c["import_kwh"][:, n] - c["bought_kwh"][:, n], c["export_kwh"][:, n] - c["sold_kwh"][:, n]
        add("energy from the own retailer", float((taken * terms.buy[:, n]).sum()), float(taken.sum()))
        add("energy to the own retailer", float(-(given * terms.sell[:, n]).sum()), float(given.sum()))
        bought = float((c["bought_kwh"][:, n] * c["buy_price"][:, n]).sum())
        add("energy from the community", bought, float(c["bought_kwh"][:, n].sum()))
        add("energy to the community", float(c["pool_money"][:, n].sum()) - bought, float(c["sold_kwh"][:, n].sum()))
        for reason, payee, money in record.fees():
            add(f"{reason} to the {payee}", float(money[:, n].sum()))
        mine = record.entries.payer == n, record.entries.payee == n
        for side, sign in zip(mine, (1.0, -1.0), strict=True):
            for reason, amount in zip(record.entries.reason[side], record.entries.amount[side], strict=True):
                add(str(reason), sign * float(amount))
    return [line for line in sums.values() if abs(line.money) > FINE or (line.kwh or 0.0) > FINE]


def explain_slot(folder: Path, member: str, slot: str) -> dict[str, Any]:
    """What a member and its devices did in a slot and why, in sentences (`says`), with prices and flows beside.

    Raises DataError or ScenarioError as `Told` does.
    """
    told = Told.of(folder)
    n, t = told.member(member), told.slot(slot)
    flows = _flows(told, t)
    here = _prices(told, flows, n, t)
    names = ("import_kwh", "export_kwh", "bought_kwh", "sold_kwh", "unserved_kwh", "curtailed_kwh")
    energy = {
        "load_kwh": float(told.community.load_kwh[t, n]), "pv_kwh": float(told.community.pv_kwh[t, n]),
        **{name: float(flows[name][0, n]) for name in names},
    }  # fmt: skip
    limits = _limit_prices(told, n, t)
    owned = np.flatnonzero(told.community.flexibility.owner == n)
    return {
        "run": str(folder), "member": told.community.names[n], "slot": t, "time": told.time(t),
        "currency": told.scenario.currency, "energy": energy, "prices": here,
        "limits": limits, "says": [_worth(here), *(_tight(place, price) for place, price in limits.items())],
        "devices": [_device(told, flows, here, int(k), t) for k in owned],
    }  # fmt: skip


def _flows(told: Told, t: int) -> dict[str, Array]:
    """The stored columns of one slot, each with one row."""
    for record in told.records():
        at = t - record.clock.first
        if 0 <= at < record.clock.slots:
            return {name: values[at : at + 1] for name, values in record.columns.items()}
    raise ScenarioError(f"slot {t}: not in {told.folder}; take one of its slots")


def _prices(told: Told, flows: dict[str, Array], n: int, t: int) -> dict[str, float]:
    terms = told.prices
    found = {"own_buy": float(terms.buy[t, n]), "own_sell": float(terms.sell[t, n])}
    if terms.one_meter:
        found |= {"coupling_buy": float(terms.coupling_buy[t]), "coupling_sell": float(terms.coupling_sell[t])}
    for name in ("buy", "sell"):
        if flows[f"{'bought' if name == 'buy' else 'sold'}_kwh"][0, n] > FINE:
            found[f"community_{name}"] = float(flows[f"{name}_price"][0, n])
    if told.plan:
        found["energy"] = float(told.plan["energy_price"][t, n])
    return found


def _limit_prices(told: Told, n: int, t: int) -> dict[str, float]:
    """What limits on the member's way to the grid cost in a slot, by place. [money/kWh]"""
    above = told.community.connection.above(n, told.community.names[n])
    prices = read_limit_prices(told.folder, t)
    return {place: prices[place] for place in above if abs(prices.get(place, 0.0)) > SAME}


def _tight(place: str, price: float) -> str:
    way = "come in" if price > 0 else "go out"
    return f"No more can {way} at {place}: a kWh more of that limit would save {abs(price):.4f}."


KNOWN = {
    "coupling_buy": "what the grid charges at the coupling point",
    "coupling_sell": "what the grid pays at the coupling point",
    "own_buy": "what the own retailer charges", "own_sell": "what the own retailer pays",
}  # fmt: skip


def _worth(here: dict[str, float]) -> str:
    if "energy" not in here:
        return "A rule runs the devices: it looks at energy behind the meter, not at prices."
    worth = here["energy"]
    start = f"To the plan, a kWh is worth {worth:.4f} here in this slot"
    for name, says in KNOWN.items():
        if name in here and abs(here[name] - worth) <= SAME:
            return f"{start}: {says}."
    return f"{start}: between the grid's prices, since sharing, losses, limits or charges on peaks move it."


def _device(told: Told, flows: dict[str, Array], here: dict[str, float], k: int, t: int) -> dict[str, Any]:
    device = told.community.flexibility
    charge, discharge = float(flows["charge_kwh"][0, k]), float(flows["discharge_kwh"][0, k])
    level = float(flows["level_kwh"][0, k])
    values: dict[str, Any] = {
        "device": k, "kind": str(device.kind[k]), "charge_kwh": charge, "discharge_kwh": discharge, "level_kwh": level,
    }  # fmt: skip
    did = (
        f"charges {charge:.3f} kWh"
        if charge > FINE
        else f"discharges {discharge:.3f} kWh"
        if discharge > FINE
        else "rests"
    )
    says = [f"The {values['kind']} {did} and then holds {level:.3f} kWh."]
    if told.plan:
        values["stored_price"] = float(told.plan["stored_price"][t, k])
        says += _why(told, here["energy"], values, k, t)
        says += _later(told, k, t, charging=charge > FINE)
    else:
        says.append(f"It follows the rule {told.scenario.dispatch.kind}: {_first_sentence(told.scenario.dispatch)}")
    return {**values, "says": [*says, *_limits(told, values, k, t)]}


def _why(told: Told, worth: float, values: dict[str, Any], k: int, t: int) -> list[str]:
    """Charging, discharging or resting, weighed at the plan's prices."""
    device, stored = told.community.flexibility, values["stored_price"]
    wear = float(device.wear[k])
    inwards = float(device.charge_efficiency[t, k]) * stored - wear
    outwards = stored / float(device.discharge_efficiency[k]) + wear
    worn = " and wears" if wear else ""
    into = f"a kWh put in is worth {inwards:.4f} ({stored:.4f} in store, less what charging loses{worn})"
    out = f"a kWh taken out costs {outwards:.4f} ({stored:.4f} in store, and what discharging loses{worn})"
    moved = inwards if values["charge_kwh"] > FINE else outwards
    pays = "pays, up to where a kWh more makes no difference" if abs(moved - worth) <= SAME else "pays"
    if values["charge_kwh"] > FINE:
        return [f"Charging {pays}: {into}, and {worth:.4f} if used at once."]
    if values["discharge_kwh"] > FINE:
        return [f"Discharging {pays}: {out}, and saves {worth:.4f} here."]
    return [f"Neither pays: {into}, {out}, and it is worth {worth:.4f} here."]


def _later(told: Told, k: int, t: int, *, charging: bool) -> list[str]:
    """When what is charged now is used next."""
    if not charging:
        return []
    owner = int(told.community.flexibility.owner[k])
    for record in told.records():
        out = record.columns["discharge_kwh"][:, k]
        later = np.flatnonzero((out > FINE) & (record.clock.first + np.arange(len(out)) > t))
        if later.size:
            slot = record.clock.first + int(later[0])
            worth = float(told.plan["energy_price"][slot, owner])
            return [f"It next discharges in slot {slot} ({told.time(slot)}), when a kWh is worth {worth:.4f} here."]
    return []


def _limits(told: Told, values: dict[str, Any], k: int, t: int) -> list[str]:
    """Bounds that the device has reached, and the deadline that it works towards."""
    device, hours = told.community.flexibility, told.community.clock.hours
    fine = SAME * max(1.0, float(device.capacity_kwh[k]))
    bounds = (
        (values["charge_kwh"], device.charge_kw[t, k] * hours, "It charges at full power"),
        (values["discharge_kwh"], device.discharge_kw[t, k] * hours, "It discharges at full power"),
    )
    says = [f"{what}, {most:.3f} kWh in a slot." for done, most, what in bounds if done > FINE and done >= most - fine]
    if values["level_kwh"] >= device.level_max_kwh[t, k] - fine:
        says.append(f"It is full: it may hold {device.level_max_kwh[t, k]:.3f} kWh.")
    elif values["level_kwh"] <= device.level_min_kwh[t, k] + fine:
        says.append(f"It is at the least it must hold, {device.level_min_kwh[t, k]:.3f} kWh.")
    due = np.flatnonzero(device.level_min_kwh[t + 1 :, k] > values["level_kwh"] + fine)
    if due.size:
        by = t + 1 + int(due[0])
        says.append(f"By the end of slot {by} ({told.time(by)}) it must hold {device.level_min_kwh[by, k]:.3f} kWh.")
    return says


def _first_sentence(plugin: Any) -> str:
    text = " ".join((type(plugin).__doc__ or "").split())
    return text.partition(". ")[0].rstrip(".") + "."
