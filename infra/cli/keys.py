"""`dits keys`: API keys, for administrators."""

from __future__ import annotations

import click

from infra.cli.output import Output, Plain
from infra.cli.remote import Remote, asks_server


@click.group()
def command() -> None:
    """Issue, list and revoke API keys (scope admin:keys)."""


@command.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="read, write, admin or admin:AREA.")
@click.option("--for-repo", "repos", multiple=True, metavar="REPO", help="Only for these; default: all.")
@asks_server
@click.pass_obj
def issue(
    output: Output, remote: Remote, *, name: str, scopes: tuple[str, ...], repos: tuple[str, ...]
) -> None:
    """Make a key for the consumer NAME. It is shown once and cannot be shown again."""
    with remote.client() as client:
        issued = client.keys.issue(name, scopes, repos or None)
    result: dict[str, Plain] = {"consumer": issued.consumer, "key_id": issued.key_id, "key": issued.key}
    output.result(result, f"{issued.key}")
    output.say(f"key {issued.key_id} of {name} ({issued.consumer}); keep it now, it is not shown again")


@command.command(name="list")
@asks_server
@click.pass_obj
def list_(output: Output, remote: Remote) -> None:
    """All keys that are valid; none of them is shown."""
    with remote.client() as client:
        keys = client.keys.list()
    rows = [
        (each.name, each.consumer, each.key_id, list(each.scopes), list(each.repos) if each.repos else None)
        for each in keys
    ]
    output.rows(("name", "consumer", "key_id", "scopes", "repos"), rows)


@command.command()
@click.argument("consumer")
@click.argument("key_id")
@click.option("--reason", required=True, help="Why; kept in the log.")
@asks_server
@click.pass_obj
def revoke(output: Output, remote: Remote, *, consumer: str, key_id: str, reason: str) -> None:
    """End a key at once."""
    with remote.client() as client:
        client.keys.revoke(consumer, key_id, reason=reason)
    output.result({"revoked": key_id}, f"Revoked {key_id}")
