"""What S3 tells of a community at the end: counts, money, miners, best and worst members, the day by the hour."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..flow import Array
from ..store import json_text
from ._happened import Happened

FEW = 5
"""Members named as best and worst."""
ITEMS = ("p2p", "grid", "bonus", "penalty")
"""What a balance is made of. [money]"""
CAUSES = {
    "p2p": "trade with neighbours", "grid": "trade with the grid", "bonus": "bonuses", "penalty": "penalties",
}  # fmt: skip
Facts = dict[str, Any]


def facts_of(h: Happened) -> Facts:
    """All of it as plain values."""
    return {
        "name": h.run.scenario.name,
        "currency": h.run.scenario.currency,
        "community": _community(h),
        "ledger": h.run.ledger.summary() if h.run.ledger else None,
        **_extremes(h),
        "by_hour": _by_hour(h),
    }


def report_text(facts: Facts) -> dict[str, str]:
    """The facts as JSON, and as a page to read, by file name."""
    return {"community_facts.json": json_text(facts), "community_report.md": "\n".join(_lines(facts)) + "\n"}


def _community(h: Happened) -> Facts:
    p2p, market = int(h.trades.slot.size), int(h.meets_grid.sum())
    kwh = float(h.trades.kwh.sum()), float(sum(side.sum() for side in h.grid_kwh))
    made, balance = float(h.community.pv_kwh.sum()), h["wallet_money"][-1]
    used = float(h.renewable_kwh.sum())
    gain = balance - h.community.traits.get("wallet_start", np.zeros(balance.size))
    return {
        "renewable_used_kwh": used, "renewable_share": _part(used, made),
        "p2p_trades": p2p, "market_trades": market, "p2p_per_market_trade": _part(p2p, market),
        "p2p_kwh": kwh[0], "market_kwh": kwh[1], "p2p_share_of_trades": _part(p2p, p2p + market),
        "called_kwh": float(h.called_kwh.sum()),
        "profit": float(gain.sum()), "average_balance": float(balance.mean()),
        "banned_members": int(np.unique(h.bans.member).size), "bans": h.bans.rows,
        "incentives_paid": float(h.paid("bonus").sum()), "penalties_collected": float(h.paid("penalty").sum()),
    }  # fmt: skip


def _part(value: float, of: float) -> float | None:
    return value / of if of > 0 else None


def _items(h: Happened) -> dict[str, Array]:
    """What has made each member's balance. (N,) [money]"""
    items = {"p2p": -h["pool_money"], "grid": -h.grid_money, "bonus": h.paid("bonus"), "penalty": -h.paid("penalty")}
    return {name: values.sum(axis=0) for name, values in items.items()}


def _extremes(h: Happened) -> Facts:
    """The members with the highest and the lowest balance, each with what sets it apart from the average."""
    balance, items = h["wallet_money"][-1], _items(h)
    order = np.argsort(-balance, kind="stable")
    apart = {name: values - values.mean() for name, values in items.items()}
    capacity = h.storage[0]

    def told(n: int, sign: float) -> Facts:
        most = max(ITEMS, key=lambda name: sign * float(apart[name][n]))
        return {
            "member": h.community.names[n], "balance": float(balance[n]),
            **{name: float(values[n]) for name, values in items.items()},
            "pv_kw": float(h.pv_kw[n]), "battery_kwh": float(capacity[n]),
            "load_kwh": float(h.community.load_kwh[:, n].sum()),
            "cause": f"{CAUSES[most]}: {float(apart[most][n]):+.2f} against the average",
        }  # fmt: skip

    few = min(FEW, balance.size)
    return {
        "best": [told(n, 1.0) for n in order[:few].tolist()],
        "worst": [told(n, -1.0) for n in order[::-1][:few].tolist()],
    }


def _by_hour(h: Happened) -> list[Facts]:
    """Means of a slot by local hour of day."""
    hour = np.floor(h.community.clock.hour).astype(np.int64)
    count = np.bincount(h.trades.slot, minlength=h.shape[0])
    columns = {
        "p2p_trades": count, "market_trades": h.meets_grid.sum(axis=1),
        "p2p_kwh": h["bought_kwh"].sum(axis=1), "grid_bought_kwh": h.grid_kwh[0].sum(axis=1),
        "grid_sold_kwh": h.grid_kwh[1].sum(axis=1), "called_kwh": h.called_kwh.sum(axis=1),
    }  # fmt: skip
    return [
        {"hour": int(at), **{name: float(values[hour == at].mean()) for name, values in columns.items()}}
        for at in np.unique(hour)
    ]


def _lines(facts: Facts) -> list[str]:
    """A page of Markdown."""
    money, c = facts["currency"], facts["community"]
    lines = [f"# {facts['name'] or 'community'}", "", "| community | |", "| --- | ---: |"]
    lines += [f"| {name.replace('_', ' ')} | {_shown(value)} |" for name, value in c.items()]
    ledger = facts["ledger"]
    if ledger:
        valid = "valid" if ledger["valid"] else "broken"
        lines += ["", f"The chain of {ledger['blocks']} blocks is {valid}; {ledger['pending']} entries are pending."]
        if "miners" in ledger:
            lines += ["", f"| miner | blocks | reward {money} |", "| ---: | ---: | ---: |"]
            lines += [f"| {m['miner']} | {m['blocks']} | {_shown(m['reward'])} |" for m in ledger["miners"]]
    for title in ("best", "worst"):
        lines += [
            "",
            f"| {title} | balance {money} | PV kW | battery kWh | cause |",
            "| --- | ---: | ---: | ---: | --- |",
        ]
        lines += [
            f"| {m['member']} | {_shown(m['balance'])} | {m['pv_kw']:g} | {m['battery_kwh']:g} | {m['cause']} |"
            for m in facts[title]
        ]
    names = list(facts["by_hour"][0])
    lines += ["", f"| {' | '.join(name.replace('_', ' ') for name in names)} |", f"|{' ---: |' * len(names)}"]
    return lines + [f"| {' | '.join(_shown(row[name]) for name in names)} |" for row in facts["by_hour"]]


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,d}" if isinstance(value, int) else f"{value:,.2f}"
