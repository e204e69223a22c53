"""`dits work`: one worker process against the servers that the settings name."""

from __future__ import annotations

import os
import signal
import threading
from importlib.metadata import version

import click

from infra.cli.flags import exceptions, given
from infra.compose import ground, start_logs, worker_telemetry, workers
from infra.metrics import Metrics
from infra.settings import load_settings

NEEDS = ("nats_url", "nats_password", "nats_system_password", "postgres_dsn")


@click.command()
@exceptions
def command(*, unsafe_lazy_fsync: bool, dev: bool) -> None:
    """Run the workers: read models, archive, commit sagas, leases, sessions.

    As many processes as you like may run side by side; they hold nothing but positions. Each shows
    its metrics on an address of its own, which it logs.
    """
    settings = load_settings(
        os.environ, needs=NEEDS, given=given(unsafe_lazy_fsync=unsafe_lazy_fsync, dev=dev)
    )
    metrics = Metrics(version=version("dits"))
    start_logs(settings, metrics)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with ground(settings, "dits-worker") as on, worker_telemetry(on, metrics):
        supervisor = workers(on, metrics)
        supervisor.start()
        stopping.wait()
        supervisor.stop(settings.stop_timeout_s)
