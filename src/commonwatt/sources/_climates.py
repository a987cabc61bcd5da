"""Climates as data: where a community lies, how clear its days are, how warm its year is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ClimateName = Literal["temperate_oceanic", "mediterranean"]
Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Climate:
    """Numbers of one place. Day states are dull, mixed, clear: mean clearness below .40, up to .75, above."""

    latitude: float
    """North is positive. [deg]"""
    longitude: float
    """East is positive. [deg]"""
    zone: str
    """Time zone. [IANA name]"""
    winter: Rows
    """Chance of tomorrow's state (columns) given today's (rows), October to March. [-]"""
    summer: Rows
    """The same from April to September. [-]"""
    deciles: Rows
    """Deciles (columns) of the quarter-hourly clear-sky index in each state (rows). [-]"""
    lag: tuple[float, ...]
    """Correlation of neighbouring quarter-hours of the clear-sky index's normal score in each state. [-]"""
    calibration: float
    """Factor on the index that closes the year's irradiance: noons are clearer than mornings. [-]"""
    mean_c: float
    """Mean air temperature of the year. [degC]"""
    season_k: float
    """Half the difference of the warmest and the coldest month. [K]"""
    swing_k: float
    """Half the difference of afternoon and night on a mixed day. [K]"""
    anomaly_k: float
    """Standard deviation of a day's mean temperature around the season. [K]"""
    load_season: float
    """How much the household load follows the winter, 1 in central Europe. [-]"""


CLIMATES: dict[ClimateName, Climate] = {
    "temperate_oceanic": Climate(
        latitude=51.296,
        longitude=6.7686,
        zone="Europe/Berlin",
        winter=((0.591, 0.304, 0.105), (0.419, 0.368, 0.214), (0.360, 0.227, 0.413)),
        summer=((0.316, 0.595, 0.089), (0.217, 0.566, 0.217), (0.121, 0.327, 0.551)),
        deciles=(
            (0.0, 0.081, 0.122, 0.153, 0.185, 0.219, 0.257, 0.303, 0.369, 0.480, 1.255),
            (0.0, 0.204, 0.304, 0.383, 0.457, 0.535, 0.616, 0.706, 0.818, 0.918, 1.563),
            (0.0, 0.539, 0.695, 0.790, 0.849, 0.891, 0.931, 0.960, 0.990, 1.028, 1.423),
        ),
        lag=(0.846, 0.791, 0.724),
        calibration=1.03,
        mean_c=11.4,
        season_k=8.3,
        swing_k=2.6,
        anomaly_k=3.0,
        load_season=1.0,
    ),
    "mediterranean": Climate(
        latitude=41.9,
        longitude=12.5,
        zone="Europe/Rome",
        winter=((0.528, 0.252, 0.220), (0.269, 0.247, 0.484), (0.213, 0.239, 0.548)),
        summer=((0.220, 0.317, 0.463), (0.200, 0.429, 0.371), (0.048, 0.214, 0.738)),
        deciles=(
            (0.036, 0.047, 0.061, 0.071, 0.081, 0.111, 0.195, 0.292, 0.417, 0.633, 1.123),
            (0.035, 0.097, 0.304, 0.428, 0.530, 0.625, 0.691, 0.745, 0.814, 0.934, 1.244),
            (0.036, 0.704, 0.825, 0.883, 0.923, 0.949, 0.967, 0.985, 1.014, 1.055, 1.272),
        ),
        lag=(0.755, 0.808, 0.810),
        calibration=1.046,
        mean_c=16.2,
        season_k=8.8,
        swing_k=3.6,
        anomaly_k=2.3,
        load_season=0.5,
    ),
}
"""Clearness fitted to quarter-hourly irradiance of Duesseldorf (2024) and Rome (2019), the first also for temperature;
temperatures of the second are rounded climate normals."""
