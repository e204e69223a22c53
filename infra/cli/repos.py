"""`dits repos`: list repositories, begin one, show one to everybody or hide it."""

from __future__ import annotations

import click

from gateway.client import Repo
from infra.cli.output import Output, Plain
from infra.cli.remote import Remote, asks_server


@click.group(invoke_without_command=True)
@asks_server
@click.pass_context
def command(context: click.Context, remote: Remote) -> None:
    """List the repositories that you may see; or create, publish or hide one."""
    output = context.find_object(Output)
    assert output is not None
    if context.invoked_subcommand is None:
        with remote.client() as client:
            rows = [(each.name, each.public, each.id) for each in client.repos.list()]
        output.rows(("name", "public", "id"), rows)


@command.command()
@click.argument("name")
@click.option("--public", is_flag=True, help="Everybody may read it.")
@asks_server
@click.pass_obj
def create(output: Output, remote: Remote, *, name: str, public: bool) -> None:
    """Begin a repository."""
    with remote.client() as client:
        _said(output, client.repos.create(name, public=public))


@command.command()
@click.argument("name")
@asks_server
@click.pass_obj
def publish(output: Output, remote: Remote, *, name: str) -> None:
    """Let everybody read a repository."""
    with remote.client() as client:
        _said(output, client.repos.show(name, public=True))


@command.command()
@click.argument("name")
@asks_server
@click.pass_obj
def hide(output: Output, remote: Remote, *, name: str) -> None:
    """Let keys alone read a repository."""
    with remote.client() as client:
        _said(output, client.repos.show(name, public=False))


def _said(output: Output, repo: Repo) -> None:
    result: dict[str, Plain] = {"name": repo.name, "id": repo.id, "public": repo.public}
    output.result(result, f"{repo.name} is {'public' if repo.public else 'private'}")
