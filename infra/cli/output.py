"""What a command says: lines and tables for people, one JSON value for machines.

Promises: results go to standard output, everything else (progress, advice, errors) to standard error; with
``--json`` standard output holds exactly one JSON value, or one a line where results never end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import click

Plain = str | int | float | bool | None | Sequence["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True)
class Output:
    """Handed to every command by `click.pass_obj`."""

    as_json: bool

    def result(self, value: Plain, for_people: str) -> None:
        """The command's answer, in the one form or the other."""
        click.echo(json.dumps(value, ensure_ascii=False) if self.as_json else for_people)

    def rows(self, head: Sequence[str], rows: Sequence[Sequence[Plain]]) -> None:
        """A table; as JSON a list of objects, keyed by the head."""
        if self.as_json:
            click.echo(json.dumps([dict(zip(head, row, strict=True)) for row in rows], ensure_ascii=False))
            return
        for line in _aligned([list(head), *([_cell(value) for value in row] for row in rows)]):
            click.echo(line)

    def say(self, text: str) -> None:
        """Something for people that is no result; machines are not told."""
        if not self.as_json:
            click.echo(text, err=True)


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _cell(value: Plain) -> str:
    if value is None:
        return "-"
    return json.dumps(value) if isinstance(value, bool | dict | list) else str(value)
