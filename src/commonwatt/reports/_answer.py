"""What a study found, in words computed from its numbers."""

from __future__ import annotations

import math

from . import _words as words
from ._view import Line, View


def verdict(view: View, world: str) -> list[str]:
    """The answer for one world: the first sentence is the finding, the others put it into perspective."""
    ranked = view.ranked(world)
    if not ranked:
        return ["Nothing is shared in any of these scenarios: each member deals with the grid alone."]
    best = ranked[0]
    return [
        _finding(view, best),
        *filter(None, [
            _regret(view, best), _till(best, view.currency), _saving(view, best), _cheapest(view, ranked),
            _unlucky(ranked),
        ]),
    ]  # fmt: skip


def _finding(view: View, best: Line) -> str:
    fairness, losers = best.run.metrics["fairness"], len(best.losing())
    members = len(best.run.facts.community.names)
    nobody = "nobody pays more than alone" if not losers else f"{losers} of {members} members pay more than alone"
    even = "" if math.isnan(fairness) else f", and savings are spread with a fairness of {words.number(fairness)} of 1"
    ranked = view.ranked(best.row.world)
    equal = [x.rule for x in ranked if x.setting == best.setting and _merit(x) == _merit(best)]
    combination = f"{words.sentence(words.listed(equal))} under the {best.tariff} tariff with {best.dispatch} dispatch"
    if len(ranked) == 1:
        return f"{combination}: {nobody}{even}."
    return f"{combination} {'ranks' if len(equal) == 1 else 'rank equally'} first: {nobody}{even}."


def _regret(view: View, best: Line) -> str:
    """Who came closest to perfect foresight without having it, where regret was asked."""
    told = [x for x in view.lines if x.row.world == best.row.world and not math.isnan(x.run.metrics["regret"])]
    blind = [x for x in told if not _knows(x)]
    if not blind:
        return ""
    least = min(blind, key=lambda x: x.run.metrics["regret"])
    knows = f"{words.sentence(best.row.name)} knows the future. " if _knows(best) else ""
    return (
        f"{knows}Of those that do not know the future, {least.row.name} has the least regret: "
        f"{words.money(least.run.metrics['regret'])} {view.currency} more than with perfect foresight, "
        "energy left in stores counted."
    )


def _knows(line: Line) -> bool:
    scenario = line.run.scenario
    return not scenario.dispatch.causal and scenario.forecast.oracle


def _merit(line: Line) -> tuple[float, ...]:
    return tuple(round(line.run.metrics[name], d) for name, d in (("losers", 0), ("fairness", 3), ("total_cost", 9)))


def _saving(view: View, best: Line) -> str:
    metrics, currency = best.run.metrics, view.currency
    saved, share = metrics["saving"], metrics["saving_share"]
    members = words.plural(len(best.run.facts.community.names), "member")
    text = f"Together the {members} pay {words.money(metrics['total_cost'])} {currency}, "
    of = "" if math.isnan(share) else f" ({words.percent(abs(share))} of what their load alone would cost)"
    if saved >= 0:
        text += f"{words.money(saved)} {currency} less than each for itself{of}."
    else:
        text += f"{words.money(-saved)} {currency} more than each for itself{of}."
    reference = view.reference(best)
    if reference:
        alone = words.money(reference.run.metrics["total_cost"])
        text += f" Without sharing, the same tariff and dispatch costs {alone} {currency}."
    return text


def _cheapest(view: View, ranked: list[Line]) -> str:
    cheapest = min(ranked, key=lambda x: (x.run.metrics["total_cost"], x.row.rank))
    if len(ranked) == 1:
        return ""
    lowest = cheapest.run.metrics["total_cost"]
    same = [x for x in ranked if x.run.metrics["total_cost"] <= lowest + 1e-9 * (1 + abs(lowest))]
    if len(same) == len(ranked):
        return "All rules cost the community the same: they differ in who gets the saving."
    if ranked[0] in same:
        return "It is also the cheapest for the community as a whole."
    rules = words.listed([*dict.fromkeys(x.rule for x in same)])
    return (
        f"The cheapest for the community as a whole is the {cheapest.tariff} tariff with {cheapest.dispatch} dispatch: "
        f"{words.money(lowest)} {view.currency} under {rules}, at best rank {cheapest.row.rank}."
    )


def _unlucky(ranked: list[Line]) -> str:
    losing = [x for x in ranked if x.losing()]
    if not losing:
        return "No member loses in any of the ranked scenarios." if len(ranked) > 1 else ""
    rules = words.listed([*dict.fromkeys(x.rule for x in losing)])
    return f"Somebody pays more than alone in {len(losing)} of {len(ranked)} scenarios: under {rules}."


def operator(view: View) -> list[str]:
    """One sentence for each scenario in which money is left with the operator, or missing."""
    return [text for line in view.lines if (text := _till(line, view.currency))]


def _till(line: Line, currency: str) -> str:
    left, cost = line.run.metrics["operator_result"], line.run.metrics["total_cost"]
    if not abs(left) > 1e-6 * (1 + abs(cost)):
        return ""
    where = f"{words.sentence(line.rule)}, {line.setting},"
    if left > 0:
        return f"{where} leaves {words.money(left)} {currency} with the operator, its fees included."
    text = f"{where} collects {words.money(-left)} {currency} less than the grid charges: the operator's deficit."
    saved = line.run.metrics["saving"]
    if saved > 0:
        share = f"{100 * min(-left / saved, 1):.0f} %"
        text += f" Of the saving it seems to bring ({words.money(saved)} {currency}), {share} does not exist."
    return text


def asked(view: View) -> list[tuple[str, str]]:
    """What was asked, as names and values."""
    facts, run = view.first.run.facts.community, view.first.run
    with_pv = int((facts.pv_kwh > 1e-9).sum())
    lines = view.lines
    counts = [
        words.plural(len({getattr(x, part) for x in lines}), noun)
        for part, noun in (("tariff", "tariff"), ("rule", "mechanism"), ("dispatch", "dispatch"))
    ]
    who = [words.plural(len(facts.names), "member"), f"{with_pv} with PV", words.plural(len(facts.obliged), "device")]
    return [
        ("Community", ", ".join(who)),
        ("Time", words.span(facts)),
        ("Energy", f"load {words.number(facts.load_kwh.sum(), 0)} kWh, PV {words.number(facts.pv_kwh.sum(), 0)} kWh"),
        ("Compared", f"{words.plural(len(lines), 'scenario')}: {words.listed(counts)}"),
        ("Money", f"{view.currency}; what each member pays is compared with standing alone on its own contract"),
        ("Seed", str(run.scenario.seed)),
    ]
