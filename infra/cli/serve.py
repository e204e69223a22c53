"""`dits serve`: one gateway process against the servers that the settings name."""

from __future__ import annotations

import os
from importlib.metadata import version

import click

from infra.cli.exits import FAULT
from infra.cli.flags import exceptions, given
from infra.compose import gateway, ground, start_logs
from infra.metrics import Metrics
from infra.settings import load_settings

NEEDS = ("nats_url", "nats_password", "nats_system_password", "postgres_dsn")


@click.command()
@exceptions
def command(*, unsafe_lazy_fsync: bool, dev: bool) -> None:
    """Run a gateway: the HTTP API and the doors on the bus, until SIGTERM.

    As many processes as you like may run side by side, each on a port of its own.
    """
    settings = load_settings(
        os.environ, needs=NEEDS, given=given(unsafe_lazy_fsync=unsafe_lazy_fsync, dev=dev)
    )
    metrics = Metrics(version=version("dits"))
    start_logs(settings, metrics)
    patience_s = settings.dependency_timeout_s
    with ground(settings, "dits-gateway", answer_s=patience_s) as on, gateway(on, metrics) as server:
        server.run()
    if server.has_broken:
        raise SystemExit(FAULT)  # so that whatever supervises this process starts another one
