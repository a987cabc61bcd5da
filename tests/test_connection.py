"""Limits of the connection: what the noun accepts, what a run does under them, and that it is never beyond them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests._communities import make_community

from commonwatt.connection import OPEN, Connection
from commonwatt.errors import DataError


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"import_cap_kw": np.array([5.0, -1.0])}, r"import_cap_kw\[1\] = -1.0 \(§3"),
        ({"member_export_cap_kw": np.array([np.nan])}, "member_export_cap_kw"),
        ({"group": np.array([0, 1]), "group_names": ("west",)}, "groups 0 to 0, and -1 for none"),
        ({"group_names": ("west", "west")}, "own name"),
        ({"group_names": ("west",), "group_import_cap_kw": np.ones((3, 2))}, "2 columns"),
    ],
)
def test_limits_that_mean_nothing_are_refused(fields: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        Connection(**fields)


def test_limits_of_another_length_are_refused() -> None:
    community = make_community(0, slots=8)
    with pytest.raises(DataError, match="import_cap_kw has 9 slots"):
        replace(community, connection=Connection(import_cap_kw=np.ones(9)))
    with pytest.raises(DataError, match="member_import_cap_kw has 2 members"):
        replace(community, connection=Connection(member_import_cap_kw=np.ones(2)))


def test_limits_are_cut_with_their_community() -> None:
    caps = np.arange(8.0)
    community = replace(
        make_community(0, slots=8),
        connection=Connection(import_cap_kw=caps, group=np.zeros(6, np.int64), group_names=("all",)),
    )
    now = community.window(2, 5)
    assert now.connection.import_cap_kw is not None
    assert now.connection.import_cap_kw.tolist() == [2.0, 3.0, 4.0]
    assert now.connection.group_names == ("all",)


def test_who_stands_alone_keeps_its_own_limits() -> None:
    limits = Connection(
        import_cap_kw=np.ones(2), member_import_cap_kw=np.ones(3), group=np.zeros(3, np.int64), group_names=("a",),
        group_export_cap_kw=np.ones((2, 1)),
    )  # fmt: skip
    assert OPEN.is_open
    assert not limits.is_open
    assert limits.alone().member_import_cap_kw is limits.member_import_cap_kw
    assert limits.alone().import_cap_kw is limits.alone().group_export_cap_kw is limits.alone().group is None
