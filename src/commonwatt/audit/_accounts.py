"""Whether the accounts of a shared battery keep what they have in common, added up from the records."""

from __future__ import annotations

import numpy as np

from ..flow import Array
from ._facts import Facts
from ._invariants import below, invariant


@invariant("S4")
def _accounts(f: Facts) -> Array | None:
    """No account in a shared battery is in debt; together they keep its room and power, and run it one way at once."""
    device = f.now.flexibility
    if not (device.shared != "").any():
        return None
    columns = []
    for name in sorted(set(device.shared[device.shared != ""].tolist())):
        rows = device.shared == name
        charge, discharge, level = (f[c][:, rows] for c in ("charge_kwh", "discharge_kwh", "level_kwh"))
        most_in, most_out = (power[:, rows].max(axis=1) * f.hours for power in (device.charge_kw, device.discharge_kw))
        inwards, outwards, held = charge.sum(axis=1), discharge.sum(axis=1), level.sum(axis=1)
        over = below(inwards, most_in) + below(outwards, most_out) + np.minimum(inwards, outwards)
        over = over + below(held, device.level_max_kwh[:, rows].max(axis=1))
        columns.append(over + below(0.0, level).sum(axis=1))
    return np.stack(columns, axis=1)
