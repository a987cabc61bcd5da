"""Studies: questions asked of many runs on the same community."""

from ._results import Results, Row
from .benchmark import benchmark, run_study, study_identity
from .communities import community_scenario, drawing, on_community, sized
from .compare import Comparison, compare
from .prices import run_prices
from .scorecard import Scorecard, scorecard
from .verification import verify_result

__all__ = [
    "Comparison", "Results", "Row", "Scorecard", "benchmark", "community_scenario", "compare", "drawing",
    "on_community", "run_prices", "run_study", "scorecard", "sized", "study_identity", "verify_result",
]  # fmt: skip
