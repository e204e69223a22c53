"""One line of the performance table: what was measured, against what, and what should be reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    measured: str
    """With its unit, for people."""
    against: str
    """The baseline of the same run, for people."""
    ratio: float | None
    """Measured / baseline, where the row is a ratio."""
    reach: str
    """The goal in words."""
    reached: bool | None
    """None where the row is only printed."""


HEAD = "| what | measured | against | ratio | reach | |\n|---|---|---|---|---|---|"


def line(row: Row) -> str:
    """Of a table in Markdown, under `HEAD`."""
    ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
    verdict = {True: "reached", False: "MISSED", None: ""}[row.reached]
    return f"| {row.what} | {row.measured} | {row.against} | {ratio} | {row.reach} | {verdict} |"
