"""The audit of a stored run: from its folder and its inputs alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from .. import documents
from ..audit import Verdict
from ..errors import AuditError, DataError
from ..flow import Community
from ..ledger import Followed, check_ledger, check_proof
from ..record import Record
from ..run import auditor
from ..scenario import MANIFEST, Scenario, validated
from ..simulate import simulate
from ._ledger import check_same
from ._manifest import REMEDY, read_manifest, unchanged
from ._parquet import read_records


def verify(folder: Path) -> Verdict:
    """Audits a stored run again.

    Raises DataError where its files or inputs have changed since, AuditError where the books do not close.
    """
    stored = unchanged(folder)
    scenario = stored_scenario(folder, stored)
    check_identity(folder, stored, scenario.identity(), scenario.inputs())
    community = scenario.community()
    audit = auditor(scenario, community, scenario.prices(community))
    if stored["ledger"]:
        check_same(folder, stored, check_ledger(folder))
    with Followed.opened(folder) if stored["ledger"] else nullcontext() as ledger:
        for record in read_records(folder, community, scenario.market):
            if record.clock.first == 0:
                again = _first_again(folder, scenario, record)
                audit.repeated(record, again)
                record = replace(record, plan=again.plan)  # made again, to the same bits
            audit.take(record)
            if ledger:
                ledger.take(record)
    verdict = audit.verdict()
    verdict.check()
    return verdict.also("L1") if ledger else verdict


def verify_ledger(place: Path) -> dict[str, Any]:
    """What holds of a ledger or a proof, in plain values: a run's folder, a ledger's file, or a proof's (.json).

    In a finished run's folder the file has to be the one its manifest names, and every entry is followed to the
    wallets of the run. Raises AuditError naming what does not hold, DataError where there is nothing to check.
    """
    if place.suffix.lower() == ".json":
        return {"proof": str(place), **asdict(check_proof(documents.read(place)))}
    found, finished = check_ledger(place), (place / MANIFEST).is_file()
    if finished:
        stored = read_manifest(place)
        check_same(place, stored, found)
        scenario = stored_scenario(place, stored)
        with Followed.opened(place) as ledger:
            for record in read_records(place, scenario.community(), scenario.market):
                ledger.take(record)
    return {"ledger": str(place), **asdict(found), "replayed": finished}


def stored_run(folder: Path) -> tuple[Community, Iterator[Record]]:
    """Who took part in a stored run, and what happened, record by record.

    Raises DataError where its files or inputs have changed since, or where it is no run.
    """
    stored = unchanged(folder)
    scenario = stored_scenario(folder, stored)
    check_identity(folder, stored, scenario.identity(), scenario.inputs())
    community = scenario.community()
    return community, read_records(folder, community, scenario.market)


def stored_scenario(folder: Path, stored: dict[str, Any]) -> Scenario:
    """The document of a stored run. Raises DataError where the manifest is of something else."""
    if stored.get("kind") != "run":
        raise DataError(f"{folder}: holds a {stored.get('kind')}, not a run (§16); name a run's folder")
    scenario: Scenario = validated(stored["document"], Scenario, where=f"{folder.name}/{MANIFEST}")
    return scenario


def check_identity(folder: Path, stored: dict[str, Any], identity: str, inputs: dict[str, str]) -> None:
    """Raises DataError where inputs are not what they were, or document and id do not belong together (§11)."""
    for name, sha in stored.get("inputs", {}).items():
        if inputs.get(name) != sha:
            raise DataError(f"input {name}: has changed since {folder} was computed (§11); restore it, or run again")
    if identity != stored["id"]:
        what = "document and id do not belong together, or another version computed it"
        raise DataError(f"{folder / MANIFEST}: {what} (§11); {REMEDY}")


def _first_again(folder: Path, scenario: Scenario, stored: Record) -> Record:
    """The first window, simulated anew."""
    again = Record.of(next(simulate(scenario, cut=stored.clock.slots)))
    for name in sorted(set(stored.columns) ^ set(again.columns)):
        raise AuditError(f"{folder}/series.parquet: column {name} is not what the scenario writes (§11); {REMEDY}")
    return again
