"""HTML by small functions: all that comes from outside is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Cell", "Column", "details", "escape", "items", "paragraph", "table"]


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, unit, and whether it holds numbers."""

    title: str
    unit: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Cell:
    """What a cell shows, what it is sorted by, how it looks and what a second, smaller line says."""

    text: str
    key: float | str | None = None
    style: str = ""
    kind: str = ""
    """CSS class."""
    below: str = ""


def table(
    caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, sortable: bool = False, kind: str = ""
) -> str:
    """A table that scrolls sideways within itself; the first cell of a row is its heading. Caption is plain text."""
    head = "".join(_heading(column, sortable) for column in columns)
    body = "".join(f"<tr>{''.join(_cell(c, k, n) for n, (c, k) in _paired(row, columns))}</tr>" for row in rows)
    classes = " ".join(filter(None, ["sortable" if sortable else "", kind]))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="{classes}"><caption><span>{escape(caption)}</span></caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _paired(row: Sequence[Cell], columns: Sequence[Column]) -> Iterable[tuple[int, tuple[Cell, Column]]]:
    return enumerate(zip(row, columns, strict=True))


def _heading(column: Column, sortable: bool) -> str:
    unit = f' <span class="unit">{escape(column.unit)}</span>' if column.unit else ""
    words = f'<span class="name">{escape(column.title)}</span>{unit}'
    inner = f'<button type="button">{words}</button>' if sortable else words
    return f'<th scope="col"{_kind("num" if column.numeric else "")}>{inner}</th>'


def _cell(cell: Cell, column: Column, position: int) -> str:
    tag, scope = ("th", ' scope="row"') if position == 0 else ("td", "")
    kind = _kind(" ".join(filter(None, ["num" if column.numeric else "", cell.kind])))
    style = f' style="{escape(cell.style)}"' if cell.style else ""
    key = "" if cell.key is None else f' data-key="{escape(str(cell.key))}"'
    below = f"<small>{escape(cell.below)}</small>" if cell.below else ""
    return f"<{tag}{scope}{kind}{style}{key}>{escape(cell.text)}{below}</{tag}>"


def _kind(names: str) -> str:
    return f' class="{escape(names)}"' if names else ""


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f"<p{_kind(kind)}>{escape(text)}</p>"


def items(lines: Iterable[str], kind: str = "") -> str:
    """A list of plain lines."""
    return f"<ul{_kind(kind)}>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def details(summary: str, inside: str, *, is_open: bool = False) -> str:
    """Something to unfold; `inside` is HTML."""
    return f"<details{' open' if is_open else ''}><summary>{escape(summary)}</summary>{inside}</details>"
