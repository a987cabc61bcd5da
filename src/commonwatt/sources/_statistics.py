"""How alike, how rough and how peaky profiles are: the figures a generator is held to."""

from __future__ import annotations

import numpy as np

from ..habits.weeks import Array


def lag_correlation(profile: Array, lag: int = 1) -> float:
    """Correlation of a profile (T,) with itself `lag` slots later. [-]"""
    return float(np.corrcoef(profile[lag:], profile[:-lag])[0, 1])


def variation(profile: Array) -> float:
    """Standard deviation over mean of a profile (T,). [-]"""
    return float(profile.std() / profile.mean())


def hourly(profiles: Array, slots: int) -> Array:
    """Means of every `slots` slots. (T, N) -> (T / slots, N)"""
    return np.asarray(profiles.reshape(-1, slots, *profiles.shape[1:]).mean(axis=1))


def pair_correlation(profiles: Array) -> float:
    """Mean correlation over all pairs of members (T, N). [-]"""
    matrix = np.asarray(np.corrcoef(profiles.T))
    members = profiles.shape[1]
    return float((matrix.sum() - members) / (members * (members - 1)))


def coincidence(profiles: Array) -> float:
    """Peak of the sum over the sum of the peaks (T, N). [-]"""
    return float(profiles.sum(axis=1).max() / profiles.max(axis=0).sum())
