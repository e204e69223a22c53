"""`dits up`: the laptop product, everything in one command until it is stopped."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

import click

from infra.cli import first_start
from infra.cli.output import Output, Plain
from infra.compose import ground
from infra.dev.laptop import Laptop
from infra.logs import configure_logs
from infra.settings import Settings, load_settings

MEND = "Mend the file that DITS_VERSIONS_FILE names; it is followed (docs/runbooks/versions-file.md)."


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where everything is kept.")
@click.option("--port", type=int, help="TCP port of the gateway.")
@click.pass_obj
def command(output: Output, *, data_dir: Path | None, port: int | None) -> None:
    """Start the embedded servers, a gateway and a worker; stop with Ctrl-C.

    Data survive a restart. The first start makes a key and leaves it, with the address, in client.json in the
    data directory, where the other commands find it.
    """
    given = {"data_dir": data_dir, "gateway_port": port}
    laptop = laptop_of({name: value for name, value in given.items() if value is not None}, output)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    laptop.start()
    try:
        facts: dict[str, Plain] = {
            "url": laptop.url,
            "worker_metrics_url": laptop.worker_metrics_url,
            "data_dir": str(laptop.data_dir),
            "pid": os.getpid(),
        }
        output.result(facts, _welcome(laptop))
        if (reason := laptop.blocked_by()) is not None:
            output.say(f"\nNo version of the API is served: {reason}. {MEND}")
        laptop.watch(stopping)
    finally:
        output.say("stopping")
        laptop.stop()


def laptop_of(given: Mapping[str, object], output: Output, **more: str) -> Laptop:
    """A laptop whose data directory is prepared when it starts."""
    settings = load_settings(os.environ, given=given)
    configure_logs("warning", settings.log_format)

    def prepare(environment: Mapping[str, str]) -> None:
        own = load_settings(environment, needs=("nats_url", "postgres_dsn"))
        assert laptop.endpoints is not None
        with ground(own, "dits-up") as on:
            if on.log.regressed is not None:
                output.say(f"{on.log.regressed.message}. Reads go on; see docs/runbooks/log-regressed.md")
                return
            first_start.leave_address(
                on,
                laptop.data_dir,
                url=laptop.url,
                nats_url=laptop.endpoints.nats_client_url,
                worker_metrics_url=laptop.worker_metrics_url,
            )
            first_start.prepare_read_models(on)

    laptop = Laptop(settings, prepare, output.say, dict(more))
    return laptop


def _welcome(laptop: Laptop) -> str:
    return f"""\
Dits is up at {laptop.url}
  data      {laptop.data_dir}
  logs      {laptop.data_dir / "logs"}
  metrics   {laptop.url}/metrics and {laptop.worker_metrics_url} (the worker's)
  key       in {laptop.data_dir / first_start.KEY_FILE} (the commands below find it by themselves)

Try, in another terminal:{_where(laptop)}
  dits repos create film
  dits push -r film FILE.mp4 -m "first take"
  dits log -r film
Ctrl-C stops it; everything is kept."""


def _where(laptop: Laptop) -> str:
    """What the client's commands need to be told, if this is not where they look."""
    usual = Settings.model_fields["data_dir"].default.expanduser().absolute()
    return "" if laptop.data_dir == usual else f"\n  export DITS_DATA_DIR={laptop.data_dir}"
