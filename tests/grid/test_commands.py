"""The commands about the grid: tables of what it lets through, and a stored run on a network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests._command import SCENARIO, call, refused

HEADER = "timestep,import_capacity_kw,export_capacity_kw"
NETWORK = {
    "lane_bus.csv": ",name,vn_kv\n0,grid,10\n1,busbar,0.4\n2,end,0.4\n",
    "lane_trafo.csv": (
        ",hv_bus,lv_bus,sn_mva,vn_hv_kv,vn_lv_kv,vk_percent,vkr_percent,pfe_kw,i0_percent\n"
        "0,0,1,0.1,10,0.4,4,1.5,0.26,0.3\n"
    ),
    "lane_line.csv": (
        ",from_bus,to_bus,length_km,r_ohm_per_km,x_ohm_per_km,c_nf_per_km,max_i_ka,parallel\n"
        "0,1,2,0.3,0.64,0.085,670,0.005,1\n"
    ),
    "lane_load.csv": ",name,bus\n0,end,2\n",
}


def numbers(path: Path) -> np.ndarray:
    assert path.read_text().splitlines()[0] == HEADER
    return np.loadtxt(path, delimiter=",", skiprows=1)


def test_a_constant_table(tmp_path: Path) -> None:
    told = call("data", "grid-capacity", "--steps", 90, "--output", "grid_data.csv", cwd=tmp_path)
    assert told.code == 0, told.err
    table = numbers(tmp_path / "grid_data.csv")
    assert table.shape == (90, 3)
    assert table[:, 0].tolist() == list(range(90))
    assert set(table[:, 1]) == {10_000.0}
    assert set(table[:, 2]) == {8_000.0}
    refused(call("data", "grid-capacity", "--output", "grid_data.csv", cwd=tmp_path), "grid_data.csv", "--force")


def test_a_synthetic_table_is_lower_at_peak_and_noisy(tmp_path: Path) -> None:
    words = ("data", "grid-capacity", "--kind", "synthetic", "--json")
    answer = call(*words, "--steps", 24 * 40, "--output", "a.csv", cwd=tmp_path)
    assert answer.data["slots"] == 960
    call(*words, "--steps", 30, "--output", "b.csv", cwd=tmp_path)
    call(*words, "--steps", 30, "--seed", 1, "--output", "c.csv", cwd=tmp_path)
    long, short, other = (numbers(tmp_path / name) for name in ("a.csv", "b.csv", "c.csv"))
    assert np.array_equal(long[:30], short), "a longer table begins like a shorter one"
    assert not np.array_equal(short, other)
    hour = long[:, 0] % 24
    peak = (hour >= 17) & (hour < 21)
    for column, base in ((1, 5000.0), (2, 4000.0)):
        assert long[~peak, column].mean() == pytest.approx(base, rel=0.02)
        assert long[peak, column].mean() == pytest.approx(base / 2, rel=0.03)
        assert long[~peak, column].std() / base == pytest.approx(0.1, rel=0.1)


def test_a_table_from_another(tmp_path: Path) -> None:
    stamps = [f"2025-01-01T{hour:02d}:00:00+01:00" for hour in range(6)]
    pq.write_table(pa.table({"time": stamps, "import_capacity_kw": [5.0, None, 4, 3, 2, 1]}), tmp_path / "in.parquet")
    told = call("data", "grid-capacity", "--from", "in.parquet", "--steps", 3, "--output", "out.csv", cwd=tmp_path)
    assert told.code == 0, told.err
    assert (tmp_path / "out.csv").read_text() == "timestep,import_capacity_kw\n0,5.0\n1,\n2,4.0\n"
    words = ("data", "grid-capacity", "--from", "in.parquet", "--output", "more.csv")
    refused(call(*words, "--steps", 9, cwd=tmp_path), "in.parquet has 6 rows", "take at most 6")
    refused(call(*words, "--noise", 0.1, cwd=tmp_path), "--from and noise", "leave one of them out")
    refused(call("data", "grid-capacity", "--kind", "real", cwd=tmp_path), "'real'", "constant, synthetic")
    refused(call("data", "grid-capacity", "--peak-reduction", 2, cwd=tmp_path), "peak_reduction = 2", "at most 1")


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SCENARIO)
    for name, text in NETWORK.items():
        (tmp_path / name).write_text(text)
    assert call("run", "small.yaml", "--output", "kept", "--quiet", cwd=tmp_path).code == 0
    return tmp_path


def test_a_stored_run_on_a_network(stored: Path) -> None:
    words = ("feeder", "kept", "--network", "lane")
    answer = call(*words, "--json", "--output", "all.csv", cwd=stored)
    assert answer.code == 0, answer.err
    assert answer.data["highest_loading"] > 1, "four homes on a cable for 5 A"
    assert answer.data["loading_hours"] == 0.25 * len(answer.data["violated"])
    assert {row["branch"] for row in answer.data["violated"]} == {"line 0"}
    assert len((stored / "all.csv").read_text().splitlines()) == 49
    assert call(*words, "--output", "all.json", "--quiet", cwd=stored).out == ""
    assert json.loads((stored / "all.json").read_text()) == answer.data
    shown = call(*words, cwd=stored)
    assert "out of bounds" in shown.out
    assert "line 0 at" in shown.out


def test_a_feeder_check_refuses_what_it_cannot_trust(stored: Path) -> None:
    words = ("feeder", "kept", "--network", "lane")
    refused(call(*words, "--seed", 3, cwd=stored), "--seed", "leave it out")
    refused(call("feeder", "kept", "--network", "path", cwd=stored), "path_bus.csv: no such file", "put the file")
    (stored / "kept" / "summary.json").write_text("{}")
    refused(call(*words, cwd=stored), "summary.json: has changed", "compute again")
