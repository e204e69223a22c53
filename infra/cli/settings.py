"""`dits settings`: what can be set, to what, and what it means."""

from __future__ import annotations

import click

from infra.cli.output import Output
from infra.settings_page import setting_lines, settings_page


@click.command()
@click.option("--markdown", is_flag=True, help="Print docs/settings.md instead.")
@click.pass_obj
def command(output: Output, *, markdown: bool) -> None:
    """List every setting, its default and its meaning.

    Values come from the environment (DITS_*), then from the file that DITS_SETTINGS names or `dits.toml` in
    the data directory. A secret's own value is never shown.
    """
    if markdown:
        click.echo(settings_page(), nl=False)
        return
    rows = [(line.variable, line.default or None, line.meaning) for line in setting_lines()]
    output.rows(("name", "default", "meaning"), rows)
