"""Plug-ins: frozen, closed settings that carry one verb. The folder is the registry."""

from __future__ import annotations

import functools
import importlib
import inspect
import operator
import pkgutil
import re
from abc import ABC
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, GetPydanticSchema

from .errors import ContractError


class Settings(BaseModel):
    """Frozen and closed; a field's docstring is its help text and names its unit. Holds no infinity and no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Reads(Settings):
    """Settings that may name files."""

    def inputs(self) -> tuple[Path, ...]:
        """Files this part reads: their hashes are part of a run's identity (§11)."""
        return ()


class Plugin(Reads, ABC):
    """Base of every stage's plug-ins; a concrete one narrows ``kind`` to a ``Literal``: the name of its file."""

    kind: str = ""

    @property
    def stride(self) -> int | None:
        """Slots after which this part must see the outcome; None: it never asks. [slots]"""
        return None


P = TypeVar("P", bound=Plugin)


def discover(package: str, base: type[P]) -> dict[str, type[P]]:
    """Finds the concrete subclasses of `base` in the folder and in the entry points of that name.

    Raises ContractError where a kind is claimed twice or is not the name of its file.
    """
    folder = importlib.import_module(package).__path__
    names = sorted(m.name for m in pkgutil.iter_modules(folder) if not m.name.startswith("_"))
    own = [importlib.import_module(f"{package}.{name}") for name in names]
    found: dict[str, type[P]] = {}
    for module in [*own, *(entry.load() for entry in entry_points(group=package))]:
        for cls in vars(module).values():
            if not _concrete(cls, base, module.__name__):
                continue
            kind = cls.model_fields["kind"].default
            if kind in found:
                raise ContractError(f"{cls.__module__} and {found[kind].__module__} both claim kind {kind!r} (§15)")
            if module in own and kind != module.__name__.rsplit(".", 1)[-1]:
                raise ContractError(f"{cls.__module__} claims kind {kind!r} (§15: a kind is its file's name)")
            found[kind] = cls
    return found


def _concrete(cls: Any, base: type[P], module: str) -> bool:
    mine = inspect.isclass(cls) and issubclass(cls, base) and cls.__module__ == module
    return mine and not inspect.isabstract(cls) and bool(cls.model_fields["kind"].default)


def due(noun: type[Any], given: Any, part: Plugin) -> None:
    """Raises ContractError where a plug-in did not return the noun of its stage."""
    if not isinstance(given, noun):
        what = f"{type(part).__module__} (kind {part.kind!r}) gave {type(given).__name__}"
        raise ContractError(f"{what}, not {noun.__name__} (a plug-in returns the noun of its stage); return one")


def one_of(plugins: dict[str, type[P]]) -> GetPydanticSchema:
    """A document field that holds any of `plugins`, told apart by ``kind``."""
    union: Any = functools.reduce(operator.or_, plugins.values())
    tagged = Annotated[union, Field(discriminator="kind")] if len(plugins) > 1 else union
    return GetPydanticSchema(lambda _, handler: handler(tagged))


@dataclass(frozen=True)
class Parameter:
    """One field of a plug-in, as help texts, tooltips and the documentation show it."""

    name: str
    default: Any
    unit: str
    choices: tuple[str, ...]
    text: str


def parameters(plugin: type[Settings]) -> list[Parameter]:
    """What can be set on `plugin`, read off the class itself: the unit stands in brackets at the docstring's end."""
    found = []
    for name, field in plugin.model_fields.items():
        if name == "kind":
            continue
        text = " ".join((field.description or "").split())
        unit = re.search(r"\[([^\[\]]*)\]$", text)
        literal = get_args(field.annotation) if get_origin(field.annotation) is not None else ()
        choices = tuple(c for c in literal if isinstance(c, str))
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        found.append(
            Parameter(name, default, unit[1] if unit else "", choices, text[: unit.start()].strip() if unit else text)
        )
    return found
