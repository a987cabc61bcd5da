"""A price ladder over the local day."""

from typing import Literal

from ._ladder import Ladder


class TimeOfUse(Ladder):
    """Three prices by wall clock: night, day and evening; weekends and holidays cost the night price on request."""

    kind: Literal["time_of_use"] = "time_of_use"
