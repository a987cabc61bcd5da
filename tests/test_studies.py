"""Studies: many runs on one community, ranked within each world, kept whole."""

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from tests._command import STUDY, call, refused
from tests.sources import test_citylearn

import commonwatt as cw
from commonwatt.errors import AuditError, DataError, ScenarioError
from commonwatt.scenario import Scenario, Study, load, validated
from commonwatt.store import verify
from commonwatt.studies import on_community, sized
from commonwatt.studies.benchmark import as_study, run_folder


@pytest.fixture(scope="module")
def default():
    """The default benchmark, of a day."""
    return cw.benchmark(slots=96)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "few.yaml").write_text(STUDY)
    return tmp_path


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# --- the default ------------------------------------------------------------------------------------------------------


def test_the_default_benchmark_is_that_of_the_conventions():
    scenarios = load("benchmark").scenarios()
    assert len(scenarios) == 60
    parts = [{getattr(s, part).kind for s in scenarios.values()} for part in ("tariff", "market", "dispatch")]
    assert parts == [
        {"flat", "time_of_use", "critical_peak", "real_time", "emergency"},
        {"none", "mid_market_rate", "bill_sharing", "pool", "supply_demand_ratio", "core_price"},
        {"passive", "self_consumption"},
    ]
    source = next(iter(scenarios.values())).source
    assert (source.kind, source.members, source.days) == ("synthetic", 10, 7)
    assert len({json.dumps(s.source.model_dump(mode="json")) for s in scenarios.values()}) == 1


def test_the_default_benchmark_ranks_50_and_refers_to_10(default):
    assert default.worlds == ("one_meter",)
    assert [row.rank for row in default.rows] == [*range(1, 51), *[None] * 10]
    assert {row.market for row in default.rows if row.rank is None} == {"none"}
    assert default.audit_line.startswith("audit: 60 of 60 runs close, ")


def test_ranking_is_by_losers_then_fairness_then_cost(default):
    ranked = default.ranked("one_meter")
    metrics = [row.run.metrics for row in ranked]
    keys = [(m["losers"], -round(m["fairness"], 9), m["total_cost"]) for m in metrics]
    assert keys == sorted(keys)
    assert len({key[0] for key in keys}) > 1


def test_a_fairness_without_meaning_comes_last(default):
    runs = dict(default.runs)
    best = default.rows[0].name
    worse = replace(runs[best])
    worse.__dict__["metrics"] = {**runs[best].metrics, "fairness": math.nan}
    again = replace(default, runs={**runs, best: worse})
    same = [r for r in again.ranked("one_meter") if r.run.metrics["losers"] == worse.metrics["losers"]]
    assert same[-1].name == best


def test_what_a_notebook_gets(default):
    frame = default.frame()
    assert len(frame) == 60
    assert {"rank", "tariff", "market", "dispatch", "world", "total_cost", "losers", "fairness", "id"} <= set(frame)
    assert (frame["world"] != "").all()
    members = default.rows[0].run.frame()
    assert members.shape[0] == 10
    assert members["saving"].sum() == pytest.approx(frame["saving"][0])


# --- worlds, variants, axes -------------------------------------------------------------------------------------------


def test_worlds_are_ranked_on_their_own(home):
    results = cw.benchmark(home / "few.yaml")
    assert results.worlds == ("one_meter", "own_meters")
    assert [(r.world, r.rank) for r in results.rows] == [
        ("one_meter", 1), ("one_meter", 2), ("own_meters", 1), ("own_meters", 2), ("both", None), ("both", None),
    ]  # fmt: skip


def test_every_combination_of_variants_and_axes():
    study = Study(
        base=Scenario(source={"kind": "sample", "members": 3, "slots": 24}),
        variants={"calm": {}, "busy": {"dispatch": {"kind": "self_consumption"}}},
        axes={"market": [{"kind": "none"}, {"kind": "pool", "spread": 0.3}]},
    )
    pool = "pool(spread=0.3)"
    assert list(study.scenarios()) == ["calm / none", f"calm / {pool}", "busy / none", f"busy / {pool}"]
    results = cw.studies.run_study(study)
    assert [s.dispatch.kind for s in (run.scenario for run in results.runs.values())] == ["passive"] * 2 + [
        "self_consumption"
    ] * 2


def test_a_study_builds_its_community_once(monkeypatch):
    built = []
    real = Scenario.community
    monkeypatch.setattr(Scenario, "community", lambda self: built.append(1) or real(self))
    source = {"kind": "sample", "members": 3, "slots": 24}
    axes = {"market": [{"kind": "none"}, {"kind": "pool"}]}
    study = Study(base=Scenario(source=source), variants={"a": {"seed": 1}, "b": {"seed": 2}}, axes=axes)
    cw.studies.run_study(study)
    assert len(built) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"axes": {"market": []}}, "axes: one has no choices"),
        ({"axes": {"market": [{"kind": "poll"}]}}, "axes.market[0].kind = 'poll': unknown plug-in; did you mean pool?"),
        ({"axes": {"tarif": [{"kind": "flat"}]}}, "axes.tarif: unknown parameter (documents are closed); did you"),
        ({"axes": {"market": [{"kind": "pool"}] * 2}}, "axes.market[1] = {'kind': 'pool'}: the same as market[0] (e"),
        ({"variants": {"odd": {"tarif": {}}}}, "variants.odd.tarif: unknown parameter (documents are closed); did you"),
    ],
)
def test_a_study_that_cannot_be_is_refused(change, said):
    with pytest.raises(ScenarioError) as caught:
        cw.studies.run_study(validated({"kind": "study", **change}, Study))
    assert said in str(caught.value)


@pytest.mark.parametrize("kind", [AuditError, DataError])
def test_what_is_wrong_in_a_study_names_the_scenario(monkeypatch, kind):
    def wrong(*_, **__):
        raise kind("E1 broken")

    monkeypatch.setattr(Scenario, "prices", wrong)
    with pytest.raises(kind, match=r"^flat / none / passive: E1 broken$"):
        cw.benchmark(slots=96)


# --- on which community -----------------------------------------------------------------------------------------------


def write_community(kind, path):
    if kind == "own":
        call("data", "make", "--source", "sample", "--members", 3, "--slots", 24, "--output", path, cwd=path.parent)
    elif kind == "s0":
        path.mkdir()
        for name in ("load", "pv"):
            rows = ["id,0,1,2,3", "a,1,1,1,1", "b,2,0,2,0"]
            (path / f"{name}_profiles.csv").write_text("\n".join(rows))
    else:
        path.mkdir()
        test_citylearn.write(path)
    return path


SHAPES = {"own": (24, 3), "s0": (4, 2), "citylearn": (test_citylearn.HOURS, 2)}


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("file", [False, True], ids=["folder", "file"])
def test_the_benchmark_runs_on_a_community_of_any_form(home, kind, file):
    path = write_community(kind, home / "homes")
    if file:
        path = path / ("schema.json" if kind == "citylearn" else "load_profiles.csv")
    answer = call("benchmark", "few.yaml", "--community", path, "--json", "--output", "out", cwd=home)
    assert answer.code == 0, answer.err
    assert {len(run["members"]) for run in answer.data["runs"].values()} == {SHAPES[kind][1]}


def test_the_benchmark_runs_on_a_scenarios_community(home):
    (home / "homes.yaml").write_text("seed: 9\nsource: {kind: sample, members: 2, slots: 12}\nmarket: {kind: pool}\n")
    study = on_community(as_study(load(home / "few.yaml")), home / "homes.yaml")
    assert (study.base.seed, study.base.source.members) == (9, 2)
    assert study.base.market.kind == "none"


def test_a_folder_without_a_community_is_refused(home):
    (home / "empty").mkdir()
    refused(call("benchmark", "--community", "empty", cwd=home), "empty: holds no file of a community")
    refused(call("benchmark", "--community", "gone", cwd=home), "gone: is neither a folder nor a file")


@pytest.mark.parametrize(
    ("study", "members", "slots", "shape"),
    [("tariff_benchmark", 4, 48, (48, 4)), ("benchmark", 3, 192, (192, 3)), ("benchmark", None, None, (672, 10))],
)
def test_sizes_on_request(study, members, slots, shape):
    assert sized(load(study), members, slots).base.community().shape == shape


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["benchmark", "--slots", 100], "--slots = 100: source synthetic makes whole days (§1); take a multiple of 96"),
        (["benchmark", "settlement_comparison", "--members", 3], "--members: source settlement_comparison has a size"),
        (["data", "make", "--source", "folder"], "--source = 'folder': reads files and generates nothing"),
        (["data", "make", "--source", "synthetik"], "--source = 'synthetik': unknown"),
        (["data", "make", "--table", "xlsx"], "--table = 'xlsx': unknown (§16); take csv or parquet"),
        (["data", "make", "--output", "a.csv"], "a.csv: has a suffix"),
    ],
)
def test_sizes_and_forms_that_cannot_be(tmp_path, words, said):
    refused(call(*words, cwd=tmp_path), said)
    assert list(tmp_path.iterdir()) == []


def test_the_size_of_a_folder_cannot_be_asked_for(home):
    path = write_community("own", home / "homes")
    answer = call("benchmark", "--community", path, "--members", 2, "--slots", 4, cwd=home)
    refused(answer, "--members and --slots: source folder has a size of its own")


# --- what is written --------------------------------------------------------------------------------------------------


def test_a_study_is_a_folder(home):
    assert call("benchmark", "few.yaml", "--output", "out", cwd=home).code == 0
    names = sorted(path.name for path in (home / "out").iterdir())
    assert names == ["manifest.json", "members.csv", "ranking.csv", "report.html", "summary.json"]
    ranking = rows_of(home / "out" / "ranking.csv")
    assert [row["world"] for row in ranking] == ["one_meter"] * 2 + ["own_meters"] * 2 + ["both"] * 2
    assert len(rows_of(home / "out" / "members.csv")) == 6 * 4
    summary = json.loads((home / "out" / "summary.json").read_text())
    assert [row["scenario"] for row in summary["ranking"]] == [row["scenario"] for row in ranking]


def test_a_study_comes_again_from_its_manifest_with_the_same_bytes(home):
    call("benchmark", "few.yaml", "--output", "first", cwd=home)
    call("run", "first", "--output", "second", cwd=home)
    files = [{p.name: p.read_bytes() for p in (home / name).iterdir()} for name in ("first", "second")]
    assert files[0] == files[1]


def test_series_keep_runs_that_verify(home):
    assert call("benchmark", "few.yaml", "--series", "--output", "out", cwd=home).code == 0
    folders = sorted((home / "out" / "runs").iterdir())
    assert [f.name for f in folders][:2] == ["001-flat-none", "002-flat-mid_market_rate"]
    assert all(verify(folder).holds for folder in folders)
    answer = call("run", "--verify", "out", "--json", cwd=home)
    assert answer.data["holds"]
    assert len(answer.data["audits"]) == 6
    (folders[3] / "summary.csv").write_text("spoilt")
    refused(call("run", "--verify", "out", cwd=home), "runs/004-time_of_use-none/summary.csv: has changed")


def test_series_are_computed_where_only_tables_were_kept(home):
    call("benchmark", "few.yaml", "--output", "out", cwd=home)
    told = call("run", "--verify", "out", cwd=home)
    assert (told.code, "no series kept" in told.out) == (0, True)
    call("benchmark", "few.yaml", "--series", "--output", "out", cwd=home)
    assert len(list((home / "out" / "runs").iterdir())) == 6
    assert "found in out" in call("benchmark", "few.yaml", "--output", "out", cwd=home).out


def test_any_change_in_a_study_is_found(home):
    call("benchmark", "few.yaml", "--output", "out", cwd=home)
    for path in sorted((home / "out").iterdir()):
        whole = path.read_bytes()
        path.write_bytes(whole.replace(b"1", b"2", 1))
        refused(call("run", "--verify", "out", cwd=home), path.name, "restore it, or compute again with --force")
        path.write_bytes(whole)
    assert call("run", "--verify", "out", cwd=home).code == 0


@pytest.mark.parametrize("what", ["few.yaml", "one.yaml"])
@pytest.mark.parametrize("suffix", [".json", ".csv", ".html", ".JSON"])
def test_a_suffix_means_one_file(home, what, suffix):
    (home / "one.yaml").write_text("source: {kind: sample, members: 4, slots: 24}\nmarket: {kind: pool}\n")
    words = ("benchmark" if what == "few.yaml" else "run", what, "--output", f"new/x{suffix}")
    answer = call(*words, cwd=home)
    assert answer.code == 0, answer.err
    path = home / "new" / f"x{suffix}"
    text = path.read_text()
    if suffix.lower() == ".json":
        assert json.loads(text)["currency"] == "EUR"
    elif suffix == ".csv":
        assert len(rows_of(path)) == (6 if what == "few.yaml" else 4)
    else:
        assert "<html" in text
    refused(call(*words, cwd=home), "exists (§16)", "--force")
    assert call(*words, "--force", cwd=home).code == 0
    assert sorted(p.name for p in home.iterdir()) == ["few.yaml", "new", "one.yaml"]


@pytest.mark.parametrize("word", ["=1+1", "+cmd", "-2", "@sum", "\tx"])
def test_no_cell_is_a_formula(tmp_path, word):
    base = {"source": {"kind": "sample", "members": 2, "slots": 8}}
    document = {"kind": "study", "base": base, "variants": {word: {}}}
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert call("run", "a.json", "--output", "x.csv", cwd=tmp_path).code == 0
    assert rows_of(tmp_path / "x.csv")[0]["scenario"] == "'" + word


def test_runs_whose_names_look_alike_keep_folders_of_their_own():
    assert run_folder(0, "a/b") != run_folder(1, "a b")
    assert len(run_folder(7, "x" * 500)) < 100


def test_unknown_exports_are_refused_before_any_work(home):
    (home / "few.yaml").write_text(STUDY + "exports: [weekly]\n")
    refused(call("run", "few.yaml", cwd=home), "exports = weekly: unknown", "daily")


def test_s1_writes_its_own_table(tmp_path):
    answer = call("run", "settlement_comparison", "--output", "out", cwd=tmp_path)
    assert answer.code == 0
    lines = (tmp_path / "out" / "daily.csv").read_text().splitlines()
    assert lines[0] == "day,avg_load_kWh_per_house,avg_pv_kWh_per_prosumer,bill_conv_Rs,bill_mmr_Rs,bill_bs_Rs"
    assert len(lines) == 31
    sums = np.array([[float(cell) for cell in line.split(",")[3:]] for line in lines[1:]]).sum(axis=0)
    assert [round(total, 2) for total in sums.tolist()] == [7010.37, 6491.37, 6572.98]


# --- prices as arrays -------------------------------------------------------------------------------------------------


def test_prices_in_a_run_out():
    buy, sell = [0.3, 0.2, 0.4, 0.3] * 6, [0.1] * 24
    run = cw.run_prices(buy, sell, [0.2] * 24, name="mine")
    assert run.verdict.holds
    assert run.scenario.name == "mine"
    assert run.scenario.market.price == "signal"
    alone = cw.run_prices(np.array(buy), np.array(sell), with_p2p=False)
    assert alone.metrics["saving"] == 0
    assert alone.metrics["total_cost"] == pytest.approx(run.facts.alone.by_member["bill_money"].sum())
    assert cw.run_prices(buy, sell).metrics["saving"] >= -1e-9


def test_prices_on_another_community():
    scenario = Scenario(source={"kind": "sample", "members": 3, "slots": 4})
    assert len(cw.run_prices([0.3] * 4, scenario=scenario).members()) == 3
    with pytest.raises(ScenarioError, match=r"5 values for 4 slots \(§2: one per slot\)"):
        cw.run_prices([0.3] * 5, scenario=scenario)


def test_a_community_price_outside_the_band_is_refused():
    inner = [0.2] * 24
    inner[12], inner[13] = 0.5, 0.05
    with pytest.raises(ScenarioError, match=r"community price 0.5 in slot 12 lies outside 0.1 to 0.3 .* slots 12, 13"):
        cw.run_prices([0.3] * 24, [0.1] * 24, inner)


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ([], "import_prices: empty"),
        ([0.1, math.nan], "finite number"),
        ([0.1, "a"], "valid number"),
        (0.3, r"shape \(\)"),
        ([[0.1]], r"shape \(1, 1\)"),
    ],
)
def test_prices_that_are_none_are_refused(prices, said):
    with pytest.raises(ScenarioError, match=said):
        cw.run_prices(prices)


def test_scenarios_behind_other_limits_are_other_communities():
    """Limits belong to a community: a study may vary them."""
    base = {"source": {"kind": "sample", "members": 3, "slots": 24}}
    study = Study.model_validate({"base": base, "axes": {"limits": [{}, {"import_cap_kw": 0.0}]}})
    unserved = [run.metrics["unserved"] for run in cw.benchmark(study).runs.values()]
    assert unserved[0] == 0
    assert unserved[1] > 0
