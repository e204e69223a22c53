"""`dits status`: is the server well, who are we to it, and how far its read models are."""

from __future__ import annotations

import click

from gateway.client import Client, ProblemError
from gateway.client.results import Principal, Projection
from infra.cli.output import Output, Plain
from infra.cli.remote import Remote, asks_server


@click.command()
@asks_server
@click.pass_obj
def command(output: Output, remote: Remote) -> None:
    """The server's health, who you are to it, and the lag of its read models (if you may see it)."""
    with remote.client() as client:
        health = client.health()
        principal, projections = _principal(client), _projections(client)
        server, api = client.server, client.api_version()
    reasons = ", ".join(str(each) for each in _list(health.get("reasons")))
    lines = [
        f"server   {server}: {health.get('status')}" + (f" ({reasons})" if reasons else ""),
        f"api      {api}",
        f"you      {principal.name if principal else 'anonymous'}"
        + (f" ({', '.join(principal.scopes)})" if principal else ""),
        *(_line(each) for each in projections),
    ]
    result: dict[str, Plain] = {
        "server": server,
        "status": str(health.get("status")),
        "reasons": [str(each) for each in _list(health.get("reasons"))],
        "api_version": api,
        "consumer": principal.name if principal else None,
        "scopes": list(principal.scopes) if principal else [],
        "projections": [{"name": each.name, "lag_events": each.lag_events} for each in projections],
    }
    output.result(result, "\n".join(lines))


def _principal(client: Client) -> Principal | None:
    try:
        return client.whoami()
    except ProblemError as problem:
        if problem.kind == "unauthorized":
            return None
        raise


def _projections(client: Client) -> tuple[Projection, ...]:
    """Nothing for those who may not see them."""
    try:
        return client.projections.list()
    except ProblemError as problem:
        if problem.kind in {"unauthorized", "forbidden"}:
            return ()
        raise


def _line(projection: Projection) -> str:
    parked = f", {projection.parked} parked" if projection.parked else ""
    return f"{projection.name:<16} {projection.lag_events} messages behind{parked}"


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
