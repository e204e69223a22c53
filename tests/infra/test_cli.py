"""The command line's manners: exit codes, one-line errors, JSON for machines, a fast help."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from domain.errors import DitsError, LockHeldError, NotFoundError, SettingsError, UnavailableError
from infra.cli import COMMANDS, cli, exits
from infra.cli.exits import run_to_exit_code
from infra.clock import SystemClock

ROOT = Path(__file__).parents[2]
HELD = LockHeldError(path="a.mov", holder="ada", since="noon")


def command_that_raises(error: BaseException) -> click.Command:
    def act() -> None:
        raise error

    group = click.Group("dits", commands={"act": click.Command("act", callback=act)})
    group.params.append(click.Option(["--json"], is_flag=True, expose_value=False))
    return group


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HELD, exits.CONFLICT),
        (NotFoundError(thing="branch", name="x"), exits.NOT_FOUND),
        (UnavailableError(dependency="NATS"), exits.UNAVAILABLE),
        (SettingsError(problems="DITS_X is missing"), exits.SETTINGS),
        (KeyboardInterrupt(), exits.INTERRUPTED),
        (click.UsageError("no such option"), exits.USAGE),
        (ZeroDivisionError(), exits.FAULT),
    ],
)
def test_an_error_ends_in_its_documented_code(error: BaseException, code: int) -> None:
    assert run_to_exit_code(command_that_raises(error), ["act"]) == code


def test_an_error_is_one_line_with_its_code_and_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    run_to_exit_code(command_that_raises(HELD), ["act"])
    said = capsys.readouterr()
    assert said.out == ""
    assert (
        said.err
        == "dits: 'a.mov' is locked by ada since noon [LOCK_HELD]: ask the holder, or see `dits locks`\n"
    )


def test_a_machine_reads_the_error_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    run_to_exit_code(command_that_raises(HELD), ["act", "--json"])
    assert json.loads(capsys.readouterr().err)["code"] == "LOCK_HELD"


def test_ctrl_c_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run_to_exit_code(command_that_raises(KeyboardInterrupt()), ["act"])
    assert "Traceback" not in capsys.readouterr().err


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_to_exit_code(cli, ["fly"]) == exits.USAGE
    assert "No such command 'fly'" in capsys.readouterr().err


def test_a_table_is_aligned_for_people_and_a_list_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_to_exit_code(cli, ["settings"]) == exits.OK
    assert capsys.readouterr().out.startswith("name ")
    assert run_to_exit_code(cli, ["settings", "--json"]) == exits.OK
    assert json.loads(capsys.readouterr().out)[0]["name"] == "DITS_DATA_DIR"


def test_every_exit_code_is_documented() -> None:
    page = (ROOT / "docs/cli.md").read_text()
    documented = dict(_documented(page))
    assert documented == {name: value for name, value in vars(exits).items() if name in documented}
    assert len(documented) == sum(1 for value in vars(exits).values() if type(value) is int)


def test_every_kind_of_error_has_a_next_step() -> None:
    for cls in _all_errors(DitsError):
        error = cls.__new__(cls)
        error.facts = {}
        assert exits.next_step(error)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_to_exit_code(cli, [name, "--help"]) == exits.OK
    assert len(capsys.readouterr().out.splitlines()) > 3


def test_the_help_is_fast_and_imports_no_server() -> None:
    code = (
        "import sys; from infra.cli import cli; cli(['--help'], standalone_mode=False); print([*sys.modules])"
    )
    began_ms = SystemClock().monotonic_ms()
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert SystemClock().monotonic_ms() - began_ms < 1_000  # 0.1 s alone; the machine may be busy
    assert not re.search(r"'(nats|psycopg|pydantic|starlette|eventsourcing|minio)'", out)


def _documented(page: str) -> list[tuple[str, int]]:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE)
    return [(name, int(code)) for code, name in rows]


def _all_errors(base: type[DitsError]) -> list[type[DitsError]]:
    return [base, *(found for cls in base.__subclasses__() for found in _all_errors(cls))]
