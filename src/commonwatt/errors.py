"""The error tree, and how several mistakes become one screen.

CommonwattError
├── ScenarioError      what you asked for             exit 2
│   └── MissingExtra   ... needs an optional package  exit 2
├── DataError          what you gave                  exit 2
├── InfeasibleError    what cannot be                 exit 2
├── ContractError      a plug-in broke its word       exit 1
└── AuditError         what does not add up           exit 1
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

MOST_SHOWN = 12


class CommonwattError(Exception):
    """Base of the tree; its text is what a user sees, whole."""

    exit_code: ClassVar[int] = 1

    def __reduce__(self) -> tuple[Callable[..., CommonwattError], tuple[type[CommonwattError], str]]:
        """Travels between processes as its kind and its text."""
        return _again, (type(self), str(self))


def _again(kind: type[CommonwattError], text: str) -> CommonwattError:
    error = kind.__new__(kind)
    error.args = (text,)
    return error


class ScenarioError(CommonwattError):
    """The request is wrong; names the field, the rule and the remedy."""

    exit_code = 2


class MissingExtra(ScenarioError):
    """The request needs an optional package; names the extra and the command that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra [{extra}]; install it: pip install 'commonwatt[{extra}]'")


class DataError(CommonwattError):
    """The input is wrong; names where, value, rule and remedy."""

    exit_code = 2


class InfeasibleError(CommonwattError):
    """No plan meets the limits; names the conflicting ones and the smallest relaxation."""

    exit_code = 2


class ContractError(CommonwattError):
    """A plug-in broke its word; names the noun, the field and the rule."""


class AuditError(CommonwattError):
    """The run does not add up; names the invariant, the slot and the residual."""


@dataclass
class Problems:
    """Mistakes found so far: they are collected, and raised once."""

    kind: type[CommonwattError] = DataError
    lines: list[str] = field(default_factory=list)

    def add(self, where: str, what: str, rule: str, remedy: str) -> None:
        """One mistake: where it is, what stands there, which rule it breaks, what to do."""
        self.lines.append(f"{where}: {what} ({rule}); {remedy}")

    def check(self) -> None:
        """Raises what has been collected, if anything."""
        if not self.lines:
            return
        shown, rest = self.lines[:MOST_SHOWN], len(self.lines) - MOST_SHOWN
        more = [f"... and {rest} more of this kind"] if rest > 0 else []
        raise self.kind("\n".join([*shown, *more]))
