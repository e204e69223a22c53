"""`dits versions check` on the table's registries, where no server is (V2.1, V2.3, V2.5, V6.2, R14, R16)."""

from __future__ import annotations

from typing import cast

import pytest

from infra.cli import cli
from infra.cli.exits import run_to_exit_code
from tests.scenarios.api.cases import start_of
from tests.scenarios.api.stage import Stage, case


def checked(stage: Stage) -> str:
    """The case's file is judged as the case says; what was said on standard error."""
    capsys = cast("pytest.CaptureFixture[str]", stage.fixture("capsys"))
    file = stage.place / "versions.yaml"
    content = start_of(stage.case, stage.table).file
    assert content is not None
    file.write_text(content)
    capsys.readouterr()
    code = run_to_exit_code(cli, ["versions", "check", str(file)])
    said = capsys.readouterr().err
    assert code == stage.case.expect["exit"], said
    assert str(stage.case.expect.get("stderr_contains", "")) in said
    return said


@case
def test_v2_1d_an_empty_file_fails_the_check(stage: Stage) -> None:
    checked(stage)


@case
def test_v2_3d_a_file_without_a_current_version_fails_the_check(stage: Stage) -> None:
    checked(stage)


@case
def test_v2_5e_a_current_version_past_its_sunset_is_a_warning(stage: Stage) -> None:
    assert "v1 is current, and its sunset 2026-01-01T00:00:00Z has passed" in checked(stage)


@case
def test_v6_2e_a_file_of_more_than_a_hundred_versions_fails_the_check(stage: Stage) -> None:
    assert "101 versions; at most 100" in checked(stage)
