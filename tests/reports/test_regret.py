"""Where regret is asked, the answer names who came closest to perfect foresight without having it."""

from __future__ import annotations

from commonwatt.reports.html import html_page
from commonwatt.scenario import Study
from commonwatt.studies import run_study

PLANNED = {"kind": "community_optimal", "prediction": 12, "commit": 12}


def test_the_least_regret_is_named_and_an_oracle_is_not_praised() -> None:
    study = Study.model_validate({
        "base": {"source": {"kind": "sample", "members": 3, "slots": 24}, "market": {"kind": "pool"}, "regret": True},
        "variants": {
            "rule": {"dispatch": {"kind": "self_consumption"}},
            "yesterday": {"dispatch": PLANNED, "forecast": {"kind": "persistence"}},
            "sight": {"dispatch": PLANNED},
        },
    })  # fmt: skip
    found = run_study(study)
    regrets = {name: run.metrics["regret"] for name, run in found.runs.items() if name != "sight"}
    least = min(regrets, key=regrets.__getitem__)
    page = html_page(found)
    assert f"Of those that do not know the future, {least} has the least regret" in page
    assert ("Sight knows the future." in page) == (found.rows[0].name == "sight")
