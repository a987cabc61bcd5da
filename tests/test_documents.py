"""Documents: read strictly, the same in every form; what is wrong is named with its place."""

import json

import pytest

from commonwatt import documents
from commonwatt.errors import ScenarioError
from commonwatt.scenario import Scenario, Study, load, presets

TEXTS = {
    "yaml": "name: a\nseed: 3\nsource: {kind: sample, members: 2, slots: 4}\n",
    "json": '{"name": "a", "seed": 3, "source": {"kind": "sample", "members": 2, "slots": 4}}',
    "toml": 'name = "a"\nseed = 3\n[source]\nkind = "sample"\nmembers = 2\nslots = 4\n',
}


@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte_order_mark"])
def test_a_document_is_the_same_in_every_form(tmp_path, form, mark):
    if mark and form == "toml":
        mark = ""
    path = tmp_path / f"a.{form}"
    path.write_text(mark + TEXTS[form], encoding="utf-8")
    document = load(path)
    assert isinstance(document, Scenario)
    assert document == load_again(tmp_path, document)
    assert (document.name, document.seed, document.source.members) == ("a", 3, 2)


def load_again(folder, document):
    path = folder / "again.json"
    path.write_text(document.model_dump_json(serialize_as_any=True))
    return load(path)


@pytest.mark.parametrize("name", presets())
def test_presets_are_documents(name):
    assert isinstance(load(name), Scenario | Study)


BAD = {
    "a.yaml": [
        ("seed: 1\nseed: 2\n", "line 2, column 1: seed stands there twice"),
        ("a: &x 1\nb: *x\n", "references (*) are refused"),
        ("1: a\n", "1 is no name; write it in quotes"),
        ("? [a]\n: b\n", "is no name"),
        ("on: 1\n", "True is no name"),
        ("seed: [1\n", "line 2, column 1"),
        ("!!python/object/apply:os.system [true]\n", "could not determine a constructor"),
        ("- 1\n", "holds list, not names and values"),
        ("", "holds NoneType"),
        ("seed: \x00\n", "special characters are not allowed"),
        ('name: "\\ud800"\n', "half a character"),
        ("[" * 3000, "correct the file"),
        ("name: " + "9" * 5000 + "\n", "correct the file"),
    ],
    "a.json": [
        ('{"seed": 1, "seed": 2}', "seed stands there twice"),
        ('{"seed": NaN}', "§11: documents hold no infinity or NaN"),
        ('{"seed": -Infinity}', "§11"),
        ('{"seed": 1', "line 1 column 11"),
        ('{"name": "\\ud800"}', "half a character"),
        ("[" * 100_000, "correct the file"),
        ('{"a":' * 50 + "1" + "}" * 50, "nested deeper than 40 levels"),
        ("null", "holds NoneType"),
    ],
    "a.toml": [("seed = 1\nseed = 2\n", "line 2"), ("seed = \n", "line 1")],
}


@pytest.mark.parametrize(("name", "text", "said"), [(n, t, s) for n, cases in BAD.items() for t, s in cases])
def test_what_is_wrong_is_named(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_bytes(text.encode())
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_names_by_the_thousand_are_read_at_once(tmp_path):
    path = tmp_path / "wide.json"
    path.write_text(json.dumps({f"name_{k}": k for k in range(200_000)}))
    assert len(documents.read(path)) == 200_000


@pytest.mark.parametrize("suffix", ["yaml", "toml", "json"])
def test_a_huge_file_is_not_read(tmp_path, suffix):
    path = tmp_path / f"huge.{suffix}"
    with path.open("wb") as file:
        file.truncate(documents.LARGEST_JSON + 1)
    with pytest.raises(ScenarioError, match=r"256 MiB \(a document has at most"):
        documents.read(path)


def test_a_file_in_another_encoding_is_named(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes("name: Jürgen".encode("latin-1"))
    with pytest.raises(ScenarioError, match="byte 7 is not UTF-8"):
        documents.read(path)


def test_paths_are_relative_to_the_document(tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text("source: {kind: folder, path: homes}\n")
    monkeypatch.chdir("/")
    document = load(tmp_path / "a.yaml")
    assert isinstance(document, Scenario)
    assert document.source.path == tmp_path / "homes"


@pytest.mark.parametrize("path", ["a\\0b", "~nobody_of_this_name/a"])
def test_paths_that_cannot_be_are_refused(tmp_path, path):
    (tmp_path / "a.yaml").write_text(f'source: {{kind: folder, path: "{path}"}}\n')
    with pytest.raises(ScenarioError, match="path"):
        load(tmp_path / "a.yaml")
