"""`dits lock`: take paths for oneself."""

from __future__ import annotations

import click

from gateway.client import Client, Lock
from infra.cli.durations import Duration
from infra.cli.output import Output
from infra.cli.remote import Remote, in_repo
from infra.clock import SystemClock

BEAT_LEASE_S = 30
"""Of a beating lease, if nothing else is asked for; it is beaten three times as often."""


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--lease", type=click.Choice(["until", "beating"]), default="until", show_default=True)
@click.option("--for", "lease_s", type=Duration(), help="How long: 90s, 30m, 8h (default), 2d.")
@in_repo
@click.pass_obj
def command(
    output: Output, remote: Remote, *, paths: tuple[str, ...], lease: str, lease_s: int | None
) -> None:
    """Lock PATHS, all or none: until then nobody else can commit a change to them.

    `--lease beating` holds them for as long as this command runs (Ctrl-C gives them back), and lets go by
    itself --for after the command died.
    """
    with remote.client() as client:
        if lease == "beating":
            locks = client.locks.acquire(
                remote.repo, *paths, lease="beating", lease_s=lease_s or BEAT_LEASE_S
            )
            _said(output, locks)
            _beat(client, remote.repo, locks)
        else:
            _said(output, client.locks.acquire(remote.repo, *paths, lease="until", lease_s=lease_s))


def _said(output: Output, locks: tuple[Lock, ...]) -> None:
    rows = [(each.path, each.token, each.lease, each.lease_s, each.since) for each in locks]
    output.rows(("path", "token", "lease", "lease_s", "since"), rows)


def _beat(client: Client, repo: str, locks: tuple[Lock, ...]) -> None:
    """Until Ctrl-C."""
    tokens = {each.path: each.token for each in locks if each.token is not None}
    try:
        while True:
            SystemClock().sleep(min(each.lease_s for each in locks) / 3)
            client.locks.beat(repo, tokens)
    except KeyboardInterrupt:
        client.locks.release(repo, tokens)
