"""Results on disk: written whole or not at all, sealed, and audited again from what was stored.

manifest.json   document, identity, versions, hashes of inputs and of every file, audit, and a seal over all that
summary.json    metrics, members, notes; summary.csv has the members' rows
series.parquet  slot, member, flows, prices, money; devices, accounts, entries and trades beside it
forecast_errors how far off a planner's forecast was, by series and lead
plan_members    what energy was worth to a planner, member by member; plan_devices device by device, plan_limits place
                by place
"""

from ..scenario import MANIFEST
from ._manifest import SUMMARY, read_manifest, stored_identity, stored_summary, unchanged, write_manifest
from ._parquet import read_limit_prices, read_plan, read_records
from ._place import File, Folder, default_folder, file_name, writing
from ._run import RunFolder, plain_document
from ._tables import csv_text, json_text, member_rows, write_csv, write_json
from ._verify import check_identity, stored_run, stored_scenario, verify, verify_ledger

__all__ = [
    "MANIFEST", "SUMMARY", "File", "Folder", "RunFolder", "check_identity", "csv_text", "default_folder", "file_name",
    "json_text", "member_rows", "plain_document", "read_limit_prices", "read_manifest", "read_plan", "read_records",
    "stored_identity", "stored_run", "stored_scenario", "stored_summary", "unchanged", "verify", "verify_ledger",
    "write_csv", "write_json", "write_manifest", "writing",
]  # fmt: skip
