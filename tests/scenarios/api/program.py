"""The program `dits` in a case: run in this process as a shell would run it, on a file of the case's own.

Promises: what is looked at is what the row says of its command: exit code and standard error.
"""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

from infra.cli import cli
from infra.cli.exits import run_to_exit_code
from tests.scenarios.api.cases import start_of
from tests.scenarios.api.stage import Stage


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def dits(*words: str) -> Ended:
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run_to_exit_code(cli, list(words))
    return Ended(code, out.getvalue(), err.getvalue())


def check_by_command(stage: Stage) -> Ended:
    """The row's own command on its own registry, as the table has it."""
    program, *words = str(stage.case.given["command"]).replace("<file>", "").split()
    assert program == "dits"
    text = start_of(stage.case, stage.table).file
    assert text is not None
    file = stage.place / "checked.yaml"
    file.write_text(text)
    ended = dits(*words, str(file))
    assert ended.code == stage.case.expect["exit"], ended
    assert str(stage.case.expect.get("stderr_contains", "")) in ended.err, ended
    return ended
