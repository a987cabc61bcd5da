"""Files from outside: read whole, within limits, or reported; never guessed at."""

from __future__ import annotations

import stat
from pathlib import Path

from ..errors import Problems

NEW_LINE = b"\n"
MOST_BYTES = 1 << 30
MOST_BYTES_SMALL = 64 << 20
MOST_LISTED = 1000
"""Mistakes listed per file and rule: enough to mend it, few enough to hold."""


def present(path: Path) -> bool:
    """Whether something of that name is there, readable or not."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True


def is_folder(path: Path) -> bool:
    """Whether it is a folder that can be looked at."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def regular(path: Path, most: int, problems: Problems) -> bool:
    """Whether `path` is a file of at most `most` bytes; else a problem says why not."""
    try:
        found = path.stat()
    except FileNotFoundError:
        problems.add(path.name, "no such file", "§16: a file of this name", "put the file there, or correct its name")
        return False
    except (OSError, ValueError) as error:
        problems.add(path.name, _reason(error), "a file that can be read", "mend the file or its permissions")
        return False
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "not a plain file"
        problems.add(path.name, what, "§16: a file of this name", "put the file there")
        return False
    if found.st_size > most:
        size = f"{found.st_size / 2**20:.0f} MiB"
        remedy = "store the table as Parquet, or cut it into shorter runs"
        problems.add(path.name, size, f"at most {most / 2**20:g} MiB", remedy)
        return False
    return True


def read_bytes(path: Path, most: int, problems: Problems) -> bytes | None:
    """The file's bytes, or None and a problem."""
    if not regular(path, most, problems):
        return None
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        problems.add(path.name, _reason(error), "a file that can be read", "mend the file or its permissions")
        return None
    return data


def read_text(path: Path, most: int, problems: Problems) -> str | None:
    """The file's text in UTF-8, with or without a byte order mark, or None and a problem."""
    data = read_bytes(path, most, problems)
    if data is None:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"{path.name} row {data.count(NEW_LINE, 0, error.start) + 1}" if error.start < len(data) else path.name
        problems.add(where, f"byte {data[error.start : error.start + 1]!r}", "text is UTF-8", "save the file as UTF-8")
        return None


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return f"cannot be read: {text}"
