"""Which community: a folder or file in any form we read, or one to generate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ScenarioError
from ..flow import Community, Streams
from ..scenario import Scenario, Study, load, validated
from ..sources import SOURCES

SCHEMA = "schema.json"
DOCUMENTS = {".yaml", ".yml", ".json", ".toml"}


def community_scenario(path: Path) -> Scenario:
    """A scenario on the community in a folder (ours, S0's, CityLearn's) or file (a document, or one of its files).

    Raises ScenarioError where there is nothing to read.
    """
    path = path.expanduser()
    if not path.exists():
        raise ScenarioError(f"{path}: is neither a folder nor a file; name a community's folder or a scenario document")
    if path.is_file() and path.suffix.lower() in DOCUMENTS and path.name not in (SCHEMA, "community.yaml"):
        document = load(path)
        return document.base if isinstance(document, Study) else document
    folder = (path if path.is_dir() else path.parent).resolve()
    kind = "citylearn" if (folder / SCHEMA).is_file() else "folder"
    scenario: Scenario = validated({"source": {"kind": kind, "path": folder}}, Scenario, where=str(path))
    return scenario


def on_community(study: Study, path: Path) -> Study:
    """The study on another community: source, devices, events and seed come from `path`."""
    found = community_scenario(path)
    parts = {name: getattr(found, name) for name in ("source", "devices", "events", "seed")}
    return study.model_copy(update={"base": study.base.model_copy(update=parts)})


def sized(study: Study, members: int | None, slots: int | None) -> Study:
    """The study with another number of members or slots. Raises ScenarioError where its source cannot be sized."""
    if members is None and slots is None:
        return study
    source = _resized(study.base.source, members, slots)
    return study.model_copy(update={"base": study.base.model_copy(update={"source": source})})


def made(kind: str, members: int | None, slots: int | None, seed: int) -> Community:
    """A generated community. Raises ScenarioError for a source that is none or reads files."""
    if kind not in SOURCES:
        raise ScenarioError(f"--source = {kind!r}: there are {', '.join(SOURCES)}; choose one")
    scenario: Scenario = validated({"source": {"kind": kind}, "seed": seed}, Scenario, where="data make")
    return scenario.model_copy(update={"source": _resized(scenario.source, members, slots)}).community()


def _resized(source: Any, members: int | None, slots: int | None) -> Any:
    fields, change = type(source).model_fields, {}
    if members is not None:
        change["members"] = members
    if slots is not None:
        change |= {"slots": slots} if "slots" in fields else {"days": _days(source, slots)}
    unknown = [name for name in change if name not in fields]
    if unknown:
        what = f"source {source.kind} has no {' or '.join(unknown)}"
        raise ScenarioError(f"{what}: its data or its own parameters say how large it is; leave the flag out")
    return validated({**source.model_dump(), **change}, type(source), where="source")


def _days(source: Any, slots: int) -> int:
    """Whole days that hold so many slots of the source's length."""
    day = validated({**source.model_dump(), "days": 1}, type(source), where="source")
    per_day = day.community(Streams(0)).shape[0]
    days, rest = divmod(slots, per_day)
    if rest:
        raise ScenarioError(f"--slots = {slots}: source {source.kind} makes whole days; take a multiple of {per_day}")
    return days


def describe(community: Community) -> dict[str, Any]:
    """What a community holds, in numbers."""
    slots, members = community.shape
    hours = community.clock.hours
    return {
        "members": members,
        "slots": slots,
        "slot_minutes": hours * 60,
        "start": str(community.clock.start),
        "zone": community.clock.zone,
        "load_kwh": float(community.load_kw.sum() * hours),
        "pv_kwh": float(community.pv_kw.sum() * hours),
        "devices": community.flexibility.devices,
    }
