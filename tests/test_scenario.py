"""Documents: closed, strict, the same in three formats, and with an identity of their own (§11)."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import ValidationError
from tests._communities import instances, make_community

from commonwatt import documents
from commonwatt.bidders import BIDDERS
from commonwatt.devices import DEVICES
from commonwatt.dispatch import DISPATCH
from commonwatt.errors import ContractError, ScenarioError
from commonwatt.forecasts import FORECASTS
from commonwatt.ledger import LEDGERS
from commonwatt.markets import MARKETS
from commonwatt.registry import Plugin
from commonwatt.regulators import REGULATORS
from commonwatt.scenario import Scenario, Study, load, presets, schema, validated
from commonwatt.simulate import simulate
from commonwatt.sources import SOURCES
from commonwatt.tariffs import TARIFFS
from commonwatt.tariffs.flat import Flat
from commonwatt.tariffs.series import Series

GOLDEN = Path(__file__).parent / "golden" / "schema.json"
UPDATE = "COMMONWATT_UPDATE_GOLDEN"
STAGES: dict[str, dict[str, Any]] = {
    "source": SOURCES, "tariff": TARIFFS, "dispatch": DISPATCH, "forecast": FORECASTS, "market": MARKETS,
    "regulator": REGULATORS, "ledger": LEDGERS,
}  # fmt: skip
DOCUMENT: dict[str, Any] = {
    "kind": "scenario",
    "name": "an example",
    "seed": 7,
    "tariff": {"kind": "time_of_use", "on_peak": 0.25, "working_days_only": True, "holidays": "DE-BY"},
    "devices": [{"kind": "battery", "capacity_kwh": [5.0, 10.0], "share": 0.5}],
    "market": {"kind": "bill_sharing", "scope": "period", "period": "day"},
    "pool": {"efficiency": 0.95, "fee_per_kwh": 0.01},
    "events": {"drawn_outages": 2, "maintenance": [{"start": 3, "stop": 9}]},
}


def written(folder: Path, text: str, name: str = "document.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str, name: str = "document.yaml") -> str:
    """What a user reads when a document is refused."""
    with pytest.raises(ScenarioError) as caught:
        load(written(folder, text, name))
    assert caught.value.exit_code == 2
    return str(caught.value)


def as_toml(data: dict[str, Any]) -> str:
    """Enough of TOML for a scenario."""

    def value(item: Any) -> str:
        if isinstance(item, dict):
            return "{" + ", ".join(f"{k} = {value(v)}" for k, v in item.items()) + "}"
        return "[" + ", ".join(map(value, item)) + "]" if isinstance(item, list) else json.dumps(item)

    return "\n".join(f"{key} = {value(item)}" for key, item in data.items())


# --- reading ---------------------------------------------------------------------------------------------------------


def test_yaml_json_and_toml_say_the_same(tmp_path: Path) -> None:
    texts = {"a.yaml": yaml.safe_dump(DOCUMENT), "a.yml": yaml.safe_dump(DOCUMENT), "a.json": json.dumps(DOCUMENT)}
    texts |= {"a.toml": as_toml(DOCUMENT), "A.JSON": json.dumps(DOCUMENT)}
    found = [load(written(tmp_path, text, name)) for name, text in texts.items()]
    assert all(document == found[0] for document in found)
    assert len({document.identity() for document in found if isinstance(document, Scenario)}) == 1


def test_a_document_survives_being_written() -> None:
    first = Scenario.model_validate(DOCUMENT)
    assert Scenario.model_validate_json(first.model_dump_json()) == first
    assert hash(Scenario.model_validate(first.model_dump(mode="json"))) == hash(first)


def test_an_empty_document_is_the_default_scenario(tmp_path: Path) -> None:
    assert load(written(tmp_path, "kind: scenario\n")) == Scenario()
    assert load(written(tmp_path, "seed: 0\n")) == Scenario()


def test_a_byte_order_mark_is_no_name(tmp_path: Path) -> None:
    path = tmp_path / "marked.yaml"
    path.write_bytes(b"\xef\xbb\xbfkind: scenario\nseed: 3\n")
    document = load(path)
    assert isinstance(document, Scenario)
    assert document.seed == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed: 1\nseed: 2\n", "line 2, column 1: seed stands there twice"),
        ("tariff: {kind: flat, buy: 1, buy: 2}\n", "buy stands there twice"),
        ("a: &x {kind: flat}\ntariff: *x\n", r"references (*) are refused"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n", r"references (*) are refused"),
        ("tariff: !!python/object/apply:os.system ['true']\n", "python/object"),
        ("- kind: scenario\n", "holds list, not names and values"),
        ("just text\n", "holds str, not names and values"),
        ("", "holds NoneType, not names and values"),
        ("seed: [1\n", "line 2"),
        ("12: 3\n", "12 is no name"),
        ("true: 3\n", "True is no name"),
        ("a: " + "[" * 60 + "]" * 60 + "\n", "nested deeper than 40 levels"),
        ("a: " + "{a: " * 60 + "1" + "}" * 60 + "\n", "nested deeper than 40 levels"),
        ("tariff: {kind: flat, buy: .nan}\n", "tariff.buy"),
        ("tariff: {kind: flat, buy: .inf}\n", "tariff.buy"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_yaml_is_read_strictly(tmp_path: Path, text: str, says: str) -> None:
    assert says in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"seed": 1, "seed": 2}', "seed stands there twice"),
        ('{"tariff": {"kind": "flat", "buy": NaN}}', "NaN (§11"),
        ('{"tariff": {"kind": "flat", "buy": -Infinity}}', "-Infinity (§11"),
        ('{"tariff": {"kind": "flat", "buy": 1e999}}', "tariff.buy"),
        ("[1, 2]", "holds list"),
        ("3", "holds int"),
        ("{", "line 1"),
        ('{"a": ' + "[" * 60 + "]" * 60 + "}", "nested deeper than 40 levels"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "document.json"),
        ('{"name": "\\ud800"}', "half a character"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_json_is_read_strictly(tmp_path: Path, text: str, says: str) -> None:
    assert says in refused(tmp_path, text, "document.json")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed = 1\nseed = 2\n", "document.toml"),
        ("[tariff]\nkind = 'flat'\nbuy = nan\n", "tariff.buy"),
        ("[tariff]\nkind = 'flat'\nbuy = inf\n", "tariff.buy"),
        ("seed = \n", "line 1"),
    ],
)
def test_toml_is_read_strictly(tmp_path: Path, text: str, says: str) -> None:
    assert says in refused(tmp_path, text, "document.toml")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"presets are .*settlement_comparison"):
        load(tmp_path / "nowhere.yaml")
    with pytest.raises(ScenarioError, match="did you mean settlement_comparison"):
        load("settlement_comparisn")
    with pytest.raises(ScenarioError):
        load(tmp_path)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: Zürich\n".encode("latin-1"))
    with pytest.raises(ScenarioError, match=r"byte 7 is not UTF-8; save the file as UTF-8"):
        load(path)


def test_what_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("# " + "x" * documents.LARGEST + "\n")
    with pytest.raises(ScenarioError, match="a document has at most 4 MiB"):
        load(path)


# --- closed documents ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tarif: {kind: flat}\n", ["tarif: unknown parameter", "did you mean tariff?"]),
        ("tariff: {kind: flat, bye: 1}\n", ["unknown parameter", "did you mean buy?"]),
        ("tariff: {kind: flatt}\n", ["tariff.kind = 'flatt': unknown plug-in", "did you mean flat?", "time_of_use"]),
        ("market: {kind: mid_market}\n", ["market.kind", "did you mean mid_market_rate?"]),
        ("devices: [{kind: batery}]\n", ["devices", "batery"]),
        ("devices: [{kind: battery, capacity: [3]}]\n", ["did you mean capacity_kwh?"]),
        ("pool: {eficiency: 0.9}\n", ["pool.eficiency: unknown parameter", "did you mean efficiency?"]),
        ("events: {drawn_outage: 1}\n", ["events.drawn_outage: unknown parameter", "did you mean drawn_outages?"]),
        ("tariff: {buy: 1}\n", ["tariff", "add `kind:`"]),
        ("tariff: flat\n", ["tariff"]),
        ("seed: -1\n", ["seed = -1: input should be greater than or equal to 0"]),
        ("seed: many\n", ["seed = 'many'"]),
        ("currency: euro\n", ["currency = 'euro'"]),
        ("version: 2\n", ["version = 2"]),
        ("kind: poem\n", ["poem"]),
        ("pool: {efficiency: 0}\n", ["pool.efficiency = 0", "greater than 0"]),
        ("pool: {efficiency: 1.2}\n", ["pool.efficiency = 1.2"]),
        ("market: {kind: pool, spread: 2}\n", ["spread = 2"]),
        ("tariff: {kind: time_of_use, holidays: bavaria}\n", ["holidays = 'bavaria'"]),
        ("name: [1, 2]\n", ["name = [1, 2]"]),
        ("source: {kind: synthetic, members: -3}\n", ["source.members = -3", "; write a number above 0"]),
        ("source: {kind: synthetic, slot_minutes: 7}\n", ["source.slot_minutes = 7: does not divide a day"]),
        ("source: {kind: synthetic, pv_min_kwp: 9}\n", ["source.pv_min_kwp = 9.0 (a smallest size"]),
        ("pool: {fee_payee: oprator}\n", ["pool.fee_payee = 'oprator'", "did you mean operator?"]),
        ("devices: [{kind: battery, share: 2}]\n", ["devices[0].share = 2", "; write a number of at most 1"]),
        ("events: {outages: [{devise: pv}]}\n", ["events.outages[0].devise", "did you mean device?"]),
    ],
    ids=lambda value: value.strip()[:40] if isinstance(value, str) else "",
)
def test_a_document_is_closed_and_says_what_is_wrong(tmp_path: Path, text: str, says: list[str]) -> None:
    screen = refused(tmp_path, text)
    assert [part for part in says if part not in screen] == []
    assert "document.yaml" in screen
    assert "pydantic" not in screen


def test_all_mistakes_are_shown_at_once(tmp_path: Path) -> None:
    text = "seed: -1\ncurrency: x\ntariff: {kind: flat, bye: 1}\nmarket: {kind: nobody}\n"
    screen = refused(tmp_path, text).splitlines()
    assert len(screen) == 4
    assert all(line.startswith("document.yaml: ") for line in screen)


def test_settings_do_not_change() -> None:
    document = Scenario()
    with pytest.raises(ValidationError):
        document.seed = 3  # type: ignore[misc]


# --- studies ---------------------------------------------------------------------------------------------------------


def test_a_study_makes_scenarios_of_whole_parts() -> None:
    study = Study(
        base=Scenario(seed=5),
        variants={"plain": {}, "dear": {"tariff": {"kind": "flat", "buy": 0.5}}},
        axes={"market": ({"kind": "none"}, {"kind": "pool", "spread": 0.2})},
    )
    found = study.scenarios()
    assert list(found) == ["plain / none", "plain / pool(spread=0.2)", "dear / none", "dear / pool(spread=0.2)"]
    assert all(document.seed == 5 for document in found.values())
    assert found["dear / none"].tariff == Flat(buy=0.5)
    assert len({document.identity() for document in found.values()}) == 4


def test_a_study_without_variants_is_its_base() -> None:
    assert list(Study(base=Scenario(seed=3)).scenarios().values()) == [Scenario(seed=3, name="base")]


def test_a_wrong_variant_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"^variants\.dear\.tariff\.bye: unknown parameter .*did you mean buy\?$"):
        validated({"variants": {"dear": {"tariff": {"kind": "flat", "bye": 0.5}}}}, Study)


def test_what_is_wrong_in_an_axis_names_document_and_place(tmp_path: Path) -> None:
    text = "kind: study\naxes: {tarif: [{kind: flat}], market: [{kind: none}, {kind: poool}, {kind: none}]}\n"
    lines = refused(tmp_path, text).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["document.yaml"] * 3
    assert "axes.tarif: unknown parameter (documents are closed); did you mean tariff?" in lines[0]
    assert "axes.market[1].kind = 'poool': unknown plug-in; did you mean pool?" in lines[1]
    assert "axes.market[2] = {'kind': 'none'}: the same as market[0]" in lines[2]


@pytest.mark.parametrize("name", presets())
def test_presets_are_sound(name: str) -> None:
    document = load(name)
    found = document.scenarios().values() if isinstance(document, Study) else [document]
    assert all(isinstance(scenario, Scenario) for scenario in found)
    assert document.name == name


# --- identity --------------------------------------------------------------------------------------------------------


def test_identity_ignores_what_is_for_people() -> None:
    first = Scenario(name="a", notes="b")
    assert first.identity() == Scenario(name="c", notes="d").identity() == Scenario().identity()


def test_identity_does_not_depend_on_what_is_written_out() -> None:
    """Defaults filled in, in any order."""
    full = Scenario().model_dump(mode="json")
    backwards = dict(reversed(list(full.items())))
    assert Scenario.model_validate(backwards).identity() == Scenario().identity()


CHANGES: dict[str, dict[str, Any]] = {
    "seed": {"seed": 1}, "draw": {"draw": 1}, "currency": {"currency": "INR"}, "strict": {"strict_prices": True},
    "pool": {"pool": {"efficiency": 0.9}}, "events": {"events": {"drawn_outages": 1}},
    "devices": {"devices": [{"kind": "battery"}]}, "source": {"source": {"kind": "synthetic", "members": 11}},
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_identity_changes_with_what_matters(what: str) -> None:
    assert Scenario.model_validate(CHANGES[what]).identity() != Scenario().identity()


def test_every_plugin_has_an_identity_of_its_own() -> None:
    seen: dict[str, str] = {}
    for stage, registry in STAGES.items():
        for label, plugin in instances(registry):
            if plugin.inputs() or plugin == getattr(Scenario(), stage):
                continue
            identity = Scenario(**{stage: plugin}).identity()
            assert identity not in seen, f"{label} is like {seen.get(identity)}"
            seen[identity] = label
    assert Scenario().identity() not in seen


def test_identity_knows_what_a_file_holds_not_where_it_lies(tmp_path: Path) -> None:
    identities = []
    for name, text in (("a.csv", "time\n1\n"), ("b.csv", "time\n1\n"), ("c.csv", "time\n2\n")):
        (tmp_path / name[0]).mkdir()
        path = tmp_path / name[0] / "prices.csv"
        path.write_text(text)
        identities.append(Scenario(tariff=Series(file=path)).identity())
    assert identities[0] == identities[1] != identities[2]


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"^street: tariff\.file = .*gone\.csv: no such file .*; correct the path$"):
        Scenario(name="street", tariff=Series(file=tmp_path / "gone.csv")).identity()


def test_paths_start_at_the_document(tmp_path: Path) -> None:
    written(tmp_path, "time\n", "prices.csv")
    document = load(written(tmp_path, "tariff: {kind: series, file: prices.csv}\n"))
    assert isinstance(document, Scenario)
    assert document.tariff == Series(file=(tmp_path / "prices.csv").resolve())


def test_the_parts_of_a_scenario_are_its_plugins() -> None:
    kinds = [part.kind for part in Scenario.model_validate(DOCUMENT).parts()]  # type: ignore[attr-defined]
    assert kinds == ["synthetic", "battery", "time_of_use", "passive", "perfect", "bill_sharing", "none", "none"]


# --- schema ----------------------------------------------------------------------------------------------------------


def classes() -> list[type[Plugin]]:
    return [cls for registry in (*STAGES.values(), DEVICES, BIDDERS) for cls in registry.values()]


def test_the_schema_knows_every_plugin_and_field() -> None:
    known = schema()["$defs"]
    for cls in classes():
        assert cls.__name__ in known
        described = known[cls.__name__]
        assert described["properties"].keys() == cls.model_fields.keys()
        assert described["additionalProperties"] is False
        undescribed = [name for name, field in described["properties"].items() if "description" not in field]
        assert undescribed == ["kind"]


def test_no_two_plugins_share_a_class_name() -> None:
    names = [cls.__name__ for cls in classes()]
    assert len(set(names)) == len(names)


def plain(value: Any) -> Any:
    """Without what only the way of writing decides."""
    return json.loads(json.dumps(value, sort_keys=True))


def test_the_schema_is_the_one_agreed_on() -> None:
    """A change of documents shows here, in the same commit."""
    now = copy.deepcopy(plain(schema()))
    if os.environ.get(UPDATE):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(now, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    assert GOLDEN.is_file(), f"no {GOLDEN.name}; write it: {UPDATE}=1 python -m pytest tests/test_scenario.py"
    agreed = json.loads(GOLDEN.read_text(encoding="utf-8"))
    parts = sorted(set(now["$defs"]) | set(agreed["$defs"]))
    differing = [part for part in parts if now["$defs"].get(part) != agreed["$defs"].get(part)]
    hint = f"if that is meant, write it anew: {UPDATE}=1 python -m pytest tests/test_scenario.py -k schema"
    assert differing == [], f"documents have changed in {', '.join(differing)}; {hint}"
    assert now == agreed, hint


@pytest.mark.parametrize(("part", "verb", "noun"), [
    ("dispatch", "plan", "Schedule"), ("market", "clear", "Clearing"), ("regulator", "review", "Ruling"),
])  # fmt: skip
def test_a_part_that_returns_nothing_is_named(monkeypatch, part, verb, noun):
    document = Scenario()
    monkeypatch.setattr(type(getattr(document, part)), verb, lambda *_: None)
    with pytest.raises(ContractError, match=f"gave NoneType, not {noun}"):
        next(simulate(document))


# --- drawn scenarios --------------------------------------------------------------------------------------------------

DRAWN: dict[str, Any] = {
    "scenarios": 6,
    "cycle": {"tariff": [{"kind": "time_of_use"}, {"kind": "real_time"}]},
    "ranges": {"tariff.export_ratio": [0.2, 0.6], "tariff.volatility": [0.05, 0.2], "market.spread": [0.3, 0.7]},
}
AXES = {"market": [{"kind": "none"}, {"kind": "pool"}]}


def drawing(**changes: Any) -> Study:
    return Study.model_validate({"axes": AXES, "drawn": {**DRAWN, **changes}})


def test_drawn_scenarios_take_choices_in_turn_and_parameters_from_ranges() -> None:
    scenarios = drawing().scenarios()
    assert list(scenarios)[:3] == ["001 / time_of_use / none", "001 / time_of_use / pool", "002 / real_time / none"]
    assert len(scenarios) == 12
    for name, one in scenarios.items():
        assert one.tariff.kind == ("real_time" if int(name[:3]) % 2 == 0 else "time_of_use")
        assert 0.2 <= one.tariff.export_ratio <= 0.6
        assert one.draw == int(name[:3])
    ratios = {one.tariff.export_ratio for one in scenarios.values()}
    assert len(ratios) == 6, "one draw for each scenario, the same along the axes"
    assert all(0.05 <= one.tariff.volatility <= 0.2 for one in scenarios.values() if one.tariff.kind == "real_time")
    assert all(0.3 <= one.market.spread <= 0.7 for one in scenarios.values() if one.market.kind == "pool")


def test_more_drawn_scenarios_change_no_earlier_one_and_another_seed_changes_all() -> None:
    few, many = drawing(scenarios=2).scenarios(), drawing().scenarios()
    assert all(many[name] == one for name, one in few.items())
    other = Study.model_validate({"base": {"seed": 9}, "axes": AXES, "drawn": DRAWN}).scenarios()
    assert all(other[name].tariff != one.tariff for name, one in many.items())


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"ranges": {"tariff.export_ration": [0, 1]}}, "drawn.ranges.tariff.export_ration"),
        ({"ranges": {"tarif.export_ratio": [0, 1]}}, "a scenario has no such part"),
        ({"ranges": {"tariff.export_ratio": [0.6, 0.2]}}, "runs from 0.6 down to 0.2"),
        ({"ranges": {"export_ratio": [0.2, 0.6]}}, "names no parameter"),
        ({"cycle": {"tariff": [{"kind": "flatt"}]}}, "flatt"),
        ({"scenarios": 0}, "drawn.scenarios"),
    ],
)
def test_what_cannot_be_drawn_is_named(part: dict[str, Any], says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        validated({"kind": "study", "drawn": {**DRAWN, **part}}, Study, where="x")


def test_a_study_lists_its_scenarios_or_draws_them() -> None:
    with pytest.raises(ScenarioError, match="take one of them"):
        validated({"kind": "study", "variants": {"a": {}}, "drawn": DRAWN}, Study, where="x")


def test_a_level_multiplies_every_price() -> None:
    low, high = (Scenario(tariff=Flat(buy=0.2, level=level)).prices(make_community(0, slots=4)) for level in (1.0, 1.5))
    for name in ("buy", "sell", "coupling_buy", "coupling_sell"):
        np.testing.assert_allclose(getattr(high, name), 1.5 * getattr(low, name))
