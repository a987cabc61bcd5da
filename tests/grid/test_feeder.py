"""Radial networks: read from tables, checked by hand, held to full power flow."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests._communities import hand_made, make_community, scenario

from commonwatt.errors import DataError, MissingExtra, ScenarioError
from commonwatt.grid import FeederCheck, Network, lindistflow, read_network
from commonwatt.grid.exact import exact
from commonwatt.record import Record
from commonwatt.run import run
from commonwatt.simulate import simulate

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "lv_networks"
NETWORKS = ("kerber_rural_overhead_1", "kerber_village", "cigre_lv")
TABLES = {
    "bus": ",name,vn_kv\n0,grid,10.0\n1,busbar,0.4\n2,near,0.4\n3,far,0.4\n7,spare,0.4\n",
    "line": (
        ",from_bus,to_bus,length_km,r_ohm_per_km,x_ohm_per_km,c_nf_per_km,max_i_ka,std_type,parallel\n"
        "0,1,2,0.1,0.5,0.1,0.0,0.1,cable,1\n1,3,2,0.2,0.5,0.1,0.0,0.1,cable,2\n"
    ),
    "trafo": (
        ",hv_bus,lv_bus,sn_mva,vn_hv_kv,vn_lv_kv,vk_percent,vkr_percent,pfe_kw,i0_percent,tap_pos\n"
        "0,0,1,0.1,10.0,0.4,5.0,3.0,0.2,0.25,\n"
    ),
    "load": ",name,bus,p_mw\n0,a,2,0.01\n1,b,3,0.01\n",
}


def tables(folder: Path, **changes: tuple[str, str]) -> Path:
    for kind, text in TABLES.items():
        old, new = changes.get(kind, ("", ""))
        assert old in text
        (folder / f"small_{kind}.csv").write_text(text.replace(old, new, 1) if old else text)
    return folder / "small"


@pytest.fixture
def small(tmp_path: Path) -> Network:
    return read_network(tables(tmp_path))


def loads(network: Network, **kw: list[float]) -> np.ndarray:
    """Loads of buses `b<number>` over slots. (T, B)"""
    out = np.zeros((len(next(iter(kw.values()))), network.buses))
    for bus, values in kw.items():
        out[:, network.place(int(bus[1:]))] = values
    return out


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_a_network_is_put_in_order(small: Network) -> None:
    assert small.bus.tolist() == [0, 1, 2, 3], "the spare bus is connected to nothing"
    assert small.parent.tolist() == [-1, 0, 1, 2]
    assert [small.label(place) for place in (1, 2, 3)] == ["transformer 0", "line 0", "line 1"]
    assert small.bus[small.points].tolist() == [2, 3]
    ohm, reactance = small.branch_ohm()
    # the transformer: 400 V squared over 100 kVA is 1.6 ohm, of which 3 % and sqrt(25 - 9) = 4 %
    np.testing.assert_allclose(ohm, [0.0, 0.048, 0.05, 0.05])
    np.testing.assert_allclose(reactance, [0.0, 0.064, 0.01, 0.01])
    # 100 A at 400 V three-phase; two cables side by side carry twice that
    np.testing.assert_allclose(small.rated_kva()[1:], [100.0, 40 * math.sqrt(3), 80 * math.sqrt(3)])


def test_voltages_by_hand(small: Network) -> None:
    # 8 kW at the far bus, 2 kW near: 10 kW through the first line and the transformer
    flow = lindistflow(small, loads(small, b3=[8.0], b2=[2.0]), np.zeros((1, 4)))
    drop = [2000 * ohm * kw / 160_000 for ohm, kw in ((0.048, 10.0), (0.05, 10.0), (0.05, 8.0))]
    squares = 1.0 - np.cumsum([0.0, *drop])
    np.testing.assert_allclose(flow.voltage, [np.sqrt(squares)])
    # 1000 r S^2 / V^2 of each, and 0.2 kW of iron
    losses = 0.2 + sum(1000 * ohm * kw**2 / 160_000 for ohm, kw in ((0.048, 10.0), (0.05, 10.0), (0.05, 8.0)))
    np.testing.assert_allclose(flow.losses_kw, [losses])
    np.testing.assert_allclose(flow.loading[0, 1], 0.1)
    np.testing.assert_allclose(flow.loading[0, 2], 10 / (40 * math.sqrt(3)) / math.sqrt(squares[2]))


def test_feeding_in_raises_the_voltage(small: Network) -> None:
    flow = lindistflow(small, loads(small, b3=[-8.0, 8.0]), np.zeros((2, 4)))
    assert flow.voltage[0, 3] > 1 > flow.voltage[1, 3]


def test_reactive_power_counts_by_reactance(small: Network) -> None:
    flow = lindistflow(small, np.zeros((1, 4)), loads(small, b3=[8.0]))
    drop = 2000 * 8.0 * (0.064 + 0.01 + 0.01) / 160_000
    assert flow.voltage[0, 3] == pytest.approx(math.sqrt(1 - drop))


def test_a_transformer_that_steps_up(tmp_path: Path) -> None:
    raised = read_network(tables(tmp_path, trafo=("10.0,0.4", "10.0,0.42")))
    flow = lindistflow(raised, np.zeros((1, 4)), np.zeros((1, 4)))
    np.testing.assert_allclose(flow.voltage, [[1.0, 1.05, 1.05, 1.05]])


# --- full power flow -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["small", *NETWORKS])
def test_the_linear_equations_are_close_to_full_power_flow(name: str, tmp_path: Path) -> None:
    """Within 5e-4 of nominal voltage and 5 % of losses, at loads of homes with PV (Baran and Wu 1989)."""
    pytest.importorskip("power_grid_model", reason="the extra [grid] is not installed")
    if name != "small" and not REAL.is_dir():
        pytest.skip("the tables of ../shared/data/lv_networks are not there")
    network = read_network(tables(tmp_path) if name == "small" else REAL / name)
    rng = np.random.default_rng(3)
    active, reactive = np.zeros((2, 50, network.buses))
    homes = rng.uniform(-6.0, 5.0, (50, network.points.size))
    for k, place in enumerate(network.points):
        active[:, place] += homes[:, k]
        reactive[:, place] += 0.33 * np.maximum(homes[:, k], 0.0)
    near, full = lindistflow(network, active, reactive), exact(network, active, reactive)
    np.testing.assert_allclose(near.voltage, full.voltage, rtol=0, atol=5e-4)
    np.testing.assert_allclose(near.loading, full.loading, rtol=0, atol=0.01)
    assert near.losses_kw.sum() == pytest.approx(full.losses_kw.sum(), rel=0.05)
    assert abs(full.voltage - 1).max() > 0.005, "else there is nothing to compare"


def test_without_the_library_the_extra_is_named(small: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "power_grid_model", None)
    with pytest.raises(MissingExtra, match=r"pip install 'commonwatt\[grid\]'"):
        exact(small, np.zeros((1, 4)), np.zeros((1, 4)))


# --- tables ----------------------------------------------------------------------------------------------------------

MISTAKES = [
    ("line", "1,3,2,", "1,2,1,", "line 1 closes a loop at bus"),
    ("line", "1,3,2,", "1,7,2,", "load table: bus 3 (a bus that a transformer feeds); connect it"),
    ("line", "0,1,2,", "0,1,9,", "line table row 2: to_bus = 9 (a bus of the bus table)"),
    ("line", "0.5,0.1,0.0,0.1", "-0.5,0.1,0.0,0.1", "small_line.csv row 2, column r_ohm_per_km: -0.5 (§3: at least 0)"),
    ("line", ",1\n1,", ",0\n1,", "column parallel: 0 (§3: above 0)"),
    ("line", "length_km", "length", "small_line.csv row 1: no column length_km"),
    ("bus", "3,far", "2,far", "bus table: bus 2 stands twice"),
    ("bus", "0.4\n3", "zero\n3", "small_bus.csv row 4"),
    ("bus", ",name", "number,name", "no column of row numbers"),
    ("load", "0,a,2,", "0,a,2.5,", "small_load.csv row 2, column bus: 2.5 (§16: a bus or row is a whole number)"),
    ("trafo", "0,0,1,0.1", "0,0,1,0", "small_trafo.csv row 2, column sn_mva: 0 (§3: above 0)"),
]


@pytest.mark.parametrize(("kind", "old", "new", "says"), MISTAKES)
def test_mistakes_in_tables_are_named(tmp_path: Path, kind: str, old: str, new: str, says: str) -> None:
    with pytest.raises(DataError) as caught:
        read_network(tables(tmp_path, **{kind: (old, new)}))
    assert says in str(caught.value)


def test_missing_tables_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere_trafo.csv: no such file"):
        read_network(tmp_path / "nowhere")


@pytest.mark.parametrize("name", NETWORKS)
def test_real_tables_are_read(name: str) -> None:
    if not REAL.is_dir():
        pytest.skip("the tables of ../shared/data/lv_networks are not there")
    network = read_network(REAL / name)
    connected = {"kerber_rural_overhead_1": 13, "kerber_village": 57, "cigre_lv": 15}[name]
    assert network.points.size == connected
    assert (network.parent < np.arange(network.buses)).all()
    assert (network.rated_kva() > 0).all()


# --- a run -----------------------------------------------------------------------------------------------------------


def test_a_run_is_checked_slot_by_slot(small: Network) -> None:
    # three homes at buses 2, 3, 2; in the second hour 100 kW are fed in at the far end
    community = hand_made([[3.0, 5.0, 2.0], [0.0, -100.0, 0.0], [1.0, 1.0, 1.0]])
    check = FeederCheck(small, community, power_factor=1.0)
    run(scenario(), check, community=community)
    report = check.report()
    by_hand = lindistflow(small, loads(small, b2=[5, 0, 2], b3=[5, -100, 1]), np.zeros((3, 4)))
    np.testing.assert_allclose(report.columns["lowest_voltage"], by_hand.voltage.min(axis=1))
    np.testing.assert_allclose(report.columns["losses_kwh"], by_hand.losses_kw)
    (row,) = report.rows()
    assert (row["slot"], row["branch"], row["violated"]) == (1, "line 0", True)
    assert row["highest_bus"] == 3
    assert report.summary()["loading_hours"] == 1.0
    assert report.summary()["voltage_hours"] == float((by_hand.voltage > 1.1).any(axis=1).sum())
    assert len(report.rows(violated=False)) == 3


def test_windows_make_no_difference(small: Network) -> None:
    community = make_community(3, slots=40)
    found = []
    for cut in (40, 7):
        check = FeederCheck(small, community)
        for window in simulate(scenario(), community, cut=cut):
            check.take(Record.of(window))
        found.append(check.report())
    assert found[0].rows(violated=False) == found[1].rows(violated=False)


def test_members_may_be_placed(small: Network) -> None:
    community = hand_made([[4.0, 4.0]])
    ends = []
    for at in ({}, {"member_1": 3, "member_2": 3}):
        check = FeederCheck(small, community, at=at)
        run(scenario(), check, community=community)
        ends.append(check.report().summary()["lowest_voltage"])
    assert ends[1] < ends[0]
    with pytest.raises(ScenarioError, match="nobody is called m9"):
        run(scenario(), FeederCheck(small, community, at={"m9": 3}), community=community)
    with pytest.raises(DataError, match="bus 99"):
        run(scenario(), FeederCheck(small, community, at={"member_1": 99}), community=community)


def test_a_limit_keeps_the_feeder_whole(small: Network) -> None:
    """What the connection does not let through does not load the line."""
    community = hand_made([[2.0, -100.0]])
    limited = replace(community, connection=replace(community.connection, member_export_cap_kw=np.array([9.0, 40.0])))
    check = FeederCheck(small, limited)
    run(scenario(), check, community=limited)
    assert check.report().rows() == []
