"""Which community: a folder or file in any form we read, or one to generate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._draws import Drawn
from ..errors import ScenarioError
from ..flow import Community, Streams
from ..quality import check, report
from ..reading.households import FILES
from ..scenario import Scenario, Study, load, validated
from ..sources import SOURCES
from ..sources._write import write_folder
from ..sources.households import RESULT

SCHEMA = "schema.json"
DOCUMENTS = {".yaml", ".yml", ".json", ".toml"}


def community_scenario(path: Path) -> Scenario:
    """A scenario on the community in a folder (ours, S0's, S2's, CityLearn's) or file (a document, one of its files).

    Raises ScenarioError where there is nothing to read.
    """
    path = path.expanduser()
    if not path.exists():
        raise ScenarioError(f"{path}: is neither a folder nor a file; name a community's folder or a scenario document")
    if path.is_file() and path.suffix.lower() in DOCUMENTS and path.name not in (SCHEMA, "community.yaml"):
        document = load(path)
        return document.base if isinstance(document, Study) else document
    folder = (path if path.is_dir() else path.parent).resolve()
    kind = "citylearn" if (folder / SCHEMA).is_file() else "households" if _has_results(folder) else "folder"
    scenario: Scenario = validated({"source": {"kind": kind, "path": folder}}, Scenario, where=str(path))
    if not scenario.source.inputs():
        what = f"{path}: holds no file of a community (§16: load_profiles.csv, pv_profiles.csv, ...)"
        raise ScenarioError(f"{what}; name its folder, or leave --community out for a generated one")
    return scenario


def _has_results(folder: Path) -> bool:
    """Whether S2, or the preset that is named after it, wrote the folder."""
    return any((folder / f"{RESULT}{suffix}").is_file() for suffix in FILES)


def on_community(document: Scenario | Study, path: Path) -> Scenario | Study:
    """The same on another community: source, devices, events, limits and seed come from `path`."""
    found = community_scenario(path)
    parts = {name: getattr(found, name) for name in ("source", "devices", "events", "limits", "seed")}
    return _with_parts(document, parts)


def sized(document: Scenario | Study, members: int | None, slots: int | None) -> Scenario | Study:
    """The same with another number of members or slots. Raises ScenarioError where its source cannot be sized."""
    if members is None and slots is None:
        return document
    base = document.base if isinstance(document, Study) else document
    return _with_parts(document, {"source": _resized(base.source, members, slots)})


def _with_parts(document: Scenario | Study, parts: dict[str, Any]) -> Scenario | Study:
    """A scenario with other parts, or a study on a base with them."""
    if isinstance(document, Study):
        return document.model_copy(update={"base": document.base.model_copy(update=parts)})
    return document.model_copy(update=parts)


def drawing(study: Study, scenarios: int | None) -> Study:
    """The study with another number of drawn scenarios. Raises ScenarioError for a study that draws none."""
    if scenarios is None:
        return study
    if study.drawn is None:
        what = f"--scenarios = {scenarios}: study {study.name or 'here'} lists its scenarios (§2: only a study with"
        raise ScenarioError(f"{what} `drawn` draws them); take benchmark tariff_benchmark, or leave --scenarios out")
    drawn: Drawn = validated({**study.drawn.model_dump(), "scenarios": scenarios}, Drawn, where="drawn")
    return study.model_copy(update={"drawn": drawn})


def made(source: str, members: int | None, slots: int | None, seed: int | None) -> Community:
    """A community from a generator's kind, or from a scenario's file with its parameters, devices and events.

    Raises ScenarioError for a source that is none or reads files.
    """
    found = community_scenario(Path(source)) if Path(source).suffix.lower() in DOCUMENTS else _generator(source)
    parts = {"source": _resized(found.source, members, slots), "seed": found.seed if seed is None else seed}
    return found.model_copy(update=parts).community()


def _generator(kind: str) -> Scenario:
    generators = [name for name, source in SOURCES.items() if "path" not in source.model_fields]
    if kind not in generators:
        what = "reads files and generates nothing" if kind in SOURCES else "unknown"
        raise ScenarioError(f"--source = {kind!r}: {what} (§15); choose one of {', '.join(generators)}")
    scenario: Scenario = validated({"source": {"kind": kind}}, Scenario, where="data make")
    return scenario


def _resized(source: Any, members: int | None, slots: int | None) -> Any:
    fields = type(source).model_fields
    change: dict[str, int] = {}
    if members is not None:
        change["members"] = members
    if slots is not None:
        change |= {"days": _days(source, slots)} if "days" in fields else {"slots": slots}
    unknown = " and ".join(f"--{name}" for name in change if name not in fields)
    if unknown:
        what = f"{unknown}: source {source.kind} has a size of its own, from its data or its parameters"
        raise ScenarioError(f"{what} (§15); leave it out, or write a document that sets it")
    return validated({**source.model_dump(), **change}, type(source), where="source")


def _days(source: Any, slots: int) -> int:
    """Whole days that hold so many slots of the source's length."""
    day = validated({**source.model_dump(), "days": 1}, type(source), where="source")
    per_day = int(day.community(Streams(0)).shape[0])
    days, rest = divmod(slots, per_day)
    if rest:
        what = f"--slots = {slots}: source {source.kind} makes whole days"
        raise ScenarioError(f"{what} (§1); take a multiple of {per_day}")
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


def checked(scenario: Scenario) -> dict[str, Any]:
    """What a scenario's community holds, what was assumed, and what looks implausible."""
    community = scenario.community()
    return {**describe(community), "notes": list(community.notes), "findings": report(check(community))}


def write_community(community: Community, path: Path, table: str, *, force: bool) -> None:
    """Writes a folder that `community_scenario` reads. Raises ScenarioError for an unknown table or a taken place."""
    if path.suffix:
        raise ScenarioError(f"{path}: has a suffix (§16: a suffix means a file); name a folder with --output")
    if table == "csv":
        write_folder(community, path, table="csv", force=force)
    elif table == "parquet":
        write_folder(community, path, table="parquet", force=force)
    else:
        raise ScenarioError(f"--table = {table!r}: unknown (§16); take csv or parquet")
