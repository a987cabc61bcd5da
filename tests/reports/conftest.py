"""Small studies whose pages are looked at."""

from dataclasses import replace

import pytest

from commonwatt.scenario import Study, load, validated
from commonwatt.studies import Results, run_study

MARKETS = ("none", "mid_market_rate", "bill_sharing", "supply_demand_ratio", "pool_prorata")


def study(name="small", members=5, days=2, tariffs=("flat", "time_of_use"), markets=MARKETS):
    document = {
        "kind": "study",
        "name": name,
        "base": {
            "source": {"kind": "community_p2p", "members": members, "days": days},
            "devices": [{"kind": "battery", "share": 0.6}],
        },
        "axes": {
            "tariff": [{"kind": kind} for kind in tariffs],
            "market": [{"kind": kind} for kind in markets],
            "dispatch": [{"kind": "passive"}, {"kind": "self_consumption"}],
        },
    }
    return validated(document, Study)


@pytest.fixture(scope="session")
def make():
    """Runs a small study; parameters as `study` above."""
    return lambda **parts: run_study(study(**parts))


@pytest.fixture(scope="session")
def small(make) -> Results:
    """Two tariffs, five mechanisms of both worlds, two ways to run batteries."""
    return make()


@pytest.fixture(scope="session")
def settlement() -> Results:
    """S1."""
    return run_study(load("settlement_comparison"))


@pytest.fixture(scope="session")
def renamed():
    """The same results with members called as told."""

    def rename(results: Results, names: tuple[str, ...]) -> Results:
        runs = {}
        for key, run in results.runs.items():
            community = replace(run.facts.community, names=names)
            runs[key] = replace(run, facts=replace(run.facts, community=community))
        return replace(results, runs=runs)

    return rename
