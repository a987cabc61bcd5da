"""Whatever the bytes: a community, or a DataError that names the place, the rule and the remedy."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

from commonwatt.envelope import Sessions
from commonwatt.errors import DataError
from commonwatt.flow import Streams
from commonwatt.reading import files, sheets
from commonwatt.sources._write import write_folder
from commonwatt.sources.folder import Folder

HEAD = "start: 2025-01-01T00:00:00+01:00\nslot_minutes: 60\nzone: Europe/Berlin\nunit: kW\norientation: columns\n"
TIMES = [f"2025-01-01T{hour:02d}:00:00+01:00" for hour in range(6)]
PROFILE = "time,home_01,home_02\n" + "".join(f"{t},0.5,1.25\n" for t in TIMES)
BATTERY = {"home_01": {"capacity_kwh": 10, "power_kw": 5}}
GOOD = {
    "community.yaml": HEAD,
    "load_profiles.csv": PROFILE,
    "pv_profiles.csv": PROFILE,
    "battery_specs.json": json.dumps(BATTERY),
    "load_flexibility.json": json.dumps({"home_02": {"share": 0.2}}),
    "evs.csv": f"member,arrival,departure,energy_kwh,power_kw,v2g_kw\nhome_02,{TIMES[0]},{TIMES[3]},5,11,0\n",
    "prices.csv": "time,import_price,export_price\n" + "".join(f"{t},0.3,0.1\n" for t in TIMES),
    "signals.csv": "time,temperature_c\n" + "".join(f"{t},-4\n" for t in TIMES),
    "events.csv": f"kind,member,device,from,to\npool_maintenance,,,{TIMES[1]},{TIMES[2]}\n",
    "members.csv": "member,pv_kwp,group,import_cap_kw\nhome_01,5,west,\nhome_02,0,,4.5\n",
    "grid_capacity.csv": "timestep,import_capacity_kw,export_capacity_kw\n" + "".join(f"{t},9,7.5\n" for t in range(6)),
    "groups.csv": "time,group,export_cap_kw\n" + "".join(f"{t},west,3\n" for t in TIMES),
}


SESSIONS = Sessions(
    member=np.array([1]), arrival=np.array([0.0]), departure=np.array([3.0]),
    energy_kwh=np.array([5.0]), power_kw=np.array([11.0]), v2g_kw=np.array([0.0]),
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def refused(folder):
    with pytest.raises(DataError) as caught:
        Folder(path=folder).community(Streams(1))
    return str(caught.value)


def test_the_good_folder_is_good(folder):
    assert Folder(path=folder).community(Streams(1)).shape == (6, 2)


CASES = [
    ("load_profiles.csv", "T03:00:00+01:00,0.5", "T03:00:00+01:00,abc",
     "load_profiles.csv row 5, column home_01: 'abc' (§3: energy is a number); write kW with a decimal point"),
    ("load_profiles.csv", "T03:00:00+01:00,0.5", "T03:00:00+01:00,", "row 5, column home_01: '' (§3"),
    ("load_profiles.csv", "T03:00:00+01:00,0.5", "T03:00:00+01:00,nan", "row 5, column home_01: nan (§3"),
    ("load_profiles.csv", "T03:00:00+01:00,0.5", "T03:00:00+01:00,1e999", "row 5, column home_01: inf (§3"),
    ("load_profiles.csv", "T03:00:00+01:00,0.5", "T03:00:00+01:00,1_0", "row 5, column home_01: '1_0' (§3"),
    ("load_profiles.csv", "T03:00:00+01:00,0.5", "T03:00:00+01:00,٣", "row 5, column home_01: '٣' (§3"),
    ("load_profiles.csv", "T03:00:00+01:00,0.5", "T03:00:00+01:00,-2", "row 5, column home_01: -2.0 (§3: energy is"),
    ("load_profiles.csv", "T03:00:00+01:00,0.5", "T03:00:00+01:00,0,5", "row 5: 4 cells (as many as columns: 3)"),
    ("load_profiles.csv", f"{TIMES[2]},0.5,1.25\n", "", "2025-01-01T01:00:00+00:00 missing (§1"),
    ("load_profiles.csv", TIMES[3], TIMES[2], f"row 5, column time: {TIMES[2]} stands twice (§1"),
    ("load_profiles.csv", TIMES[3], "2025-01-01T03:00:00", "row 5, column time: '2025-01-01T03:00:00' (§1: a time"),
    ("load_profiles.csv", TIMES[3], "noon", "row 5, column time: 'noon' (§1: a time is ISO 8601)"),
    ("load_profiles.csv", TIMES[3], "2025-01-01T03:20:00+01:00", "§1: slots of 60 min"),
    ("load_profiles.csv", TIMES[0], "2024-01-01T00:00:00+01:00", "(§1: the run starts 2025-01-01T00:00:00+01:00)"),
    ("load_profiles.csv", "home_02", "home_01", "row 1, column 3: 'home_01' stands twice"),
    ("load_profiles.csv", PROFILE, PROFILE.replace(",", ";"), "load_profiles.csv row 1"),
    ("load_profiles.csv", PROFILE, "", "load_profiles.csv: nothing in it"),
    ("load_profiles.csv", PROFILE, "time,home_01\n", "load_profiles.csv: no rows"),
    ("load_profiles.csv", PROFILE, 'time,"home_01\n', "CSV with commas"),
    ("pv_profiles.csv", "home_02", "home_03", "pv_profiles.csv: no member home_02"),
    ("pv_profiles.csv", f"{TIMES[5]},0.5,1.25\n", "", "load_profiles.csv and pv_profiles.csv: 6 and 5 rows (§2"),
    ("community.yaml", "zone: Europe/Berlin\n", "", "community.yaml: no zone"),
    ("community.yaml", "Europe/Berlin", "Mars/Base", "community.yaml zone: 'Mars/Base'"),
    ("community.yaml", "+01:00", "", "community.yaml start: '2025-01-01T00:00:00' (§1: a time carries its offset)"),
    ("community.yaml", "kW", "MW", "community.yaml unit: 'MW' (§16); write kW or kWh"),
    ("community.yaml", "60", "abc", "community.yaml slot_minutes: 'abc'"),
    ("community.yaml", "unit", "zone", "'zone' stands twice"),
    ("community.yaml", HEAD, "[" * 5000, "community.yaml"),
    ("battery_specs.json", "home_01", "home_09", "'home_09' (a member of the load table); write one of"),
    ("battery_specs.json", "}}", "", "battery_specs.json row 1, character"),
    ("battery_specs.json", '"power_kw"', '"capacity_kwh"', "key 'capacity_kwh' stands twice"),
    ("battery_specs.json", "10", "NaN", "battery_specs.json: NaN is no number"),
    ("battery_specs.json", "10", "-1", "battery_specs.json 'home_01', capacity_kwh: -1 (§3: at least 0)"),
    ("battery_specs.json", "10", '"10"', "capacity_kwh: '10' (§3: a quantity is a number)"),
    ("battery_specs.json", "10", "9" * 5000, "battery_specs.json"),
    ("battery_specs.json", "power_kw", "powr_kw", "'powr_kw' (a known field)"),
    ("battery_specs.json", json.dumps(BATTERY), "[" * 100000, "nested without end"),
    ("battery_specs.json", json.dumps(BATTERY), "[" * 30 + "]" * 30, "nested deeper than 20"),
    ("battery_specs.json", json.dumps(BATTERY), "[{}]", "1 entries (one entry for each of 2 members)"),
    ("load_flexibility.json", "0.2", "1.5", "'home_02', share: 1.5 (§3: from 0 to 1)"),
    ("load_flexibility.json", '"share": 0.2', '"min_kwh": [1, 2], "max_kwh": 3', "(one number for each of 6 slots)"),
    ("load_flexibility.json", '"share": 0.2', '"min_kwh": 4, "max_kwh": 3', "min_kwh above max_kwh in step 0"),
    ("evs.csv", "home_02", "home_07", "evs.csv row 2, column member: 'home_07'"),
    ("evs.csv", TIMES[3], TIMES[0], "row 2, column departure"),
    ("evs.csv", "energy_kwh", "energy", "no column 'energy_kwh'"),
    ("evs.csv", "arrival", "start", "evs.csv row 1: no column 'arrival'"),
    ("prices.csv", "export_price", "sell_price", "prices.csv row 1, column sell_price: 'sell_price'"),
    ("prices.csv", "0.3", "cheap", "row 2, column import_price: 'cheap' (§4: a price is a number)"),
    ("signals.csv", "temperature_c", "Temp (C)", "signals.csv row 1, column Temp (C)"),
    ("events.csv", "pool_maintenance", "party", "events.csv row 2, column kind: 'party'"),
    ("events.csv", "pool_maintenance,,", "device_outage,home_02,battery", "row 2: device_outage of home_02: no"),
    ("events.csv", TIMES[2], TIMES[1], "events.csv row 2"),
    ("members.csv", "home_02,0,,4.5\n", "", "members.csv: no member home_02"),
    ("members.csv", "4.5", "-4.5", "members.csv row 3, column import_cap_kw: '-4.5' (§3: a limit is a number of at"),
    ("members.csv", "4.5", "inf", "column import_cap_kw: 'inf' (§3: a limit is a number of at least 0); write kW, or"),
    ("members.csv", "west", "", "groups.csv: nobody is in group 'west' (§16: a group that members.csv names)"),
    ("grid_capacity.csv", "9", "much", "grid_capacity.csv row 2, column import_capacity_kw: 'much' (§3: a limit"),
    ("grid_capacity.csv", "2,9", "7,9", "row 4, column timestep: '7' (§1: one row for each slot, counted from 0);"),
    ("grid_capacity.csv", "5,9,7.5\n", "", "grid_capacity.csv: 5 rows (one row for each of the run's 6 slots)"),
    ("grid_capacity.csv", "timestep", "step", "neither of timestep and time (§16: one of the two)"),
    ("grid_capacity.csv", "export_capacity_kw", "export_kw", "column export_kw: 'export_kw' (§16: a known column)"),
    ("groups.csv", "west", "east", "groups.csv: nobody is in group 'east'"),
    ("groups.csv", f"{TIMES[2]},west,3\n", "", "groups.csv: 0 rows of group 'west' for slot 2 (§16: one row for"),
    ("groups.csv", TIMES[2], TIMES[1], "groups.csv: 2 rows of group 'west' for slot 1"),
    ("groups.csv", TIMES[2], "2025-01-01T02:10:00+01:00", "row 4, column time: 2025-01-01T02:10:00+01:00 (§1: a slot"),
    ("groups.csv", TIMES[2], "two", "groups.csv row 4, column time: 'two' (§1: a time is ISO 8601)"),
    ("groups.csv", "export_cap_kw", "export_kw", "groups.csv row 1, column export_kw: 'export_kw'"),
    ("members.csv", "home_02", "home_01", "member home_01 stands 2 times"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "text"), CASES)
def test_each_mistake_is_named(folder, file, old, new, text):
    assert old in GOOD[file]
    (folder / file).write_text(GOOD[file].replace(old, new, 1), encoding="utf-8")
    told = refused(folder)
    assert text in told
    assert all("(" in line and "); " in line for line in told.splitlines())


def test_all_mistakes_are_told_at_once(folder):
    (folder / "load_profiles.csv").write_text(PROFILE.replace("0.5", "x"))
    (folder / "pv_profiles.csv").write_text(PROFILE.replace("1.25", "-1"))
    told = refused(folder).splitlines()
    assert len(told) == 12 + (len(told) > 12)
    assert sum("load_profiles.csv" in line for line in told) == 6
    assert sum("pv_profiles.csv" in line for line in told) == 6


def test_side_files_are_told_together(folder):
    (folder / "battery_specs.json").write_text('{"nobody": {}}')
    (folder / "members.csv").write_text("member,pv_kwp\nnobody,1\n")
    (folder / "prices.csv").write_text("time,import_price\n1,2\n")
    told = refused(folder)
    assert all(name in told for name in ("battery_specs.json", "members.csv", "prices.csv"))


def test_rows_in_disorder(folder):
    rows = PROFILE.splitlines()
    (folder / "load_profiles.csv").write_text("\n".join([rows[0], *rows[:0:-1]]))
    assert "rows in the order of time" in refused(folder)


def test_text_that_is_not_utf8_names_the_row(folder):
    (folder / "load_profiles.csv").write_bytes(PROFILE.encode().replace(b"home_02", b"home_\xe9"))
    assert "load_profiles.csv row 1: byte b'\\xe9' (text is UTF-8)" in refused(folder)


def test_byte_order_mark_is_welcome(folder):
    for name in ("load_profiles.csv", "community.yaml", "battery_specs.json"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + GOOD[name].encode())
    assert Folder(path=folder).community(Streams(1)).shape == (6, 2)


def test_folder_link_loop_and_pipe_in_place_of_a_file(folder):
    for name, make in (
        ("load_profiles.csv", lambda p: p.mkdir()),
        ("load_profiles.csv", lambda p: p.symlink_to(p)),
        ("battery_specs.json", lambda p: p.symlink_to(p)),
        ("load_profiles.csv", os.mkfifo),
    ):
        path = folder / name
        path.unlink()
        make(path)
        assert f"{name}: " in refused(folder)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.write_text(GOOD[name])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission(folder):
    (folder / "load_profiles.csv").chmod(0)
    assert "load_profiles.csv: cannot be read" in refused(folder)


def test_no_folder(tmp_path):
    assert "no such folder" in refused(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    assert "not a folder" in refused(tmp_path / "file")


def test_two_tables_of_one_kind(folder):
    (folder / "load_profiles.parquet").write_bytes(b"")
    assert "load_profiles.csv and load_profiles.parquet: both are there" in refused(folder)


def test_sizes_are_looked_at_first(folder, monkeypatch):
    monkeypatch.setattr(sheets, "MOST_CELLS", 10)
    assert "at most 0 million cells" in refused(folder)
    monkeypatch.setattr(sheets, "MOST_BYTES", 100)
    assert "MiB); store the table as Parquet" in refused(folder)


def test_parquet_declares_its_size_before_it_is_read(folder, monkeypatch):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "load_profiles.csv").unlink()
    column = pa.array(np.zeros(3_000_000, np.float32))
    pq.write_table(pa.table({f"home_{k}": column for k in range(40)}), folder / "load_profiles.parquet")
    assert (folder / "load_profiles.parquet").stat().st_size < 1 << 20
    assert "3000000 rows of 40 columns (at most 100 million cells)" in refused(folder)


def test_parquet_without_offset_or_numbers(folder):
    import pandas as pd

    (folder / "load_profiles.csv").unlink()
    naive = pd.date_range("2025-01-01", periods=6, freq="h")
    aware = pd.DataFrame({"time": naive.tz_localize("Europe/Berlin"), "home_01": 1.0, "home_02": 2.0})
    for frame, text in (
        (aware.assign(time=naive), "§1: a time carries its offset"),
        (aware.assign(home_02=["x"] * 6), "column home_02: of type"),
        (aware.assign(home_02=[1, None, 1, 1, 1, 1]), "row 3, column home_02: nan"),
    ):
        frame.to_parquet(folder / "load_profiles.parquet", index=False)
        assert text in refused(folder)


def mutated(data, draw):
    """One change of a few bytes: replaced, removed, doubled, cut, or set to something nasty."""
    at = int(draw.integers(len(data)))
    size = int(draw.integers(1, 12))
    nasty = [b"\0", b"nan", b"-", b"\xff", b'"', b",", b"\n", b"1e999", b"[", b"{", b"9" * 40, b"\r", b"\xf0\x9f", b":"]
    return [
        data[:at] + bytes(draw.integers(0, 256, size, dtype=np.uint8)) + data[at + size :],
        data[:at] + data[at + size :],
        data[: at + size] + data[at:],
        data[:at],
        data[:at] + nasty[int(draw.integers(len(nasty)))] + data[at:],
    ][int(draw.integers(5))]


def attempt(folder):
    """The community or the refusal; anything else fails the test."""
    try:
        return Folder(path=folder).community(Streams(1)).shape
    except DataError as error:
        return len(str(error))


@pytest.mark.parametrize("name", sorted(GOOD))
def test_any_bytes_end_in_a_result_or_a_data_error(folder, name):
    draw = np.random.default_rng(sum(name.encode()))
    whole = GOOD[name].encode()
    for _ in range(30):
        (folder / name).write_bytes(mutated(whole, draw))
        attempt(folder)


@pytest.mark.parametrize("name", ["load_profiles.parquet", "battery_specs.json", "community.yaml"])
def test_any_bytes_of_the_other_forms(folder, tmp_path, name):
    draw = np.random.default_rng(5)
    other = write_folder(
        dataclasses.replace(Folder(path=folder).community(Streams(1)).window(0, 6), sessions=SESSIONS),
        tmp_path / "other",
        table="parquet",
    )
    whole = (other / name).read_bytes()
    for _ in range(40):
        (other / name).write_bytes(mutated(whole, draw))
        attempt(other)


@pytest.mark.parametrize("text", ["id,0,1\na,1,2\nb,3,4\n", "1,2\n3,4\n", "a,1\nb,2\n"])
def test_any_bytes_of_the_origin_form(tmp_path, text):
    draw = np.random.default_rng(6)
    (tmp_path / "pv_profiles.csv").write_text(text)
    for _ in range(30):
        (tmp_path / "load_profiles.csv").write_bytes(mutated(text.encode(), draw))
        attempt(tmp_path)


def test_limits_are_sensible():
    assert files.MOST_BYTES >= 1 << 28
    assert sheets.MOST_CELLS >= 1000 * 35_136
