"""`dits unlock`: give paths back, or end somebody else's lock with a reason."""

from __future__ import annotations

import click

from domain.errors import NotFoundError
from gateway.client import Client
from infra.cli.output import Output
from infra.cli.remote import Remote, in_repo


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="End other people's locks (scope admin:locks).")
@click.option("--reason", help="Why; kept in the log. Needed with --force.")
@in_repo
@click.pass_obj
def command(
    output: Output, remote: Remote, *, paths: tuple[str, ...], force: bool, reason: str | None
) -> None:
    """Give PATHS back."""
    if force != (reason is not None):
        raise click.UsageError("--force needs a --reason, and a --reason is for --force.")
    with remote.client() as client:
        if reason is not None:
            released = client.locks.force_release(remote.repo, *paths, reason=reason)
        else:
            released = _own(client, remote.repo, paths)
    output.result({"released": list(released)}, "\n".join(f"{path} is free" for path in released))


def _own(client: Client, repo: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    tokens = client.locks.own_tokens(repo, paths)
    for path in paths:
        if path not in tokens:
            raise NotFoundError(thing="lock of yours on", name=path)
    return client.locks.release(repo, tokens)
