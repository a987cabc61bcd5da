"""The books, done again from what was stored: knows community, terms and records, but no verb that made them."""

from . import _accounts as _accounts
from . import _bans as _bans
from . import _connection as _connection
from . import _friction as _friction
from . import _orders as _orders
from . import _standby as _standby
from ._facts import Declared
from ._sink import Audit, Verdict

__all__ = ["Audit", "Declared", "Verdict"]
