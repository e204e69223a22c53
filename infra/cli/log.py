"""`dits log`: the commits of a branch, newest first."""

from __future__ import annotations

import click

from gateway.client import Commit
from infra.cli.output import Output
from infra.cli.remote import Remote, in_repo

SUBJECT_CHARS_MAX = 60


@click.command()
@click.option("-b", "--branch", metavar="NAME", help="Default: that of this checkout, else main.")
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1, 100_000))
@in_repo
@click.pass_obj
def command(output: Output, remote: Remote, *, branch: str | None, limit: int) -> None:
    """The commits of a branch, newest first."""
    with remote.client() as client:
        commits = client.commits.list(remote.repo, remote.branch(client, branch), limit=limit)
        rows = [
            (each.commit, each.committed_at or each.state, each.author, _subject(each)) for each in commits
        ]
    output.rows(("commit", "committed_at", "author", "message"), rows)


def _subject(commit: Commit) -> str:
    return commit.message.partition("\n")[0][:SUBJECT_CHARS_MAX]
