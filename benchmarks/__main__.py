"""The command line: measures specs, prints a table or JSON lines."""

from __future__ import annotations

import argparse
import json
import sys

from .harness import Row, Size, measured, specs


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints; 1 if a goal was missed and that matters."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="CPU seconds, ours and a peer's in turns."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones; all: {', '.join(specs())}")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer rounds")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a goal is missed")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(specs()))
    if unknown:
        parser.error(f"no such spec: {', '.join(unknown)}; there are {', '.join(specs())}")
    size: Size = "quick" if chosen.quick else "full"
    rows: list[Row] = []
    for name in chosen.names or specs():
        reason = specs()[name].missing()
        if reason:
            print(f"{name}: skipped, {reason}", file=sys.stderr)
            continue
        for row in measured(name, size):
            rows.append(row)
            if chosen.json:
                print(json.dumps(row.plain()), flush=True)
    if not chosen.json:
        _print(rows)
    return 1 if chosen.strict and not all(row.ok for row in rows) else 0


def _print(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(caption="CPU seconds, medians in turns; memory is the process's peak before the peer is built")
    for title in ("spec", "size", "peer"):
        table.add_column(title, overflow="fold")
    for title in ("ours [s]", "peer [s]", "ratio", "goal", "ok", "MiB"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:,.1f}"
        times = f"{row.ours_s:.3g}", f"{row.peer_s:.3g}", f"{row.ratio:,.1f}", goal
        table.add_row(row.spec, row.size, row.peer, *times, "yes" if row.ok else "no", f"{row.memory_mib:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
