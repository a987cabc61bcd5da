"""Fixtures that several test files share."""

from __future__ import annotations

import pytest
from tests._communities import CLOCK_CHANGE, MONTH_END, make_community

from commonwatt.flow import Community


@pytest.fixture(params=[0, 1], ids=["clock_change", "month_end"])
def community(request: pytest.FixtureRequest) -> Community:
    """A random community over a day on which the clock changes, and one over the end of a month."""
    return make_community(request.param, start=(CLOCK_CHANGE, MONTH_END)[request.param])
