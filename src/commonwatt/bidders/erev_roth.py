"""Reinforcement by propensities."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PositiveFloat

from ..flow import Array, Index
from ._levels import LevelLearner


class ErevRoth(LevelLearner):
    """What paid is chosen more often; propensities fade, and a part of them spreads to the other levels.

    Erev and Roth 1998, in the form of Nicolaisen, Petrov and Tesfatsion 2001, doi:10.1109/4235.956714, which keeps
    learning where nothing is gained.
    """

    kind: Literal["erev_roth"] = "erev_roth"
    forgetting: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Part of a propensity that fades in a slot. [-]"""
    experimenting: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Part of what is learned that goes to the other levels. [-]"""
    first: PositiveFloat = 0.1
    """Propensity of every level before anything is learned. [-]"""

    def first_scores(self, members: int) -> Array:
        return np.full((members, self.levels), self.first)

    def chances(self, scores: Array, slot: int) -> Array:
        chance: Array = scores / scores.sum(axis=1, keepdims=True)
        return chance

    def learned(self, scores: Array, chosen: Index, reward: Array) -> Array:
        gained = scores * self.experimenting / (self.levels - 1)
        gained[np.arange(len(scores)), chosen] = np.maximum(reward, 0.0) * (1.0 - self.experimenting)
        return np.maximum((1.0 - self.forgetting) * scores + gained, 1e-4)
