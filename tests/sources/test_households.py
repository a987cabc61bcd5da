"""Tables of households: one each or a long one, counted or dated, CSV or Parquet; strict."""

import numpy as np
import pandas as pd
import pytest

import commonwatt as cw
from commonwatt.errors import DataError
from commonwatt.flow import Streams
from commonwatt.scenario import Scenario
from commonwatt.sources.households import Households
from commonwatt.studies.communities import community_scenario

A, B = [[0.0, 1.0], [2.0, 0.5], [0.5, 0.25]], [[1.0, 0.0], [0.0, 3.0], [0.0, 0.125]]
"""Production and consumption, three steps each. [kWh]"""


def write(path, rows, header="timestep,production,consumption", first=0):
    counted = [[first + k, *row] for k, row in enumerate(rows)]
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in counted)]) + "\n")


def long(path, rows, header="timestep,household_id,production,consumption"):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")


def read(path, **fields):
    return Households(path=path, **fields).community(Streams(0))


def refused(path, *said):
    with pytest.raises(DataError) as error:
        read(path)
    for text in said:
        assert text in str(error.value), (text, str(error.value))


@pytest.fixture
def homes(tmp_path):
    write(tmp_path / "home_2.csv", A)
    write(tmp_path / "home_10.csv", B, first=1)
    return tmp_path


# --- what is read -----------------------------------------------------------------------------------------------------


def test_a_file_for_each_household(homes):
    community = read(homes, slot_minutes=30)
    assert community.names == ("home_2", "home_10")
    assert community.pv_kwh.tolist() == [[0.0, 1.0], [2.0, 0.0], [0.5, 0.0]]
    assert community.load_kwh.tolist() == [[1.0, 0.0], [0.5, 3.0], [0.25, 0.125]]
    assert community.load_kw[0, 0] == 2.0
    assert (community.clock.hours, community.clock.slots, community.clock.zone) == (0.5, 3, "UTC")
    assert community.notes == ("steps are counted: slots of 30 min assumed from 2025-01-01T00:00:00+00:00",)
    assert not community.traits


@pytest.mark.parametrize("order", ["by step", "by household"])
def test_one_long_table_in_either_order(tmp_path, order):
    rows = [[t, name, *values[t]] for name, values in (("home_2", A), ("home_10", B)) for t in range(3)]
    long(tmp_path / "all.csv", sorted(rows, key=lambda row: row[0]) if order == "by step" else rows)
    table = read(tmp_path / "all.csv")
    assert table.names == ("home_2", "home_10")
    assert table.load_kwh[:, 0].tolist() == [1.0, 0.5, 0.25]
    assert table.pv_kwh[:, 1].tolist() == [1.0, 0.0, 0.0]


def test_dated_rows_carry_their_clock(tmp_path):
    times = [f"2025-06-02T{hour:02d}:{minute:02d}:00+02:00" for hour in (6, 7) for minute in (0, 30)]
    frame = pd.DataFrame({"time": times, "production": [0.0, 0.1, 0.2, 0.3], "consumption": [1.0] * 4})
    frame.to_parquet(tmp_path / "only.parquet")
    community = read(tmp_path, wallet_start=50.0)
    assert (community.clock.hours, community.clock.zone) == (0.5, "Etc/GMT-2")
    assert community.clock.hour.tolist() == [6.0, 6.5, 7.0, 7.5]
    assert community.traits["wallet_start"].tolist() == [50.0]
    assert community.notes == ()
    assert read(tmp_path, zone="Europe/Berlin").clock.hour[0] == 6.0


def test_limits_may_stand_beside(homes):
    limits = "timestep,import_capacity_kw,export_capacity_kw\n0,1.5,\n1,2,1\n2,2,1\n"
    (homes / "grid_capacity.csv").write_text(limits)
    community = read(homes)
    assert community.connection.import_cap_kw.tolist() == [1.5, 2.0, 2.0]
    assert community.connection.export_cap_kw.tolist() == [np.inf, 1.0, 1.0]
    run = cw.run(Scenario.model_validate({"source": {"kind": "households", "path": homes}}))
    assert run.metrics["unserved"] == pytest.approx(max(3.0 + 0.5 - 2.0 - 2.0, 0.0))


def test_columns_of_a_result_are_left_alone(tmp_path):
    columns = ("stored_kwh", "battery_pct", "wallet", "grid_buy", "grid_sell", "p2p_trades")
    header = ",".join(["step,household_id,production,consumption", *columns, "p2p_buy_amount,p2p_sell_amount"])
    long(tmp_path / "baseline_results.csv", [[0, "h1", 1, 2, "", "", -3, 1, 0, "h2:0.5-h3:0.5", 1, 0]], header)
    (tmp_path / "optimized_results.csv").write_text("not read")
    found = community_scenario(tmp_path)
    assert (found.source.kind, found.community().load_kwh.tolist()) == ("households", [[2.0]])


def test_what_it_reads_is_part_of_the_identity(homes):
    scenario = Scenario.model_validate({"source": {"kind": "households", "path": homes}})
    before = scenario.identity()
    assert sorted(scenario.inputs()) == ["Households/home_10.csv", "Households/home_2.csv"]
    (homes / "grid_capacity.csv").write_text("timestep,import_capacity_kw\n0,1\n1,1\n2,1\n")
    assert "Households/grid_capacity.csv" in scenario.inputs()
    assert scenario.identity() != before


# --- what is refused --------------------------------------------------------------------------------------------------


def test_all_mistakes_of_a_folder_are_named_at_once(homes):
    (homes / "home_2.csv").write_text("timestep,production,consumption\n0,1,-2\n1,x,1\n")
    (homes / "home_10.csv").write_text("timestep,production,load\n0,1,2\n")
    refused(
        homes, "home_2.csv row 2, column consumption: -2.0 (§3: energy is never negative)",
        "home_2.csv row 3, column production: 'x' (§3: energy is a number)",
        "home_10.csv row 1: no column 'consumption' (§16: a column consumption); add it, in kWh per step",
        "home_10.csv row 1, column load: 'load' (§16: a known column)",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("production,consumption\n1,2\n", "row 1: none of timestep, step, time (§16: one column says when)"),
        ("timestep,time,production,consumption\n0,x,1,2\n", "row 1: timestep and time (§16: one column says when)"),
        ("timestep,production,consumption\n", "no rows"),
        ("timestep,production,consumption\n0,1,2\n2,1,2\n", "row 3, column timestep: '2' for home_2 (§1"),
        ("timestep,production,consumption\n2,1,2\n", "row 2, column timestep: '2' for home_2"),
        ("timestep,production,consumption\n0,,2\n", "row 2, column production: '' (§3"),
        ("time,production,consumption\n2025-01-01,1,2\n", "§1: a time carries its offset"),
        ("time,production,consumption\n2025-01-01T00:00:00Z,1,2\n", "§1: two slots show how long one is"),
        ("timestep,household_id,production,consumption\n0,,1,2\n", "column household_id: empty (§9"),
    ],
)
def test_a_table_is_read_strictly(tmp_path, table, said):
    (tmp_path / "home_2.csv").write_text(table)
    refused(tmp_path, said)


def test_dated_tables_lie_on_one_line(tmp_path):
    for name, hours in (("a", (0, 1, 2)), ("b", (0, 2, 1))):
        rows = [f"2025-01-01T{hour:02d}:00:00Z,1,1" for hour in hours]
        (tmp_path / f"{name}.csv").write_text("\n".join(["time,production,consumption", *rows]))
    refused(tmp_path, "b.csv row 3, column time: 2025-01-01T02:00:00Z for b", "add, remove or sort rows")


def test_households_share_their_steps_and_their_way_to_count(homes):
    write(homes / "home_10.csv", B[:2])
    refused(homes, "home_10.csv: home_10 has 2 rows, others 3 (§2: all over the same steps)")
    (homes / "home_10.csv").write_text("time,production,consumption\n2025-01-01T00:00:00Z,1,1\n")
    refused(homes, "time and timestep in one set of tables (§1: one way to say when)")


def test_names_stand_once(homes):
    long(homes / "more.csv", [[t, "home_2", 1, 1] for t in range(3)])
    refused(homes, "'home_2' stands twice (§9")


def test_nothing_there(tmp_path):
    refused(tmp_path, "no table in it")
    refused(tmp_path / "missing", "neither a folder nor a table")
