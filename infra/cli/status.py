"""`dits status`: is the server well, who are we to it, where its metrics are, how far its read models are."""

from __future__ import annotations

import click

from gateway.client import Client, ProblemError
from gateway.client.results import Principal, Projection
from infra.cli.address import found
from infra.cli.output import Output, Plain
from infra.cli.remote import Remote, asks_server
from infra.metrics import PATH


@click.command()
@asks_server
@click.pass_obj
def command(output: Output, remote: Remote) -> None:
    """The server's health and metrics, who you are to it, and the lag of its read models.

    The lag is for those who may see it.
    """
    with remote.client() as client:
        health = client.health()
        principal, projections = _principal(client), _projections(client)
        server, api = client.server, client.api_version()
    metrics = _metrics(remote, server)
    reasons = ", ".join(str(each) for each in _list(health.get("reasons")))
    lines = [
        f"server   {server}: {health.get('status')}" + (f" ({reasons})" if reasons else ""),
        f"api      {api}",
        f"you      {principal.name if principal else 'anonymous'}"
        + (f" ({', '.join(principal.scopes)})" if principal else ""),
        f"metrics  {' and '.join(metrics)}",
        *(_line(each) for each in projections),
    ]
    result: dict[str, Plain] = {
        "server": server,
        "status": str(health.get("status")),
        "reasons": [str(each) for each in _list(health.get("reasons"))],
        "api_version": api,
        "consumer": principal.name if principal else None,
        "scopes": list(principal.scopes) if principal else [],
        "metrics": list(metrics),
        "projections": [{"name": each.name, "lag_events": each.lag_events} for each in projections],
    }
    output.result(result, "\n".join(lines))


def _metrics(remote: Remote, server: str) -> tuple[str, ...]:
    """The pages of the gateway, and of the worker if `dits up` runs one beside it."""
    worker = found(url=remote.url, key=remote.key).worker_metrics_url
    return (server.rstrip("/") + PATH, *((worker,) if worker is not None else ()))


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
