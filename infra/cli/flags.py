"""Options that `dits serve` and `dits work` share: what must be said on the command line to be noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]


def exceptions(command: Command) -> Command:
    """`--unsafe-lazy-fsync` and `--dev`; a flag that is given wins over its setting."""
    for option in (
        click.option("--dev", is_flag=True, help="Allow what only developers need (DITS_CRASH_AT)."),
        click.option(
            "--unsafe-lazy-fsync",
            is_flag=True,
            help="Accept a nats-server that acknowledges before it syncs: a power cut then loses events.",
        ),
    ):
        command = option(command)
    return command


def given(**flags: bool) -> dict[str, object]:
    """Only the flags that were given, as settings."""
    return {name: True for name, is_given in flags.items() if is_given}
