"""What the package costs before it does anything."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from benchmarks.harness import Case, Size, Spec, Work


def imported(name: str) -> Work:
    """A fresh interpreter that imports a package."""

    def work() -> None:
        subprocess.run([sys.executable, "-c", f"import {name}"], check=True)

    return work


def cases(size: Size) -> Sequence[Case]:
    """Against pandas."""
    return [
        Case(
            "import_time", "a fresh process", "import pandas",
            lambda: imported("commonwatt"), lambda: imported("pandas"), goal=1.0,
        )
    ]  # fmt: skip


SPEC = Spec("import_time", "A fresh interpreter that imports the package.", cases)
