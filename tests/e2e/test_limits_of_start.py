"""The command as its users meet it: every help text, word by word.

`python -m tests.e2e.test_limits_of_start` writes the help texts anew, to be looked at and committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from infra.cli import COMMANDS, cli

HELP = Path(__file__).with_name("help.txt")
HELP_COLUMNS = 80


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


if __name__ == "__main__":
    HELP.write_text(help_texts())
