"""What commands that decide about versions share: `--dry-run`, a decision's events, and being asked.

Promises: somebody is asked only before what ends for good, and never where nobody can answer: a script says
``--yes``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from gateway.client.registry import Decided, Recorded
from infra.cli.facts import in_words
from infra.cli.output import Output, Plain
from infra.cli.remote import asks_server

F = TypeVar("F", bound=Callable[..., Any])

yes_option = click.option("--yes", is_flag=True, help="Do not ask: I know that it ends for good.")


def decides(command: F) -> F:
    """`asks_server`, and `--dry-run`."""
    option = click.option(
        "--dry-run", is_flag=True, help="Say the events that would be recorded; do nothing."
    )
    return option(asks_server(command))


def said(output: Output, decided: Decided, *, nothing: str = "It is so already") -> None:
    """The decision as its events; `nothing` is what no event means."""
    events: list[Plain] = [
        {"topic": each.topic, "event": cast("dict[str, Plain]", dict(each.event))} for each in decided.events
    ]
    lines = [f"  {each.topic}  {in_words(_told(each))}" for each in decided.events]
    value: dict[str, Plain] = {"revision": decided.revision, "dry_run": decided.dry_run, "events": events}
    output.result(value, "\n".join([_head(decided, nothing), *lines]))


def _told(recorded: Recorded) -> dict[str, object]:
    """What people read of it: the revision stands above, and what is not there is no fact."""
    return {name: fact for name, fact in recorded.event.items() if fact is not None and name != "revision"}


def _head(decided: Decided, nothing: str) -> str:
    if not decided.events:
        return f"{nothing} (revision {decided.revision})"
    if decided.dry_run:
        return f"Would be revision {decided.revision}; nothing was recorded"
    return f"Revision {decided.revision}"


def confirm(output: Output, question: str, *, yes: bool) -> None:
    """Raises click.UsageError if nobody can be asked, click.Abort if they say no."""
    if yes:
        return
    if output.as_json or not sys.stdin.isatty():
        raise click.UsageError(f"{question} If that is meant, say --yes.")
    click.confirm(f"{question} Go on?", abort=True, err=True)
