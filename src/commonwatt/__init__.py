"""commonwatt: the laboratory for prosumer energy communities, audited to the last kWh and cent.

>>> import commonwatt as cw
>>> scenario = cw.Scenario.model_validate({"tariff": {"kind": "flat"}, "market": {"kind": "mid_market_rate"}})
>>> cw.run(scenario).verdict.holds
True
"""

from .errors import AuditError, CommonwattError, DataError, InfeasibleError, ScenarioError
from .flow import Clock, Community, Flexibility
from .run import Run, run
from .scenario import Scenario, Study, load, schema
from .simulate import simulate
from .studies import Results, benchmark, compare, run_prices, scorecard

__version__ = "0.1.0"
__all__ = [
    "AuditError",
    "Clock",
    "CommonwattError",
    "Community",
    "DataError",
    "Flexibility",
    "InfeasibleError",
    "Results",
    "Run",
    "Scenario",
    "ScenarioError",
    "Study",
    "benchmark",
    "compare",
    "load",
    "run",
    "run_prices",
    "schema",
    "scorecard",
    "simulate",
]
