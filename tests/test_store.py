"""Run folders: the same bytes each time, any change detected, and audited again from what is stored."""

import contextlib
import io
import json
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests._command import SCENARIO, STUDY, call, refused

from commonwatt.errors import AuditError, DataError, ScenarioError
from commonwatt.run import run
from commonwatt.scenario import Scenario, load
from commonwatt.store import (
    Folder,
    RunFolder,
    _parquet,
    default_folder,
    file_name,
    read_manifest,
    verify,
    write_manifest,
)
from commonwatt.store._place import File

FILES = [
    "accounts.parquet", "devices.parquet", "entries.parquet", "manifest.json", "series.parquet", "summary.csv",
    "summary.json",
]  # fmt: skip


def store(scenario, path):
    with RunFolder(path, identity=scenario.identity()) as folder:
        result = run(scenario, folder)
        folder.finish(result)
    return result


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run with every table: devices, entries of a charge, trades."""
    place = tmp_path_factory.mktemp("kept")
    scenario = Scenario(
        name="kept", source={"kind": "sample", "members": 4, "slots": 96}, dispatch={"kind": "self_consumption"},
        tariff={"kind": "time_of_use", "fixed_per_day": 0.3}, market={"kind": "pool_prorata", "pairs": True},
    )  # fmt: skip
    store(scenario, place / "run")
    return place / "run"


@pytest.fixture
def folder(kept, tmp_path):
    """A copy to break."""
    return shutil.copytree(kept, tmp_path / "run")


@pytest.fixture
def home(tmp_path):
    (tmp_path / "small.yaml").write_text(SCENARIO)
    (tmp_path / "few.yaml").write_text(STUDY)
    return tmp_path


# --- what stands in a folder ------------------------------------------------------------------------------------------


def test_a_run_is_a_folder_of_its_own(home):
    assert call("run", "small.yaml", "--quiet", cwd=home).code == 0
    (folder,) = (home / "runs").iterdir()
    identity = load(home / "small.yaml").identity()
    assert folder.name == f"small-{identity[:8]}"
    assert sorted(contents(folder)) == FILES
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["id"] == identity
    assert {"document", "seed", "versions", "inputs", "solver", "audit", "files", "seal"} < set(manifest)
    assert manifest["audit"]["holds"]
    assert "commonwatt" in manifest["versions"]


def test_every_float_is_stored_whole(kept):
    for name in ("series", "devices", "accounts", "entries", "trades"):
        file = pq.ParquetFile(kept / f"{name}.parquet")
        kinds = {str(field.type) for field in file.schema_arrow}
        assert "float" not in kinds
        assert "double" in kinds


def test_a_run_comes_again_from_its_manifest(home):
    call("run", "small.yaml", "--output", "first", "--quiet", cwd=home)
    call("run", "first/manifest.json", "--output", "second", "--quiet", cwd=home)
    call("run", "first", "--output", "third", "--quiet", cwd=home)
    assert contents(home / "first") == contents(home / "second") == contents(home / "third")


def test_a_run_with_input_files_comes_again_from_another_place(home):
    call("data", "make", "--source", "sample", "--slots", 48, "--output", "homes", "--quiet", cwd=home)
    (home / "homes.yaml").write_text("source: {kind: folder, path: homes}\nmarket: {kind: pool}\n")
    assert call("run", "homes.yaml", "--output", "deep/first", cwd=home).code == 0
    away = home / "away"
    away.mkdir()
    assert call("run", home / "deep/first/manifest.json", "--output", "second", cwd=away).code == 0
    assert contents(home / "deep" / "first") == contents(away / "second")
    assert read_manifest(away / "second")["inputs"]


@pytest.mark.parametrize("document", ["small.yaml", "few.yaml"])
def test_the_same_result_is_answered_without_computing(home, document, monkeypatch):
    first = call("run", document, "--json", cwd=home)
    (folder,) = (home / "runs").iterdir()
    before = contents(folder)
    with monkeypatch.context() as patched:
        for place in ("commonwatt.reports.delivery", "commonwatt.studies._workers"):
            patched.setattr(sys.modules[place], "run", lambda *_, **__: pytest.fail("computed"))
        again = call("run", document, "--json", cwd=home)
        told = call("run", document, cwd=home)
    assert again.data == first.data
    assert "--force computes it again" in told.out
    assert call("run", document, "--force", "--json", cwd=home).data == first.data
    assert contents(folder) == before


def test_a_broken_result_is_not_answered(home):
    call("run", "small.yaml", "--output", "here", cwd=home)
    (home / "here" / "summary.json").write_text("{}")
    refused(call("run", "small.yaml", "--output", "here", cwd=home), "summary.json: has changed", "--force")
    assert call("run", "small.yaml", "--output", "here", "--force", cwd=home).code == 0
    assert call("run", "--verify", "here", cwd=home).code == 0


def test_another_result_in_the_same_folder_is_refused(home):
    call("run", "small.yaml", "--output", "here", cwd=home)
    answer = call("run", "small.yaml", "--output", "here", "--seed", 5, cwd=home)
    refused(answer, "here: holds another result", "--force")
    assert call("run", "small.yaml", "--output", "here", "--seed", 5, "--force", cwd=home).code == 0
    assert read_manifest(home / "here")["seed"] == 5


def test_the_name_is_no_part_of_the_identity_and_never_of_a_path():
    scenario = Scenario(name="../../etc/ü b\n\t*?")
    assert scenario.identity() == Scenario().identity()
    assert default_folder(scenario.name, "0123456789").as_posix() == "runs/etc-ü-b-01234567"
    assert default_folder("...", "0123456789").name == "run-01234567"
    assert file_name("flat / none / passive") == "flat-none-passive"


# --- changes ----------------------------------------------------------------------------------------------------------


def test_a_sound_run_verifies(kept):
    verdict = verify(kept)
    assert verdict.holds
    assert {"E1", "S1", "T3", "M0", "M1", "C1", "D1"} <= set(verdict.checked)


def test_any_flipped_byte_is_detected(folder):
    rng = np.random.default_rng(1)
    missed = []
    for name in [*FILES, "trades.parquet"]:
        path = folder / name
        whole = path.read_bytes()
        for at in sorted({0, len(whole) - 1, *rng.integers(0, len(whole), 9).tolist()}):
            broken = bytearray(whole)
            broken[at] ^= 1 << int(rng.integers(8))
            path.write_bytes(broken)
            try:
                verify(folder)
                missed.append((name, at))
            except (DataError, ScenarioError) as error:
                assert name in str(error)  # noqa: PT017  (which file it was)
        path.write_bytes(whole)
    assert not missed
    assert verify(folder).holds


def test_a_change_ends_the_command_with_an_error(folder):
    text = (folder / "summary.csv").read_text()
    (folder / "summary.csv").write_text(text.replace("home", "hone", 1) + " ")
    refused(call("run", "--verify", folder, cwd=folder), "summary.csv: has changed since it was written (§11)")


@pytest.mark.parametrize("name", ["series.parquet", "summary.json", "entries.parquet"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name}: is missing"):
        verify(folder)


def test_another_document_under_the_same_id_is_found(folder):
    stored = read_manifest(folder)
    stored["document"]["seed"] = 17
    reseal(folder, stored)
    with pytest.raises(DataError, match="document and id do not belong together"):
        verify(folder)


def test_a_changed_input_is_named(home):
    call("data", "make", "--source", "sample", "--slots", 48, "--output", "homes", cwd=home)
    (home / "homes.yaml").write_text("source: {kind: folder, path: homes}\n")
    call("run", "homes.yaml", "--output", "run", cwd=home)
    table = home / "homes" / "load_profiles.csv"
    table.write_text(table.read_text().replace("0.", "1.", 1))
    refused(call("run", "--verify", "run", cwd=home), "input Folder/load_profiles.csv: has changed", "restore it")
    table.unlink()
    refused(call("run", "--verify", "run", cwd=home), "load_profiles.csv: has changed")


# --- faults with every hash mended ------------------------------------------------------------------------------------


def reseal(folder, stored=None):
    """As somebody would who changes a file and mends the manifest."""
    stored = stored or json.loads((folder / "manifest.json").read_text())
    write_manifest(folder, {k: v for k, v in stored.items() if k not in ("format", "files", "seal")})


def rewrite(path, change):
    """Each row group with its columns as `change` leaves them."""
    file = pq.ParquetFile(path)
    groups = [file.read_row_group(k) for k in range(file.num_row_groups)]
    out = io.BytesIO()
    with pq.ParquetWriter(out, groups[0].schema) as writer:
        for k, table in enumerate(groups):
            columns = {name: table.column(name).to_numpy().copy() for name in table.column_names}
            change(k, columns)
            writer.write_table(table.from_pydict(columns, schema=table.schema), row_group_size=len(table))
    path.write_bytes(out.getvalue())


def columns_of(folder, name):
    return [f.name for f in pq.ParquetFile(folder / f"{name}.parquet").schema_arrow if str(f.type) != "string"]


@pytest.mark.parametrize("table", ["series", "devices", "accounts", "entries", "trades"])
def test_a_fault_in_any_column_is_named(kept, tmp_path, table):
    missed = []
    for column in columns_of(kept, table):
        folder = shutil.copytree(kept, tmp_path / column.replace(":", "-").replace(">", "-"))

        def spoil(_, columns, column=column):
            values = columns[column]
            at = int(np.argmax(values)) if values.dtype.kind == "f" else len(values) // 2
            values[at] = not values[at] if values.dtype.kind == "b" else values[at] + 1

        rewrite(folder / f"{table}.parquet", spoil)
        reseal(folder)
        try:
            verify(folder)
            missed.append(column)
        except (AuditError, DataError) as error:
            assert "broken at slot" in str(error) or f"{table}.parquet: cannot be read: row" in str(error)  # noqa: PT017
    assert not missed


def test_a_fault_is_told_with_exit_code_1(folder):
    rewrite(folder / "series.parquet", lambda _, columns: columns["import_kwh"].__setitem__(9, 7.5))
    reseal(folder)
    answer = call("run", "--verify", folder, cwd=folder)
    refused(answer, "E1 broken at slot 2, column 1: off by", code=1)


@pytest.mark.parametrize("what", ["column", "rows", "table", "text"])
def test_a_table_that_is_none_is_named(folder, what):
    path = folder / "series.parquet"
    table = pq.read_table(path)
    changed = {
        "column": lambda: table.drop_columns(["import_kwh"]), "rows": lambda: table.slice(0, len(table) - 4),
        "table": lambda: table.select(["slot", "member"]), "text": lambda: table,
    }[what]()  # fmt: skip
    pq.write_table(changed, path)
    if what == "text":
        path.write_text("import_kwh\n1\n")
    reseal(folder)
    with pytest.raises((DataError, AuditError), match=r"(series|accounts)\.parquet: "):
        verify(folder)


# --- row groups -------------------------------------------------------------------------------------------------------

GROUPED = {
    "period": {"kind": "bill_sharing", "scope": "period", "period": "day"},
    "slot": {"kind": "mid_market_rate"},
    "trades": {"kind": "pool_prorata", "pairs": True},
}


@pytest.mark.parametrize("market", GROUPED)
def test_groups_change_no_verdict_and_no_value(tmp_path, monkeypatch, market):
    scenario = Scenario(
        source={"kind": "synthetic", "members": 4, "days": 3}, dispatch={"kind": "self_consumption"},
        tariff={"kind": "time_of_use", "fixed_per_day": 0.3}, market=GROUPED[market],
    )  # fmt: skip
    store(scenario, tmp_path / "one")
    monkeypatch.setattr(_parquet, "ROWS", 4 * 50)
    monkeypatch.setattr("commonwatt.scenario.CELLS", 4 * 25)
    result = store(scenario, tmp_path / "many")
    files = [pq.ParquetFile(tmp_path / name / "series.parquet") for name in ("one", "many")]
    assert (files[0].num_row_groups, files[1].num_row_groups) == (1, 6)
    assert files[0].read().equals(files[1].read())
    whole, cut = verify(tmp_path / "one"), verify(tmp_path / "many")
    assert whole.holds
    assert cut.holds
    assert set(whole.checked) == set(cut.checked) == set(result.verdict.checked)

    def spoil(group, columns):
        if group == 5:
            columns["wallet_money"][-1] += 0.01

    rewrite(tmp_path / "many" / "series.parquet", spoil)
    reseal(tmp_path / "many")
    with pytest.raises(AuditError, match="M4 broken at slot 287"):
        verify(tmp_path / "many")


# --- places -----------------------------------------------------------------------------------------------------------


def test_a_failure_leaves_nothing(tmp_path):
    with contextlib.suppress(ZeroDivisionError), Folder(tmp_path / "a" / "b" / "run", identity="1") as folder:
        (folder.partial / "half.txt").write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_failed_replacement_keeps_what_was_there(tmp_path):
    scenario = Scenario(source={"kind": "sample", "members": 2, "slots": 4})
    store(scenario, tmp_path / "run")
    before = contents(tmp_path)
    with pytest.raises(ZeroDivisionError), RunFolder(tmp_path / "run", force=True, identity="1"):
        raise ZeroDivisionError
    assert contents(tmp_path) == before


def test_what_a_killed_process_left_is_cleared(tmp_path):
    (tmp_path / "run.partial").mkdir()
    (tmp_path / "run.partial" / "series.parquet").write_bytes(b"half")
    store(Scenario(source={"kind": "sample", "members": 2, "slots": 4}), tmp_path / "run")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_two_writers_at_once_are_refused(tmp_path):
    with Folder(tmp_path / "run", identity="1") as first:
        second = Folder(first.path, identity="1")
        with pytest.raises(ScenarioError, match="is being written by another process"), second:
            pytest.fail("both write")
        assert first.partial.is_dir()
        (first.partial / "a.txt").write_text("a")
    assert (tmp_path / "run" / "a.txt").read_text() == "a"


def test_a_link_is_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    scenario = Scenario(source={"kind": "sample", "members": 2, "slots": 4})
    store(scenario, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert verify(tmp_path / "elsewhere").holds
    assert store(scenario, tmp_path / "link").identity == scenario.identity()


def test_a_foreign_folder_is_never_replaced(tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("dear")
    for force in (False, True):
        with pytest.raises(ScenarioError, match="no result of commonwatt"):
            Folder(tmp_path / "letters", force=force, identity="1").check()


@pytest.mark.parametrize("place", ["/", "/proc"])
def test_roots_are_refused(place):
    with pytest.raises(ScenarioError, match="name a folder inside it"):
        Folder(Path(place), force=True, identity="1").check()


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "new" / "a.json"
    with contextlib.suppress(ZeroDivisionError), File(path, suffixes=(".json",)) as file:
        file.partial.write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with File(path, suffixes=(".json",)) as file:
        file.partial.write_text("{}")
    assert path.read_text() == "{}"


def test_an_audit_that_fails_keeps_nothing(tmp_path, monkeypatch):
    module = sys.modules["commonwatt.run"]
    real = module.simulate

    def spoilt(*args, **kwargs):
        for window in real(*args, **kwargs):
            yield replace(window, bills=replace(window.bills, energy=window.bills.energy + 0.01))

    (tmp_path / "small.yaml").write_text(SCENARIO)
    monkeypatch.setattr(module, "simulate", spoilt)
    answer = call("run", "small.yaml", cwd=tmp_path)
    refused(answer, "M0 broken at slot", "off by 0.01", code=1)
    assert [p.name for p in tmp_path.iterdir()] == ["small.yaml"]


@pytest.mark.parametrize("place", [Folder, File])
def test_a_stop_while_a_place_is_claimed_leaves_nothing(tmp_path, monkeypatch, place):
    made = place(tmp_path / "out.json", **({"suffixes": (".json",)} if place is File else {}))
    claim = place._claim

    def stopped(self):
        claim(self)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(place, "_claim", stopped)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), made:
            pytest.fail("the stop was swallowed")
    finally:
        signal.signal(signal.SIGINT, before)
    assert list(tmp_path.iterdir()) == []
