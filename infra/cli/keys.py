"""`dits keys`: API keys, for administrators."""

from __future__ import annotations

import re

import click

from infra.cli.output import Output, Plain
from infra.cli.remote import Remote, asks_server


class Limit(click.ParamType[int | None]):
    """Requests a minute; `default` is what everybody has."""

    name = "limit"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        if value == "default":
            return None
        if not re.fullmatch(r"[1-9][0-9]{0,6}", str(value)):
            self.fail(f"{value!r} is no limit; write a number of requests a minute, or default", param, ctx)
        return int(str(value))


@click.group()
def command() -> None:
    """Issue, list, limit, pin and revoke API keys (scope admin:keys)."""


@command.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="read, write, admin or admin:AREA.")
@click.option("--for-repo", "repos", multiple=True, metavar="REPO", help="Only for these; default: all.")
@click.option("--version", "version_id", metavar="VERSION", help="Of the API, for requests that name none.")
@asks_server
@click.pass_obj
def issue(
    output: Output,
    remote: Remote,
    *,
    name: str,
    scopes: tuple[str, ...],
    repos: tuple[str, ...],
    version_id: str | None,
) -> None:
    """Make a key for the consumer NAME. It is shown once and cannot be shown again."""
    with remote.client() as client:
        issued = client.keys.issue(name, scopes, repos or None, version=version_id)
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
        (
            each.name,
            each.consumer,
            each.key_id,
            list(each.scopes),
            list(each.repos) if each.repos else None,
            each.version,
            each.requests_per_minute,
        )
        for each in keys
    ]
    output.rows(("name", "consumer", "key_id", "scopes", "repos", "version", "requests_per_minute"), rows)


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


@command.command()
@click.argument("consumer")
@click.argument("requests_per_minute", type=Limit(), metavar="N|default")
@asks_server
@click.pass_obj
def limit(output: Output, remote: Remote, *, consumer: str, requests_per_minute: int | None) -> None:
    """Let a consumer make N requests a minute, with all its keys together."""
    with remote.client() as client:
        client.keys.limit(consumer, requests_per_minute)
    shown = "the default" if requests_per_minute is None else str(requests_per_minute)
    result: dict[str, Plain] = {"consumer": consumer, "requests_per_minute": requests_per_minute}
    output.result(result, f"Limit of {consumer}: {shown} requests a minute")


@command.command()
@click.argument("consumer")
@click.argument("key_id")
@click.argument("version_id", metavar="VERSION|none")
@asks_server
@click.pass_obj
def pin(output: Output, remote: Remote, *, consumer: str, key_id: str, version_id: str) -> None:
    """Choose the version of the API for a key's requests that name none."""
    version = None if version_id == "none" else version_id
    with remote.client() as client:
        client.keys.pin(consumer, key_id, version)
    told = f"Pinned {key_id} to {version}" if version is not None else f"{key_id} is pinned to nothing"
    output.result({"key_id": key_id, "version": version}, told)
