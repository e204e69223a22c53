"""Every command that the pages name is one that the program takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest

from infra.cli import cli

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (DOCS / "versioning.md", *sorted(DOCS.glob("runbooks/versions-*.md")))
NAMED = re.compile(r"^(dits [^#\n]+)|`(dits\s[^`]+)`", re.MULTILINE)
"""On a line of its own, or in the text; there it may go on in the next line."""


def commands(page: Path) -> Iterator[str]:
    for line, inline in NAMED.findall(page.read_text()):
        yield " ".join((line or inline).split()).removesuffix(" ...")


def parse(line: str) -> None:
    """As far as without running it. Raises click.ClickException."""
    command: click.Command = cli
    words, context = shlex.split(line)[1:], click.Context(cli, **cli.context_settings)
    while isinstance(command, click.Group):
        name, *words = words
        found = command.get_command(context, name)
        assert found is not None, f"there is no {name}"
        command, context = found, click.Context(found, info_name=name, parent=context)
    command.make_context(context.info_name, words, parent=context.parent)


@pytest.mark.parametrize("line", sorted({line for page in PAGES for line in commands(page)}))
def test_a_command_of_the_pages_is_taken(line: str) -> None:
    with suppress(click.MissingParameter):  # in the text one may be named without all that it needs
        parse(line)
