"""How the joint plan grows with its community: iterations and seconds from ten homes to ten thousand."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.specs._plans import community
from commonwatt.optimum import block
from commonwatt.optimum.certificate import certify

MEMBERS = 10, 30, 100, 300, 1000, 3000, 10_000
GAPS = 1e-3, 1e-6
SLOTS = 96


@dataclass(frozen=True)
class Point:
    """One plan, proven to `gap`. Times in seconds."""

    members: int
    gap: float
    iterations: int
    cpu_s: float
    wall_s: float


def measured(members: int, gap: float, slots: int = SLOTS) -> Point:
    """Plans a community of the benchmarks by `block`; raises AssertionError if the plan is not proven."""
    given = community(members, slots)
    cpu, wall = time.process_time(), time.perf_counter()
    plan = block.solve(given, gap)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    proof = certify(given, plan, gap)[1]
    if proof.status != "proven":
        raise AssertionError(proof)
    return Point(members, gap, plan.iterations, cpu, wall)


def table(points: list[Point]) -> str:
    """Lines of text, one per plan."""
    head = f"{'members':>8}{'gap':>8}{'iterations':>12}{'CPU s':>9}{'wall s':>9}"
    rows = [f"{p.members:>8,}{p.gap:>8.0e}{p.iterations:>12}{p.cpu_s:>9.2f}{p.wall_s:>9.2f}" for p in points]
    return "\n".join([head, *rows])


def picture(points: list[Point], path: Path) -> None:
    """Seconds and iterations over members, as SVG; the same points give the same bytes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "growth", "svg.fonttype": "none", "font.size": 10}):
        figure = Figure(figsize=(8.0, 3.2), layout="constrained", facecolor="white")
        seconds, iterations = figure.subplots(1, 2)
        for gap, colour, mark in zip(GAPS, ("#1f5fa8", "#b0461e"), "os", strict=True):
            mine = [p for p in points if p.gap == gap]
            members, label = [p.members for p in mine], f"proven to {gap:g}"
            seconds.loglog(members, [p.cpu_s for p in mine], mark + "-", color=colour, label=label)
            iterations.semilogx(members, [p.iterations for p in mine], mark + "-", color=colour, label=label)
        last = max(points, key=lambda p: (p.members, -p.gap))
        few = min(p.members for p in points)
        line = [last.cpu_s * few / last.members, last.cpu_s]
        seconds.loglog([few, last.members], line, ":", color="#777777", label="in proportion")
        seconds.set(xlabel=f"members, {SLOTS} slots each", ylabel="CPU seconds")
        iterations.set(xlabel=f"members, {SLOTS} slots each", ylabel="iterations", ylim=(0, None))
        for axes in (seconds, iterations):
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.grid(visible=True, color="#dddddd", linewidth=0.6)
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
        seconds.legend(frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints, draws."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--most", type=int, default=MEMBERS[-1], help="members at most")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draws iterations and seconds too")
    chosen = parser.parse_args(arguments)
    measured(10, GAPS[0])
    points = [measured(n, gap) for gap in GAPS for n in MEMBERS if n <= chosen.most]
    print(table(points))
    if chosen.plot:
        picture(points, chosen.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
