"""Noise that lasts from hour to hour."""

from __future__ import annotations

import numpy as np

from ..flow import Array, Community


def lasting(community: Community, stream: str, deviation: float, persistence: float) -> Array:
    """AR(1) noise by hour, constant within it, of that standard deviation. (T,) [-]

    `persistence` is the correlation from one hour to the next [-]; draws come from the community's named stream.
    """
    clock = community.clock
    hour = ((clock.utc[:-1] - clock.utc[0]).astype("m8[s]").astype(np.int64)) // 3600
    draws = community.streams.at(stream).standard_normal(int(hour[-1]) + 1 if hour.size else 0)
    kick, z = deviation * np.sqrt(1 - persistence**2), np.empty(draws.size)
    level = deviation * draws[0] if draws.size else 0.0
    for h, draw in enumerate(draws.tolist()):
        level = level if h == 0 else persistence * level + kick * draw
        z[h] = level
    noise: Array = z[hour]
    return noise
