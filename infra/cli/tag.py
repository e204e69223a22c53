"""`dits tag`: list tags, begin one at a commit, or delete one."""

from __future__ import annotations

import click

from infra.cli.output import Output
from infra.cli.refs import created, deleted, listed
from infra.cli.remote import DEFAULT_BRANCH, Remote, in_repo


@click.command()
@click.argument("name", required=False)
@click.option("--at", metavar="REF", help="A commit, branch or tag. Default: main.")
@click.option("--delete", is_flag=True, help="Delete it; commits stay.")
@in_repo
@click.pass_obj
def command(output: Output, remote: Remote, *, name: str | None, at: str | None, delete: bool) -> None:
    """List tags; with NAME, make a tag."""
    if name is None and (at is not None or delete):
        raise click.UsageError("--at and --delete need a NAME.")
    if at is not None and delete:
        raise click.UsageError("--at and --delete do not go together.")
    with remote.client() as client:
        if name is None:
            listed(output, client.tags, remote.repo)
        elif delete:
            deleted(output, client.tags, remote.repo, name)
        else:
            created(output, client, client.tags, (remote.repo, name, at or DEFAULT_BRANCH))
