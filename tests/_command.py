"""The command as a user has it: in this process for speed, or as a process of its own where that matters."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from commonwatt.cli import main

SCENARIO = """\
name: small
source: {kind: sample, members: 4, slots: 48}
tariff: {kind: time_of_use, fixed_per_day: 0.3}
dispatch: {kind: self_consumption}
market: {kind: mid_market_rate}
"""
STUDY = """\
kind: study
name: few
base:
  source: {kind: sample, members: 4, slots: 48}
axes:
  tariff: [{kind: flat}, {kind: time_of_use}]
  market: [{kind: none}, {kind: mid_market_rate}, {kind: pool_prorata}]
"""


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The standard output, all of it, as JSON."""
        return json.loads(self.out)


def call(*words: object, cwd: Path, width: int = 100) -> Answer:
    """The command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    before, code = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}, 0
    with (
        contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", ["commonwatt", *map(str, words)]),
        mock.patch.dict(os.environ, {"COLUMNS": str(width)}),
    ):  # fmt: skip
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return Answer(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]


def start(*words: object, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    """The command as a process of its own, under way."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "preexec_fn": hears_ctrl_c}
    command = [sys.executable, "-m", "commonwatt.cli", *map(str, words)]
    return subprocess.Popen(command, cwd=cwd, **{**pipes, **options})


def hears_ctrl_c() -> None:
    """A shell that starts the tests in the background has them ignore Ctrl-C, and so would the command."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def ended(process: subprocess.Popen[str]) -> Answer:
    """What a process said, once it has ended."""
    out, err = process.communicate(timeout=120)
    return Answer(process.returncode, out, err)


def refused(answer: Answer, *said: str, code: int = 2) -> None:
    """One screen on the error stream that says all of this; nothing else anywhere."""
    assert answer.code == code, answer
    assert not answer.out
    assert "Traceback" not in answer.err
    assert answer.err.startswith("error: ")
    assert len(answer.err.splitlines()) <= 24
    for text in said:
        assert text in answer.err, (text, answer.err)


def nothing_left(folder: Path, *kept: str) -> None:
    """A folder holds only what is named."""
    assert sorted(path.name for path in folder.iterdir()) == sorted(kept)
