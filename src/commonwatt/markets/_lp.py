"""Small linear programmes of markets, always at a corner and always at the same one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InfeasibleError
from ..flow import Array

FINE = 1e-9
"""What a row or a reduced cost may be missed by. [-]"""


def optimum(lp: Any, what: str, instead: str) -> tuple[Array, Array]:
    """Values of the columns and duals of the rows of a HighsLp, by simplex on one thread.

    Raises InfeasibleError where there is no optimum, saying `what` was asked and which market to take `instead`.
    """
    import highspy

    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (("output_flag", False), ("threads", 1), ("random_seed", 0), ("solver", "simplex")):
        highs.setOptionValue(option, value)
    for kind in ("primal", "dual"):
        highs.setOptionValue(f"{kind}_feasibility_tolerance", FINE)
    highs.passModel(lp)
    highs.run()
    status = highs.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        said = f"{what}: the solver says {highs.modelStatusToString(status).lower()}"
        raise InfeasibleError(f"{said} (§7: prices and energy within range of 1e9); take {instead}")
    solution = highs.getSolution()
    return np.asarray(solution.col_value, np.float64), np.asarray(solution.row_dual, np.float64)
