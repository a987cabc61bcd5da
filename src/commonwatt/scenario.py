"""Documents: a scenario is one run, a study several. Frozen, closed, versioned values."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
from pydantic import AfterValidator, Field, NonNegativeInt, TypeAdapter, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ErrorType

from . import documents
from ._draws import Drawn
from ._events import Events, Maintenance, Outage
from ._identity import canonical, field_of, provider, reading, sha_of
from .bidders import BIDDERS
from .charges import CHARGES
from .community import build
from .devices import DEVICES, Device
from .dispatch import DISPATCH, Dispatch
from .dispatch.community_optimal import CommunityOptimal
from .dispatch.passive import Passive
from .errors import DataError, ScenarioError
from .flow import Community, Pool, Prices, Streams
from .forecasts import FORECASTS, Forecast
from .forecasts.perfect import Perfect
from .ledger import LEDGERS, Ledger
from .ledger.none import NoLedger
from .limits import Group, Limits
from .markets import MARKETS, Market
from .markets.none import NoMarket
from .mistakes import explained
from .pool import Standby
from .registry import Plugin, Settings, due, one_of
from .regulators import REGULATORS, Regulator
from .regulators.none import NoRegulator
from .sources import SOURCES, Source
from .tariffs import TARIFFS, Tariff
from .tariffs.time_of_use import TimeOfUse
from .zones import Zone

CELLS = 98_304
"""Most slots x members in a window that may be cut: how long changes no bit of any result (§11)."""
KNOWN = frozenset(get_args(ErrorType))
"""Kinds of mistakes that pydantic finds by itself."""
PRESETS = Path(__file__).parent / "presets"
MANIFEST = "manifest.json"
"""In the folder of a stored result: holds its document, and what it takes to know it again."""


class Scenario(Settings):
    """One run: which community, tariff, dispatch, market and regulator."""

    kind: Literal["scenario"] = "scenario"
    version: Literal[1] = 1
    name: str = ""
    """For people; no part of the run's identity."""
    notes: str = ""
    """For people; no part of the run's identity."""
    seed: NonNegativeInt = 0
    """Of the community and of every named stream."""
    draw: NonNegativeInt = 0
    """Number of the scenario in its study: gives tariffs and events their own draws on the same community."""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    """ISO code, kept as data and never converted."""
    source: Annotated[Source, one_of(SOURCES)] = Field(default_factory=lambda: SOURCES["synthetic"]())
    """Who lives there."""
    devices: tuple[Annotated[Device, one_of(DEVICES)], ...] = ()
    """Devices beside those the source brings."""
    events: Events = Events()
    """Outages and maintenance, listed or drawn."""
    limits: Limits = Limits()
    """What the connection lets through."""
    zones: tuple[Zone, ...] = ()
    """Neighbours inside the community, in place of the source's; markets look at them where they are asked to."""
    tariff: Annotated[Tariff, one_of(TARIFFS)] = TimeOfUse()
    """What the grid charges and pays."""
    dispatch: Annotated[Dispatch, one_of(DISPATCH)] = Passive()
    """How devices are run."""
    forecast: Annotated[Forecast, one_of(FORECASTS)] = Perfect()
    """What a planner believes."""
    pool: Pool = Pool()
    """What holds inside the community, whoever clears it."""
    market: Annotated[Market, one_of(MARKETS)] = NoMarket()
    """How energy is shared inside."""
    regulator: Annotated[Regulator, one_of(REGULATORS)] = NoRegulator()
    """Who pays bonuses, fines and bans."""
    ledger: Annotated[Ledger, one_of(LEDGERS)] = NoLedger()
    """Whether trades and payments are kept in a journal that shows every change."""
    regret: bool = False
    """Whether to plan the same run with perfect foresight as well, and to tell what it cost more."""
    strict_prices: bool = False
    """Whether slots in which buying is cheaper than selling are an error rather than closed to the pool (§13)."""
    exports: tuple[str, ...] = ()
    """Files of an origin system to write beside the run's own; `commonwatt list exports` names them."""

    @model_validator(mode="after")
    def _orders_taken(self) -> Self:
        if self.pool.needs_orders and self.market.promise.trades and not self.market.by_orders:
            what = f"pool.most_kw and pool.standby are about single offers, and market {self.market.kind} takes none"
            raise ValueError(f"{what} (§15); choose an auction, or leave them out")
        return self

    def community(self) -> Community:
        """Who lives there, with devices and events."""
        try:
            return build(self.source, self.devices, self.events, self.limits, self.zones, Streams(self.seed, self.draw))
        except DataError as error:
            if self.name and str(error).startswith("source."):
                error.args = (f"{self.name}: {error}",)
            raise

    def prices(self, community: Community) -> Prices:
        """All terms, outside and inside, for the whole horizon. Raises ScenarioError for odd prices if strict."""
        stated = self.tariff.prices(community)
        due(Prices, stated, self.tariff)
        bare = stated.times(self.tariff.level)
        per_period = self.tariff.owed_per_period(community)
        terms = self.terms(replace(bare, charges=(*bare.charges, *per_period)), community)
        odd = odd_slots(terms)
        if self.strict_prices and odd.size:
            raise ScenarioError(f"{describe_odd(odd)} (§13 with strict_prices); correct the tariff or allow them")
        return terms

    def terms(self, outside: Prices, community: Community) -> Prices:
        """What the tariff says, with all that holds inside: the pool's terms, the world, and what the market adds."""
        promise = self.market.promise
        inside = replace(
            outside, pool=self.pool, one_meter=promise.world == "one_meter", trading=promise.trades
        )  # fmt: skip
        return self.market.terms(inside, community)

    def windows(self, community: Community, cut: int | None = None) -> Iterator[tuple[int, int]]:
        """The longest stretches in which nothing feeds back."""
        slots, members = community.shape
        longest = [cut or max(1, CELLS // max(members, 1))] if self.dispatch.causal else []
        strides = (part.stride for part in (self.dispatch, self.market, self.regulator, self.pool))
        step = min([slots, *longest, *(s for s in strides if s)])
        planned = range(0, slots, self.dispatch.stride or max(slots, 1))
        yield from itertools.pairwise(sorted({*range(0, slots, max(step, 1)), *planned, slots}))

    def alone(self) -> Scenario:
        """Every member for itself (§14): its own devices and contract, no pool, no regulator."""
        parts = {"tariff": self.tariff.alone(), "dispatch": self.dispatch.alone(), "pool": Pool()}
        none = {"market": NoMarket(), "regulator": NoRegulator(), "ledger": NoLedger()}
        return self.model_copy(update={**parts, **none})

    def foreseen(self) -> Scenario:
        """The cheapest plan for all together by one that knows what comes: what regret is measured by."""
        best = CommunityOptimal(stored_value=1.0, curtail=True)
        return self.model_copy(update={"dispatch": best, "forecast": Perfect(), "ledger": NoLedger(), "regret": False})

    def load_only(self) -> Scenario:
        """Every member for itself with its load alone: what savings are measured by (§14)."""
        return self.alone().model_copy(update={"dispatch": Passive()})

    def parts(self) -> list[Plugin]:
        """Every plug-in of the document, nested ones too."""
        return [part for _, part in reading(self) if isinstance(part, Plugin)]

    def identity(self) -> str:
        """SHA-256 of document, hashes of inputs read, and versions of whoever provides code (§11)."""
        document = canonical(self.model_dump(exclude={"name", "notes"}, serialize_as_any=True))
        text = json.dumps([document, self.inputs(), self.providers()], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def inputs(self) -> dict[str, str]:
        """SHA-256 of every file it reads, by name within its part. Raises ScenarioError naming field and file."""
        found = {}
        for place, part in reading(self):
            for path in part.inputs():
                where = f"{self.name}: {place}" if self.name else place
                found[f"{part.__class__.__name__}/{path.name}"] = sha_of(path, where + field_of(part, path))
        return found

    def providers(self) -> list[str]:
        """Distributions, with version, of the plug-ins in use."""
        return sorted({provider(type(part)) for part in [self, *self.parts()]})


def _checked_variants(variants: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Variants whose every part is known and sound."""
    _refuse([mistake for name, parts in variants.items() for mistake in _mistakes(parts, (name,))])
    return variants


def _checked_axes(axes: dict[str, tuple[dict[str, Any], ...]]) -> dict[str, tuple[dict[str, Any], ...]]:
    """Axes of known parts, whose every choice is sound and stands there once."""
    found: list[InitErrorDetails] = []
    for name, choices in axes.items():
        if name not in Scenario.model_fields:
            found += _mistakes({name: None}, ())
            continue
        for k, choice in enumerate(choices):
            found += _mistakes({name: choice}, (), k)
            if choice in choices[:k]:
                what = f"the same as {name}[{choices.index(choice)}] (every scenario of a study stands there once)"
                found.append({"type": PydanticCustomError("repeated", what), "loc": (name, k), "input": choice})
    _refuse(found)
    return axes


def _mistakes(parts: dict[str, Any], place: tuple[str, ...], number: int | None = None) -> list[InitErrorDetails]:
    """What is wrong with parts of a scenario that stand at `place`, with the number of the choice behind the part."""
    try:
        Scenario.model_validate(parts)
    except ValidationError as error:
        numbers = () if number is None else (number,)
        return [_moved(e, (*place, *e["loc"][:1], *numbers, *e["loc"][1:])) for e in error.errors()]
    return []


def _moved(error: Any, place: tuple[int | str, ...]) -> InitErrorDetails:
    """A mistake as it is told at another place."""
    kind = error["type"] if error["type"] in KNOWN else PydanticCustomError(error["type"], error["msg"])
    return {"type": kind, "loc": place, "input": error["input"], "ctx": error.get("ctx", {})}


def _has_parameter(part: str, parameter: str) -> bool:
    """Whether any choice of a part has a parameter of that name."""
    models = [PARTS[part]] if part in PARTS else [*STAGES.get(part, {}).values()]
    return part in Scenario.model_fields and any(parameter in model.model_fields for model in models)


def _unknown_range(name: str) -> InitErrorDetails:
    part, parameter = name.split(".")
    where = f"no kind of {part} has it" if part in Scenario.model_fields else "a scenario has no such part"
    what = PydanticCustomError(
        "unknown_range", "unknown parameter {name}: {where}", {"name": parameter, "where": where}
    )
    return {"type": what, "loc": ("drawn", "ranges", name), "input": name}


def _refuse(mistakes: list[InitErrorDetails]) -> None:
    if mistakes:
        raise ValidationError.from_exception_data("Study", mistakes)


Variants = Annotated[dict[str, dict[str, Any]], AfterValidator(_checked_variants)]
Axes = Annotated[dict[str, tuple[dict[str, Any], ...]], AfterValidator(_checked_axes)]


class Study(Settings):
    """Scenarios on one community that differ from a base in whole parts."""

    kind: Literal["study"] = "study"
    version: Literal[1] = 1
    name: str = ""
    """For people; no part of any run's identity."""
    notes: str = ""
    """For people; no part of any run's identity."""
    base: Scenario = Field(default_factory=Scenario)
    """What all share."""
    variants: Variants = Field(default_factory=dict)
    """By name, the parts that replace the base's; empty: the base alone."""
    axes: Axes = Field(default_factory=dict)
    """By part, its choices: every variant is run with every combination."""
    drawn: Drawn | None = None
    """Scenarios drawn at random instead of variants; each is run with every combination of the axes."""
    exports: tuple[str, ...] = ()
    """Files of an origin system to write beside the results; `commonwatt list exports` names them."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.drawn:
            if self.variants:
                raise ValueError("has variants and drawn scenarios; take one of them")
            _checked_axes(self.drawn.cycle)
            _refuse([_unknown_range(name) for name in self.drawn.ranges if not _has_parameter(*name.split("."))])
        return self

    def scenarios(self) -> dict[str, Scenario]:
        """By name, in the order written. Raises ScenarioError naming the variant and the field."""
        if self.drawn:
            return dict(itertools.chain.from_iterable(self._drawn(self.drawn, k) for k in range(self.drawn.scenarios)))
        return {
            label: self._scenario(label, {**change, **parts})
            for name, change in (self.variants or {"": {}}).items()
            for label, parts in self._combined([name] if name else [])
        }

    def _combined(self, first: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every combination of the axes, with a name that begins with `first`."""
        for choice in itertools.product(*self.axes.values()):
            parts = dict(zip(self.axes, choice, strict=True))
            yield " / ".join([*first, *(_label(part) for part in parts.values())]) or "base", parts

    def _drawn(self, drawn: Drawn, k: int) -> Iterator[tuple[str, Scenario]]:
        """The drawn scenario `k` with every combination of the axes."""
        taken = drawn.parts(k)
        kinds = [_label(taken[part]) for part in drawn.cycle]
        for label, parts in self._combined([f"{k + 1:03d}", *kinds]):
            scenario = self._scenario(label, {**taken, **parts})
            document = scenario.model_dump(serialize_as_any=True)
            for part in {name.partition(".")[0] for name in drawn.ranges}:
                values = drawn.values(k, self.base.seed, part)
                fields = type(getattr(scenario, part)).model_fields
                document[part] |= {name: value for name, value in values.items() if name in fields}
            yield label, validated(document, Scenario, where=label)

    def _scenario(self, label: str, change: dict[str, Any]) -> Scenario:
        base = self.base.model_dump(serialize_as_any=True)
        scenario: Scenario = validated({**base, **change, "name": label}, Scenario, where=label)
        return scenario


Document = Annotated[Scenario | Study, Field(discriminator="kind")]


def presets() -> dict[str, Path]:
    """Documents that come with the package, by name."""
    return {path.stem: path for path in sorted(PRESETS.glob("*.yaml"))}


def load(name: str | Path) -> Scenario | Study:
    """A document: a YAML, JSON or TOML file, a preset by its name, or that of a stored result (folder or manifest).

    Paths in it are relative to the file.

    Raises ScenarioError for what is unreadable, unknown or out of range: everything found, at once.
    """
    path = presets().get(str(name), Path(name))
    path = path / MANIFEST if path.is_dir() else path
    if not path.is_file():
        raise ScenarioError(f"{name}: {_unknown(str(name))}")
    data = documents.read(path)
    if isinstance(data.get("document"), dict):
        data = data["document"]
    data = documents.anchored(data, path.parent)
    data.setdefault("kind", "scenario")
    document: Scenario | Study = validated(data, Document, where=path.name)
    return document


def _unknown(name: str) -> str:
    near = get_close_matches(name, presets(), 1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"no such file, result or preset; {hint}presets are {', '.join(presets())}"


def schema() -> dict[str, Any]:
    """JSON schema of every document, third-party plug-ins included."""
    return TypeAdapter(Document).json_schema()


def odd_slots(prices: Prices) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Slots in which somebody buys cheaper than it sells (§13)."""
    odd = ~prices.regular_once.all(axis=1)
    return np.flatnonzero(np.broadcast_to(odd, prices.buy.shape[:1]))


def describe_odd(slots: np.ndarray[Any, np.dtype[np.int64]]) -> str:
    """A line that names them."""
    shown = ", ".join(map(str, slots[:6].tolist())) + (" ..." if slots.size > 6 else "")
    count = f"{slots.size} slot{'s' * (slots.size != 1)}"
    return f"buying is cheaper than selling in {count} ({shown}): closed to the pool there"


def validated(data: Any, shape: Any, where: str = "") -> Any:
    """`data` as `shape`. Raises ScenarioError with every mistake: where, value, rule, remedy."""
    try:
        return TypeAdapter(shape).validate_python(data)
    except ValidationError as error:
        prefix = f"{where}: " if where else ""
        lines = [prefix + explained(e, _names, _kinds) for e in error.errors()]
        raise ScenarioError("\n".join(lines)) from error


STAGES: dict[str, dict[str, Any]] = {
    "source": SOURCES, "devices": DEVICES, "tariff": TARIFFS, "charges": CHARGES, "dispatch": DISPATCH,
    "forecast": FORECASTS, "market": MARKETS, "bidder": BIDDERS, "regulator": REGULATORS, "ledger": LEDGERS,
}  # fmt: skip


PARTS: dict[str, type[Settings]] = {
    "pool": Pool, "standby": Standby, "events": Events, "outages": Outage, "maintenance": Maintenance,
    "limits": Limits, "groups": Group, "zones": Zone,
}  # fmt: skip
"""Parts of a document that are no plug-ins."""


def _kinds(part: str) -> dict[str, Any]:
    """The plug-ins that a part chooses from, where there is a choice."""
    found = STAGES.get(part, {})
    return found if len(found) > 1 else {}


def _names(place: list[str]) -> list[str]:
    """Fields of the model that a place in a document stands for."""
    models: list[type[Settings]] = [Scenario, Study]
    for stage in place:
        found = STAGES.get(stage, {})
        models = [cls for kind, cls in found.items() if kind in place or len(found) == 1] or models
    above, last = ["", "", *(step for step in place if not step.isdigit())][-2:]
    if last in PARTS and above != "market":
        models = [PARTS[last]]
    return [name for model in models for name in model.model_fields]


def _label(choice: dict[str, Any]) -> str:
    kind = str(choice.get("kind", ""))
    rest = [f"{name}={value}" for name, value in choice.items() if name != "kind"]
    return f"{kind}({', '.join(rest)})" if rest else kind
