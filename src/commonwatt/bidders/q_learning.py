"""Learning the worth of each level, with trials that grow rare."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PositiveFloat

from ..flow import Array, Index
from ._levels import LevelLearner


class QLearning(LevelLearner):
    """Keeps a mean reward for every level, chooses the best, and now and then tries another: a bandit.

    Watkins 1989 without states; Sutton and Barto 2018, chapter 2.
    """

    kind: Literal["q_learning"] = "q_learning"
    rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    """How far a new reward moves the mean. [-]"""
    trials: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Part of the choices that are trials, at first. [-]"""
    fading: PositiveFloat = 200.0
    """Slots in which trials fall to 37 %. [slots]"""
    least_trials: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Part of the choices that always are trials. [-]"""
    first: float = 0.3
    """Mean reward expected of every level before it is tried; high values make all be tried. [-]"""

    def first_scores(self, members: int) -> Array:
        return np.full((members, self.levels), self.first)

    def chances(self, scores: Array, slot: int) -> Array:
        trials = max(self.least_trials, self.trials * np.exp(-slot / self.fading))
        chance = np.full(scores.shape, trials / self.levels)
        chance[np.arange(len(scores)), scores.argmax(axis=1)] += 1.0 - trials
        return chance

    def learned(self, scores: Array, chosen: Index, reward: Array) -> Array:
        who, mean = np.arange(len(scores)), np.array(scores)
        mean[who, chosen] += self.rate * (reward - mean[who, chosen])
        return mean
