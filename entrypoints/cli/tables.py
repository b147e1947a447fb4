"""Tables as the commands print them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rich.console import OverflowMethod
from rich.table import Table


def columns(
    *headings: str, right: Collection[str] = (), overflow: OverflowMethod = "ellipsis"
) -> Table:
    """An empty table.

    Args:
        headings: of the columns.
        right: the columns that are aligned to the right.
        overflow: what happens to a cell that is too long for the terminal.
    """
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(
            heading, justify="right" if heading in right else "left", overflow=overflow
        )
    return table


def metrics(*headings: str) -> Table:
    """An empty table: a column of names and, aligned to the right, columns of numbers."""
    return columns(*headings, right=headings[1:])


def totals(rows: Mapping[str, str]) -> Table:
    """A name and a value in each line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def percent(share: float | None) -> str:
    """A share in [0, 1] as a percentage; a dash where there is none."""
    return number(share, ".1%")


def number(value: float | None, form: str) -> str:
    """A number in this format; a dash where there is none."""
    return "-" if value is None else format(value, form)
