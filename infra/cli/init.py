"""`dits init`: make servers of your own ready for `dits serve` and `dits work`."""

from __future__ import annotations

import os

import click

from infra.cli import first_start
from infra.cli.output import Output
from infra.cli.serve import NEEDS
from infra.compose import ground
from infra.logs import configure_logs
from infra.settings import load_settings


@click.command()
@click.pass_obj
def command(output: Output) -> None:
    """Make schemas, the event log, the read models and a first key on the servers that the settings name.

    May be run again. The first key may do everything; it is shown once, now. All gateways must have the same
    DITS_KEY_PEPPER (64 hex characters), or the same key.pepper in their data directories.
    """
    settings = load_settings(os.environ, needs=NEEDS)
    configure_logs("warning", settings.log_format)
    with ground(settings, "dits-init") as on:
        first_start.prepare_read_models(on)
        key = first_start.first_key(on)
    told = f"The first key, shown once: {key}" if key is not None else "There are keys already."
    output.result({"key": key}, f"Ready. {told}")
