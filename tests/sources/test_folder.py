"""Folders in both forms, what they may lack, and that writing and reading give the same community."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from commonwatt.clock import Clock
from commonwatt.connection import OPEN, Connection
from commonwatt.envelope import Flexibility, Sessions
from commonwatt.errors import DataError, ScenarioError
from commonwatt.flow import Community, Streams
from commonwatt.sources._write import write_folder
from commonwatt.sources.folder import Folder
from commonwatt.sources.sample import Sample
from commonwatt.sources.synthetic import Synthetic

STREAMS = Streams(7)
HEAD = """start: 2025-01-01T00:00:00+01:00
slot_minutes: 60
zone: Europe/Berlin
unit: {unit}
orientation: {orientation}
currency: EUR
"""


def read(path):
    return Folder(path=path).community(STREAMS)


def table(path, name, rows):
    (path / name).write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")


def stamps(start, count, step=timedelta(hours=1), zone="Europe/Berlin"):
    first = datetime.fromisoformat(start)
    return [(first.astimezone(UTC) + k * step).astimezone(ZoneInfo(zone)).isoformat() for k in range(count)]


COLUMNS = HEAD.format(unit="kW", orientation="columns")


def own(path, load, pv, times, head=COLUMNS):
    names = [f"home_{n}" for n in range(len(load[0]))]
    for name, values in (("load_profiles.csv", load), ("pv_profiles.csv", pv)):
        table(path, name, [["time", *names], *([t, *row] for t, row in zip(times, values, strict=True))])
    if head:
        (path / "community.yaml").write_text(head)


def same(a, b):
    """Every array of two communities, bit by bit; notes and streams apart."""
    assert a.names == b.names
    assert (a.clock.start, a.clock.slot, a.clock.slots, a.clock.zone) == (
        b.clock.start, b.clock.slot, b.clock.slots, b.clock.zone,
    )  # fmt: skip
    for name in ("load_kw", "pv_kw", "market_open"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    for name in ("signals", "series", "traits"):
        mine, theirs = getattr(a, name), getattr(b, name)
        assert mine.keys() == theirs.keys()
        assert all(np.array_equal(mine[key], theirs[key]) for key in mine), name
    for field in dataclasses.fields(Connection):
        mine, theirs = getattr(a.connection, field.name), getattr(b.connection, field.name)
        assert (mine is None) == (theirs is None), field.name
        assert np.array_equal(mine, theirs), field.name
    for field in dataclasses.fields(Flexibility):
        assert np.array_equal(getattr(a.flexibility, field.name), getattr(b.flexibility, field.name)), field.name


def test_own_form_reads_members_in_columns(tmp_path):
    own(tmp_path, [[1, 2], [3, 4.5]], [[0, 0], [0.25, 0]], stamps("2025-01-01T00:00+01:00", 2))
    community = read(tmp_path)
    assert community.names == ("home_0", "home_1")
    assert community.load_kw.tolist() == [[1, 2], [3, 4.5]]
    assert community.pv_kw.tolist() == [[0, 0], [0.25, 0]]
    assert community.clock.zone == "Europe/Berlin"
    assert community.notes == (
        "prices in EUR",
        "no battery_specs.json: no batteries",
        "no load_flexibility.json: the load does not shift",
    )


def test_kilowatt_hours_become_kilowatts(tmp_path):
    head = HEAD.format(unit="kWh", orientation="columns").replace("60", "15")
    own(tmp_path, [[1], [2]], [[0], [1]], stamps("2025-01-01T00:00+01:00", 2, timedelta(minutes=15)), head)
    assert read(tmp_path).load_kw.tolist() == [[4], [8]]


def test_members_in_rows_as_the_head_says(tmp_path):
    (tmp_path / "community.yaml").write_text(HEAD.format(unit="kW", orientation="rows"))
    table(tmp_path, "load_profiles.csv", [["id", 0, 1, 2], ["b", 1, 2, 3], ["a", 4, 5, 6]])
    table(tmp_path, "pv_profiles.csv", [["id", 0, 1, 2], ["a", 0, 1, 0], ["b", 0, 2, 0]])
    community = read(tmp_path)
    assert community.names == ("b", "a")
    assert community.load_kw.T.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert community.pv_kw.T.tolist() == [[0, 2, 0], [0, 1, 0]]
    assert community.clock.hours == 1


@pytest.mark.parametrize("header", [None, ["id", "t0", "t1", "t2"], ["", "t0", "t1", "t2"]])
@pytest.mark.parametrize("ids", [True, False])
def test_origin_form_states_what_it_assumes(tmp_path, header, ids):
    rows = [["home_a", 1, 2, 3], ["home_b", 4, 5, 6]]
    shown = [header] if header else []
    cut = 0 if ids else 1
    for name in ("load_profiles.csv", "pv_profiles.csv"):
        table(tmp_path, name, [row[cut:] for row in shown + rows])
    community = read(tmp_path)
    assert community.load_kw.T.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert community.names == (("home_a", "home_b") if ids else ("member_1", "member_2"))
    assert (community.clock.start, community.clock.hours) == (datetime(2025, 1, 1, tzinfo=UTC), 0.25)
    assumed = "members in rows and steps in columns assumed, mean kW, slots of 15 min from 2025-01-01"
    assert assumed in community.notes[0]


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_of_steps_are_a_header(tmp_path, first):
    for name in ("load_profiles.csv", "pv_profiles.csv"):
        table(tmp_path, name, [range(first, first + 8), [0.5] * 8])
    community = read(tmp_path)
    assert community.load_kw.tolist() == [[0.5]] * 8
    assert "the first row a header" in community.notes[0]


def test_origin_form_doubts_more_members_than_steps(tmp_path):
    for name in ("load_profiles.csv", "pv_profiles.csv"):
        table(tmp_path, name, [[1, 2]] * 5)
    assert any("5 members of 2 steps" in note for note in read(tmp_path).notes)


def test_stamps_without_head_give_the_clock(tmp_path):
    own(tmp_path, [[1], [2]], [[0], [0]], stamps("2025-01-01T00:00+01:00", 2), head=None)
    community = read(tmp_path)
    assert (community.clock.hours, community.clock.zone) == (1, "Etc/GMT-1")
    assert "mean kW assumed" in community.notes[0]


@pytest.mark.parametrize(("day", "count"), [("2025-03-30", 92), ("2025-10-26", 100), ("2025-06-01", 96)])
def test_days_of_any_length(tmp_path, day, count):
    offset = "+02:00" if day != "2025-03-30" else "+01:00"
    times = stamps(f"{day}T00:00{offset}", count, timedelta(minutes=15))
    head = COLUMNS.replace("60", "15").replace("2025-01-01T00:00:00+01:00", times[0])
    own(tmp_path, [[1.0]] * count, [[0.0]] * count, times, head)
    clock = read(tmp_path).clock
    assert clock.slots == count
    assert [stop for _, stop, _ in clock.stretches("day")] == [count]


def test_both_profiles_missing_are_generated_and_said(tmp_path):
    community = read(tmp_path)
    sample = Sample().community(STREAMS)
    assert np.array_equal(community.load_kw, sample.load_kw)
    assert community.flexibility.devices == sample.flexibility.devices == 6
    assert community.notes[0].startswith("no load_profiles and no pv_profiles: both are generated")


def test_generated_profiles_follow_the_head(tmp_path):
    (tmp_path / "community.yaml").write_text(COLUMNS)
    clock = read(tmp_path).clock
    assert (clock.start, clock.hours) == (datetime(2025, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")), 1)


@pytest.mark.parametrize("missing", ["load_profiles", "pv_profiles"])
def test_one_profile_missing_is_an_error(tmp_path, missing):
    own(tmp_path, [[1]], [[0]], stamps("2025-01-01T00:00+01:00", 1))
    (tmp_path / f"{missing}.csv").unlink()
    with pytest.raises(DataError, match=rf"{missing}.csv: missing .*never half real and half invented"):
        read(tmp_path)


def test_sample_is_as_promised():
    community = Sample().community(STREAMS)
    daily = community.load_kw.sum(axis=0) / 4
    assert community.shape == (96, 10)
    assert ((daily >= 8) & (daily <= 20)).all()
    assert ((community.traits["pv_kwp"] > 0).sum(), community.flexibility.devices) == (8, 6)
    rated = community.traits["pv_kwp"][community.traits["pv_kwp"] > 0]
    assert ((rated >= 3) & (rated <= 8)).all()
    assert set(community.flexibility.capacity_kwh) <= {5.0, 10.0, 13.5}
    assert np.allclose(community.flexibility.charge_kw[0], community.flexibility.capacity_kwh / 2)
    share = community.series["flex_max_kwh"] / (community.load_kw / 4) - 1
    assert share.min() > 0.05 - 1e-9
    assert share.max() < 0.20 + 1e-9


def test_sample_homes_do_not_change_with_their_number():
    few, many = (Sample(members=n).community(STREAMS) for n in (3, 6))
    assert np.array_equal(few.load_kw, many.load_kw[:, :3])
    assert not np.array_equal(few.load_kw, Sample(members=3).community(Streams(8)).load_kw)


def test_batteries_with_defaults_by_map_and_list(tmp_path):
    own(tmp_path, [[1, 1]], [[0, 0]], stamps("2025-01-01T00:00+01:00", 1))
    spec = {"capacity_kwh": 10, "power_kw": 5}
    for written in ({"home_1": spec}, [{"capacity_kwh": 0}, spec]):
        (tmp_path / "battery_specs.json").write_text(json.dumps(written))
        devices = read(tmp_path).flexibility
        assert devices.owner.tolist() == [1]
        assert devices.level_min_kwh[0, 0] == pytest.approx(1)
        assert devices.level_max_kwh[0, 0] == pytest.approx(9)
        assert devices.level_start_kwh[0] == pytest.approx(5)
        assert (devices.charge_efficiency[0], devices.discharge_efficiency[0]) == (0.95, 0.95)


def test_flexibility_by_share_and_by_step(tmp_path):
    own(tmp_path, [[1, 2], [3, 4]], [[0, 0]] * 2, stamps("2025-01-01T00:00+01:00", 2))
    bounds = {"home_0": {"share": 0.5}, "home_1": {"min_kwh": [1, 2], "max_kwh": 9}}
    (tmp_path / "load_flexibility.json").write_text(json.dumps(bounds))
    series = read(tmp_path).series
    assert series["flex_min_kwh"].tolist() == [[0.5, 1], [1.5, 2]]
    assert series["flex_max_kwh"].tolist() == [[1.5, 9], [4.5, 9]]


def test_side_tables(tmp_path):
    times = stamps("2025-01-01T00:00+01:00", 4)
    own(tmp_path, [[1, 2]] * 4, [[1, 1]] * 4, times)
    table(tmp_path, "prices.csv", [["time", "import_price", "export_price"], *([t, 0.3, -0.01] for t in times)])
    table(tmp_path, "signals.csv", [["time", "temperature_c"], *([t, -3.5] for t in times)])
    table(tmp_path, "members.csv", [["member", "wallet_start"], ["home_1", 5], ["home_0", -2]])
    session = ["home_1", times[0], times[3], 6, 11, 0]
    table(tmp_path, "evs.csv", [["member", "arrival", "departure", "energy_kwh", "power_kw", "v2g_kw"], session])
    events = [
        ["pool_maintenance", "", "", times[1], times[2]],
        ["device_outage", "home_0", "pv", times[2], times[3]],
        ["device_outage", "home_1", "vehicle", times[2], times[3]],
    ]
    table(tmp_path, "events.csv", [["kind", "member", "device", "from", "to"], *events])
    community = read(tmp_path)
    assert community.signals["export_price"].tolist() == [-0.01] * 4
    assert community.signals["temperature_c"].tolist() == [-3.5] * 4
    assert community.traits["wallet_start"].tolist() == [-2, 5]
    assert community.market_open.tolist() == [True, False, True, True]
    assert community.pv_kw[:, 0].tolist() == [1, 1, 0, 1]
    assert community.flexibility.owner.tolist() == [1]
    assert community.flexibility.charge_kw[:, 0].tolist() == [11, 11, 0, 0]


def test_inputs_are_the_files_that_are_read(tmp_path):
    own(tmp_path, [[1]], [[0]], stamps("2025-01-01T00:00+01:00", 1))
    (tmp_path / "battery_spec.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("x")
    names = [path.name for path in Folder(path=tmp_path).inputs()]
    assert names == ["community.yaml", "load_profiles.csv", "pv_profiles.csv"]
    assert read(tmp_path).notes[-1] == "not read: battery_spec.json"


def awkward():
    """A community with everything that a folder holds, across the autumn hour, in numbers that do not round."""
    clock = Clock(datetime(2025, 10, 25, 22, tzinfo=UTC), timedelta(minutes=15), 120, "Europe/Berlin")
    draw = np.random.default_rng(1)
    shape = (120, 3)
    capacity = np.array([10 / 3, 13.7])
    sessions = Sessions(
        member=np.array([2, 2]), arrival=np.array([3.3, 80.0]), departure=np.array([40.0, 140.5]),
        energy_kwh=np.array([7.1, 9.9]), power_kw=np.array([3.7, 11.0]), v2g_kw=np.array([0.0, 2.5]),
    )  # fmt: skip
    batteries = Flexibility.batteries(
        120, np.array([0, 1]), capacity, charge_kw=capacity / 3, discharge_kw=capacity / 2, leakage=1e-4
    )
    off = np.array(batteries.charge_kw)
    off[10:20, 1] = 0
    off_too = np.array(batteries.discharge_kw)
    off_too[10:20, 1] = 0
    batteries = dataclasses.replace(batteries, charge_kw=off, discharge_kw=off_too)
    market_open = np.ones(120, bool)
    market_open[50:55] = market_open[119:] = False
    load = draw.gamma(1.0, 0.4, shape)
    bent = {"flex_min_kwh": load / 5, "flex_max_kwh": load / 3, "import_price": draw.normal(size=shape)}
    community = Community(
        clock=clock, names=("a, b", "ö", 'q"'), load_kw=load, pv_kw=draw.gamma(0.1, 1.0, shape),
        market_open=market_open, flexibility=Flexibility.joined(batteries, Flexibility.vehicles(clock, sessions)),
        signals={"import_price": draw.normal(size=120), "temperature_c": draw.normal(size=120) / 3}, series=bent,
        traits={"pv_kwp": np.array([1 / 3, 0, 5.0])},
    )  # fmt: skip
    limits = Connection(
        import_cap_kw=np.where(np.arange(120) % 7 == 0, np.inf, draw.gamma(2.0, 1.0, 120)),
        export_cap_kw=draw.gamma(2.0, 1.0, 120), member_export_cap_kw=np.array([np.inf, 1 / 3, 0.0]),
        group=np.array([1, -1, 0]), group_names=("z, 1", "a"),
        group_import_cap_kw=np.where(draw.random((120, 2)) < 0.1, np.inf, draw.gamma(2.0, 1.0, (120, 2))),
    )  # fmt: skip
    return dataclasses.replace(community, sessions=sessions, connection=limits)


LIMITS = {
    "none": OPEN,
    "members": Connection(member_import_cap_kw=np.array([1.0, np.inf, 1 / 3])),
    "groups without limits": Connection(group=np.array([0, 1, 0]), group_names=("a", "b")),
    "constant": Connection(
        group=np.array([0, 0, -1]), group_names=("a",), group_export_cap_kw=np.full((120, 1), 1 / 3),
        export_cap_kw=np.full(120, 4.0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_limits_survive(tmp_path, form, limits):
    community = dataclasses.replace(awkward(), connection=limits)
    same(read(write_folder(community, tmp_path / "folder", table=form)), community)


def test_limits_are_read(tmp_path):
    times = stamps("2025-01-01T00:00+01:00", 3)
    own(tmp_path, [[1, 2]] * 3, [[1, 1]] * 3, times)
    table(tmp_path, "grid_capacity.csv", [["timestep", "import_capacity_kw"], [1, 5], [2, ""], [3, 4.5]])
    table(tmp_path, "members.csv", [["member", "group", "export_cap_kw"], ["home_1", "west", 7], ["home_0", "", ""]])
    table(tmp_path, "groups.csv", [["group", "import_cap_kw"], ["west", 2]])
    limits = read(tmp_path).connection
    assert limits.import_cap_kw.tolist() == [5, np.inf, 4.5]
    assert limits.export_cap_kw is None
    assert limits.member_export_cap_kw.tolist() == [np.inf, 7]
    assert limits.group.tolist() == [-1, 0]
    assert limits.group_names == ("west",)
    assert limits.group_import_cap_kw.tolist() == [[2], [2], [2]]
    assert not read(tmp_path).traits


def test_a_group_without_members_is_not_written(tmp_path):
    limits = Connection(group=np.array([0, 0, -1]), group_names=("a", "b"))
    with pytest.raises(ScenarioError, match=r"nobody is in b \(§16"):
        write_folder(dataclasses.replace(awkward(), connection=limits), tmp_path / "folder")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_written_and_read_it_is_the_same(tmp_path, form):
    community = awkward()
    path = write_folder(community, tmp_path / "new" / "folder", table=form, currency="EUR")
    same(read(path), community)
    assert [p.name for p in path.parent.iterdir()] == ["folder"]


def test_sample_survives_both_forms(tmp_path):
    sample = Sample(slots=40).community(STREAMS)
    same(read(write_folder(sample, tmp_path / "own")), sample)
    clock = Clock(datetime(2025, 1, 1, tzinfo=UTC), timedelta(minutes=15), 40)
    plain = dataclasses.replace(sample, clock=clock, signals={}, traits={})
    for form in ("csv", "parquet"):
        again = read(write_folder(plain, tmp_path / f"s0_{form}", form="s0", table=form))
        same(again, plain)


def test_writing_refuses_what_is_there_and_what_does_not_fit(tmp_path):
    community = awkward()
    with pytest.raises(ScenarioError, match="vehicles are written from their sessions"):
        write_folder(dataclasses.replace(community, sessions=Sessions.none()), tmp_path / "x")
    with pytest.raises(ScenarioError, match="form s0"):
        write_folder(community, tmp_path / "x", form="s0")
    assert not (tmp_path / "x").exists()
    sample = Sample(slots=4).community(STREAMS)
    path = write_folder(sample, tmp_path / "there")
    with pytest.raises(ScenarioError, match="nothing is overwritten"):
        write_folder(sample, path)
    (path / "old.csv").write_text("")
    write_folder(sample, path, force=True)
    assert not (path / "old.csv").exists()


def test_parquet_instants_serve_as_times(tmp_path):
    import pandas as pd

    times = pd.date_range("2025-01-01", periods=3, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"time": times, "home": [1.0, 2.0, 3.0]})
    for name in ("load_profiles", "pv_profiles"):
        frame.to_parquet(tmp_path / f"{name}.parquet", index=False)
    (tmp_path / "community.yaml").write_text(COLUMNS)
    assert read(tmp_path).load_kw[:, 0].tolist() == [1, 2, 3]


def test_a_generated_community_with_vehicles_survives(tmp_path):
    community = Synthetic(members=6, days=9, ev_share=0.5).community(STREAMS)
    assert community.sessions.member.size > 5
    again = read(write_folder(community, tmp_path / "own"))
    same(again, community)
    assert (again.sessions.arrival == community.sessions.arrival).all()
