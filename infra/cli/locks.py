"""`dits locks`: who holds which path."""

from __future__ import annotations

import click

from infra.cli.output import Output
from infra.cli.remote import Remote, in_repo


@click.command()
@in_repo
@click.pass_obj
def command(output: Output, remote: Remote) -> None:
    """Who holds which path; a token is shown for your own locks alone."""
    with remote.client() as client:
        locks = client.locks.list(remote.repo)
    rows = [(each.path, each.holder, each.since, each.lease, each.lease_s, each.token) for each in locks]
    output.rows(("path", "holder", "since", "lease", "lease_s", "token"), rows)
