"""Regulated schemes: what a law lets members do, with its numbers by date, read from files beside this one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from .. import documents
from ..errors import ScenarioError
from ..registry import Settings
from . import Market, Promise

FOLDER = Path(__file__).parent / "schemes"


class Version(Settings):
    """The numbers of a scheme from a day on."""

    valid_from: date = date(1900, 1, 1)
    """First day."""
    source: str = ""
    """Where the numbers are told."""
    checked: date | None = None
    """When the numbers were compared with the source; none: never."""
    unverified: tuple[str, ...] = ()
    """What could not be compared with a source: a typical value, to be replaced by one's own."""
    values: dict[str, float] = Field(default_factory=dict)
    """Numbers by name."""


class Law(Settings):
    """A scheme's file: where it holds, what bills it knows, who pays for it, its numbers by date."""

    scheme: str = ""
    """Kind of the market."""
    title: str = ""
    """Name in its own country."""
    country: str = ""
    """ISO code of country or state."""
    currency: str = ""
    """ISO code of all amounts."""
    world: Literal["one_meter", "own_meters", "virtual"] = "own_meters"
    """Whose meters are billed; virtual: bills stay as they are, and what coincides earns an incentive."""
    payer: Literal["", "retailer", "network", "state", "fund"] = ""
    """Account that pays the incentive, or goes without what others pay; empty: nobody does."""
    law: str = ""
    """The statutes."""
    meaning: dict[str, str] = Field(default_factory=dict)
    """What numbers stand for, with unit."""
    versions: tuple[Version, ...] = ()
    """From the oldest to the newest."""

    def on(self, day: date | None) -> Version:
        """The numbers that hold on a day; the newest without one. Raises ScenarioError for a day before them all."""
        held = [version for version in self.versions if day is None or version.valid_from <= day]
        if not held:
            known = ", ".join(str(version.valid_from) for version in self.versions)
            raise ScenarioError(
                f"market.as_of = {day}: {self.scheme} has numbers from {known} on (§15); choose a later day"
            )
        return held[-1]


class Scheme(Market):
    """A market as a law lays it down; what the law leaves open is a field, its numbers stand in a dated file."""

    as_of: date | None = None
    """Day whose numbers hold; none: the newest."""
    file: Path | None = None
    """Numbers of one's own, a file of the same form as the one that comes along."""

    def inputs(self) -> tuple[Path, ...]:
        return (self.file,) if self.file else ()

    @property
    def law(self) -> Law:
        """What its file says."""
        path = self.file or FOLDER / f"{self.kind}.yaml"
        return read_law(path, path.stat().st_mtime_ns if path.exists() else 0)

    @property
    def version(self) -> Version:
        """The numbers that hold."""
        return self.law.on(self.as_of)

    @property
    @abstractmethod
    def books(self) -> Promise:
        """What holds for its books."""

    @property
    def promise(self) -> Promise:
        law = self.law
        return replace(self.books, payer=law.payer, legal_world=law.world)

    def value(self, name: str) -> float:
        """A number of the law. Raises ScenarioError where the file has none of that name."""
        values = self.version.values
        if name not in values:
            where = self.file or f"{self.kind}.yaml"
            raise ScenarioError(
                f"{where}: no value {name} from {self.version.valid_from} on (§15: {self.kind}); add it"
            )
        return values[name]

    def notes(self) -> tuple[str, ...]:
        version = self.version
        typical = [name for name in version.unverified if name in version.values]
        rough = f"; typical values, give your own: {', '.join(typical)}" if typical else ""
        return (f"{self.kind}: numbers from {version.valid_from} on{rough}",)


@lru_cache(maxsize=64)
def read_law(path: Path, changed: int) -> Law:
    """A scheme's file. Raises ScenarioError for what is unreadable or unknown in it."""
    data: dict[str, Any] = documents.read(path)
    try:
        law = Law.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(f"{path}: " + "; ".join(_told(e) for e in error.errors())) from error
    days = [version.valid_from for version in law.versions]
    if not days or days != sorted(set(days)):
        raise ScenarioError(f"{path}: versions must be there and grow in valid_from (§15); put the oldest first")
    return law


def _told(error: Any) -> str:
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
