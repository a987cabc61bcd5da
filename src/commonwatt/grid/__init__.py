"""The low-voltage network behind a community: what its flows do to voltages, lines and transformers.

A network is read from tables (`read_network`) and checked while a run passes by (`FeederCheck`, a sink), by the
linearised equations of radial networks or, with the extra [grid], exactly.
"""

from ._tables import read_network
from .check import POWER_FACTOR, FeederCheck, FeederReport
from .lindistflow import lindistflow
from .network import Flow, Network

__all__ = ["POWER_FACTOR", "FeederCheck", "FeederReport", "Flow", "Network", "lindistflow", "read_network"]
