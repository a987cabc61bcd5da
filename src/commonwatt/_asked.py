"""What the flags say that all commands have, and how an answer leaves."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import ScenarioError

if TYPE_CHECKING:
    from rich.console import Console

    from .scenario import Scenario

Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="PATH", help="Folder to write, or a file by its suffix.")
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, metavar="N", help="Seed of the community, instead of the document's.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, and nothing else.")]
Force = Annotated[bool, typer.Option("--force", help="Compute again, and replace what is there.")]


@dataclass(frozen=True)
class Asked:
    """What the flags say that all commands have."""

    output: Path | None
    seed: int | None
    quiet: bool
    as_json: bool
    force: bool

    def console(self) -> Console:
        """Where tables go: nowhere if nobody reads them."""
        from rich.console import Console

        return Console(quiet=self.quiet or self.as_json)

    def answer(self, found: Any) -> None:
        """Prints the answer as JSON if that is asked for."""
        if self.as_json:
            tell(as_text(found))

    def seeded(self, scenario: Scenario) -> Scenario:
        """The scenario with the seed that is asked for."""
        return scenario if self.seed is None else scenario.model_copy(update={"seed": self.seed})

    def keep_seed(self) -> None:
        """Raises ScenarioError where another seed is asked of a stored result."""
        if self.seed is not None:
            raise ScenarioError("--seed: a stored result has the seed it has (§11); leave it out")

    def to_file(self, forms: dict[str, Callable[[], str]]) -> None:
        """Writes the one file asked for, in the form its suffix says."""
        from .store import File, writing

        assert self.output is not None
        with File(self.output, force=self.force, suffixes=tuple(forms)) as file, writing(self.output):
            file.partial.write_text(forms[self.output.suffix.lower()](), encoding="utf-8", newline="")


def as_text(found: Any) -> str:
    """An answer as JSON."""
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def tell(text: str) -> None:
    """Puts text on the standard output."""
    sys.stdout.write(text)
