"""The command `dits`: one module a command, imported only when it is called.

Promises: an error of ours is one line on standard error with its code and what to do next (JSON with
``--json``); exit codes mean what `docs/cli.md` says; Ctrl-C ends quietly; `dits --help` imports no server.
A command's module holds one click command named ``command``; its line in ``COMMANDS`` is all it needs here.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType

import click

from infra.cli.exits import run_to_exit_code
from infra.cli.output import Output

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "push": ("infra.cli.push", "Commit files and directories."),
        "checkout": ("infra.cli.checkout", "Bring the files of a commit onto this disk."),
        "log": ("infra.cli.log", "The commits of a branch, newest first."),
        "show": ("infra.cli.show", "One commit and what it changed."),
        "media": ("infra.cli.media", "What is in the films; salvage, sync, pictures."),
        "branch": ("infra.cli.branch", "List branches; begin or delete one."),
        "tag": ("infra.cli.tag", "List tags; make or delete one."),
        "lock": ("infra.cli.lock", "Take paths for yourself."),
        "unlock": ("infra.cli.unlock", "Give paths back."),
        "locks": ("infra.cli.locks", "Who holds which path."),
        "repos": ("infra.cli.repos", "List repositories; create, publish or hide one."),
        "events": ("infra.cli.events", "What happened, and what happens."),
        "replay": ("infra.cli.replay", "Every event from a position on, for machines."),
        "status": ("infra.cli.status", "Is the server well, and who are you to it?"),
        "doctor": ("infra.cli.doctor", "Find out what is wrong, and what to do about it."),
        "keys": ("infra.cli.keys", "Issue, list and revoke API keys."),
        "versions": ("infra.cli.versions", "The versions of the API: release, deprecate, roll back."),
        "projections": ("infra.cli.projections", "How the read models stand; rebuild them."),
        "recipes": ("infra.cli.recipes", "Cut files of before by what they are."),
        "demo": ("infra.cli.demo", "Show the main job on a real film."),
        "up": ("infra.cli.up", "Run everything on this machine, until Ctrl-C."),
        "init": ("infra.cli.init", "Make servers of your own ready for serve and work."),
        "serve": ("infra.cli.serve", "Run a gateway against servers named by settings."),
        "work": ("infra.cli.work", "Run a worker against servers named by settings."),
        "settings": ("infra.cli.settings", "List every setting, its default and its meaning."),
    }
)
"""Name -> (module, the line in the help). The help is here so that `dits --help` need not import them."""


class LazyGroup(click.Group):
    """Knows its commands by name; imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = importlib.import_module(module).command
        assert isinstance(command, click.Command), module
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`dits COMMAND --help` says more. Exit codes and settings: docs/cli.md, docs/settings.md.",
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for machines.")
@click.version_option(package_name="dits", prog_name="dits")
@click.pass_context
def cli(context: click.Context, *, as_json: bool) -> None:
    """Dits keeps versions of films: every upload, commit and lock is an event that can be replayed."""
    context.obj = Output(as_json=as_json)


def main() -> None:
    """The entry point of the program."""
    raise SystemExit(run_to_exit_code(cli))
