"""`dits events`: what happened in a repository, and what happens."""

from __future__ import annotations

import click

from infra.cli.facts import as_line, json_line
from infra.cli.output import Output
from infra.cli.remote import Remote, in_repo


@click.command()
@click.option("--after", metavar="POSITION", help="Begin after this position; default: the beginning.")
@click.option("--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option("--all", "everywhere", is_flag=True, help="Of all repositories (scope admin:events).")
@in_repo
@click.pass_obj
def command(output: Output, remote: Remote, *, after: str | None, follow: bool, everywhere: bool) -> None:
    """The events of the repository, one a line, in the order of the log."""
    repo = None if everywhere else remote.repo
    with remote.client() as client:
        source = client.events.subscribe if follow else client.events.replay
        for event in source(repo, after=after):
            click.echo(json_line(event) if output.as_json else as_line(event))
