"""Bills line by line and devices' reasons on the terminal, from what `studies.explain` found."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from .screen import Values, amount, plain_table, show_line


def show_bill(console: Console, found: Values) -> None:
    """A member's bill, line by line."""
    table = plain_table(f"bill of {found['member']}, amounts in {found['currency']}")
    table.add_column("item")
    for heading in ("kWh", "per kWh", "amount"):
        table.add_column(heading, justify="right")
    for line in found["lines"]:
        kwh, price = (
            "" if line[name] is None else f"{line[name]:,.{digits}f}" for name, digits in (("kwh", 2), ("price", 4))
        )
        table.add_row(Text(line["what"]), kwh, price, amount(line["money"]))
    table.add_row(Text("bill", style="bold"), "", "", amount(found["bill"]))
    table.add_row(Text("alone it would pay"), "", "", amount(found["alone_bill"]))
    table.add_row(Text("saving"), "", "", amount(found["saving"]))
    console.print(table, highlight=False)


def show_slot(console: Console, found: Values) -> None:
    """What a member did in a slot, and why."""
    title = f"  slot {found['slot']}, {found['time']}, prices in {found['currency']} per kWh"
    console.print(Text.assemble((found["member"], "bold"), title))
    for part, digits in (("energy", 3), ("prices", 4)):
        told = ", ".join(f"{_words(name)} {value:.{digits}f}" for name, value in found[part].items() if value)
        console.print(Text(f"{part}: {told or 'none'}"), highlight=False)
    for sentence in [*found["says"], *(line for device in found["devices"] for line in device["says"])]:
        show_line(console, sentence)


def _words(name: str) -> str:
    return name.removesuffix("_kwh").replace("_", " ")


def _told(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
