"""Devices written into a community's folder and read back: the same, kind by kind."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from tests._communities import make_community

from commonwatt.devices import DEVICES
from commonwatt.devices.ev import Ev
from commonwatt.devices.shiftable_load import ShiftableLoad
from commonwatt.errors import ScenarioError
from commonwatt.flow import Community, Flexibility, Streams
from commonwatt.sources._write import write_folder
from commonwatt.sources._write_devices import KINDS
from commonwatt.sources.folder import Folder

BARE = make_community(3, members=4, slots=40, devices=False)
FITTING = [kind for kind in DEVICES if kind != "shiftable_load"]


def again(community: Community, folder: Path, table: str = "csv") -> Community:
    return Folder(path=write_folder(community, folder / table, table=table)).community(Streams(0))


def by_kind(device: Flexibility) -> Flexibility:
    """In the order of a folder."""
    return device.kept(np.array(sorted(range(device.devices), key=lambda k: KINDS.index(str(device.kind[k])))))


@pytest.mark.parametrize("table", ["csv", "parquet"])
@pytest.mark.parametrize("kind", FITTING)
def test_every_device_that_is_no_load_fits_into_a_folder(kind: str, table: str, tmp_path: Path) -> None:
    community = DEVICES[kind]().added(BARE, Streams(4))
    read = again(community, tmp_path, table)
    for field in fields(Flexibility):
        assert np.array_equal(getattr(read.flexibility, field.name), getattr(community.flexibility, field.name)), field
    assert read.names == community.names
    assert read.traits.keys() == community.traits.keys()


def test_all_together_come_back_kind_by_kind(tmp_path: Path) -> None:
    community = BARE
    for kind in reversed(FITTING):
        community = DEVICES[kind]().added(community, Streams(4))
    read, wanted = again(community, tmp_path).flexibility, by_kind(community.flexibility)
    for field in fields(Flexibility):
        assert np.array_equal(getattr(read, field.name), getattr(wanted, field.name)), field.name


def test_what_a_folder_cannot_hold_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"appliance does not fit into a folder .*; vehicles are written"):
        write_folder(ShiftableLoad().added(BARE, Streams(0)), tmp_path / "one")
    with pytest.raises(ScenarioError, match=r"flexibility\.wear: does not fit into a folder"):
        write_folder(Ev(wear=0.1).added(BARE, Streams(0)), tmp_path / "two")
