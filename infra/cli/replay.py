"""`dits replay`: every event from a position on, whole, for whoever rebuilds something from them."""

from __future__ import annotations

import click

from infra.cli.facts import json_line
from infra.cli.output import Output
from infra.cli.remote import Remote, in_repo


@click.command()
@click.option("--after", metavar="POSITION", help="Begin after this position; default: the beginning.")
@click.option("--all", "everywhere", is_flag=True, help="Of all repositories (scope admin:events).")
@in_repo
@click.pass_obj
def command(output: Output, remote: Remote, *, after: str | None, everywhere: bool) -> None:
    """Every event up to now as one JSON object a line; the position to go on from is said at the end.

    The `resume_after` of the last event that was dealt with is where to go on after an interruption.
    """
    repo = None if everywhere else remote.repo
    count, position = 0, after
    with remote.client() as client:
        for event in client.events.replay(repo, after=after):
            click.echo(json_line(event))
            count, position = count + 1, event.resume_after
    output.say(f"{count} events" + (f"; go on with --after {position}" if position else ""))
