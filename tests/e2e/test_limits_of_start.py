"""The command as its users meet it: how long `dits up` takes, and every help text, word by word.

`python -m tests.e2e.test_limits_of_start` writes the help texts anew, to be looked at and committed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from infra.cli import COMMANDS, cli, exits
from infra.clock import SystemClock
from infra.dev.ports import Ports

HELP = Path(__file__).with_name("help.txt")
HELP_COLUMNS = 80
WARM_S_MAX = 30.0
"""Six times what is promised of a machine that does nothing else (`make bench` holds the promise)."""


def help_texts() -> str:
    """Of `dits`, of each command and of each command below one."""
    return "\n".join(
        f"$ dits{''.join(' ' + word for word in words)} --help\n{text}" for words, text in _helps()
    )


def _helps() -> Iterator[tuple[tuple[str, ...], str]]:
    yield (), _help(cli)
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        yield (name,), _help(command, name)
        if isinstance(command, click.Group):
            for below, inner in sorted(command.commands.items()):
                yield (name, below), _help(inner, name, below)


def _help(command: click.Command, *words: str) -> str:
    path = " ".join(("dits", *words))
    context = click.Context(command, info_name=path, terminal_width=HELP_COLUMNS, **cli.context_settings)
    return command.get_help(context) + "\n"


def test_the_help_says_what_it_said() -> None:
    assert help_texts() == HELP.read_text()


def test_a_warm_start_answers_soon_and_ends_cleanly(tmp_path: Path) -> None:
    port = Ports(tmp_path / "port.json", say=print).of("gateway")
    cold_s, _ = seconds_to_ready(tmp_path / "data", port)
    warm_s, code = seconds_to_ready(tmp_path / "data", port)
    print(f"dits up: {cold_s:.1f} s cold, {warm_s:.1f} s warm")
    assert warm_s < WARM_S_MAX
    assert code == exits.OK


def seconds_to_ready(data_dir: Path, port: int) -> tuple[float, int]:
    """From the command to its one line of JSON; and how it ends when it is told to."""
    clock = SystemClock()
    began_ms = clock.monotonic_ms()
    command = [
        sys.executable,
        "-m",
        "infra.cli",
        "up",
        "--json",
        "--port",
        str(port),
        "--data-dir",
        str(data_dir),
    ]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DITS_")}
    with subprocess.Popen(command, env=inherited, stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        line = up.stdout.readline()
        ready_ms = clock.monotonic_ms()
        up.send_signal(signal.SIGTERM)
        code = up.wait(30)
    assert json.loads(line)["url"] == f"http://127.0.0.1:{port}"
    return (ready_ms - began_ms) / 1000, code


if __name__ == "__main__":
    HELP.write_text(help_texts())
