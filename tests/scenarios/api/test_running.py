"""The runner runs what a table says, on a real gateway, and tells what is not so."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.source import ROOT
from tests.scenarios.api.stage import Playing, Stage, id_of
from tests.scenarios.api.table import OWN, Table
from tests.scenarios.api.test_table import declared_case
from tests.scenarios.api.world import World

READ = {"id": "A.1", "request": {"path": "$RES"}, "expect": {"status": 200, "events": []}}


def written(place: Path, *cases: dict[str, Any], **scenario: Any) -> Path:
    own = Table.read(OWN).raw
    path = place / "other.yaml"
    shared = {name: own[name] for name in ("clock", "fixtures", "error_envelope", "error_codes")}
    content = {
        "vars": {"RES": "/repos/film"},
        **shared,
        "scenarios": [{"id": "A", **scenario, "cases": list(cases)}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_what_a_path_names_is_there(tmp_path: Path, playing: Playing) -> None:
    playing.play(Table.read(written(tmp_path, READ)), "A.1", declared_case)


@pytest.mark.parametrize("via", ["asgi", "wire"])
def test_a_case_stands_on_another_one_s_world(tmp_path: Path, playing: Playing, via: str) -> None:
    create = {
        "id": "A.1",
        "via": via,
        "request": {"method": "POST", "path": "/repos", "auth": "key_ok", "body": {"name": "sea"}},
        "expect": {"status": 201, "events": ["RepositoryCreated{name: sea}"], "application_reached": True},
    }
    read = {
        "id": "A.2",
        "after": "A.1",
        "request": {"path": "/repos/sea", "auth": "key_ok"},
        "expect": {"status": 200},
    }
    playing.play(Table.read(written(tmp_path, create, read)), "A.2", declared_case)


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 204},
        {"headers": {"X-Odd": "present"}},
        {"events": ["RepositoryCreated{name: sea}"]},
        {"log": {"level": "ERROR", "event": "request"}},
        {"metrics": ["dits_http_requests_total{method=POST}"]},
        {"body_of_health": {"status": "odd"}},
        {"application_reached": False},
    ],
)
def test_what_is_not_so_is_told(tmp_path: Path, playing: Playing, wrong: dict[str, Any]) -> None:
    table = Table.read(written(tmp_path, {**READ, "expect": wrong}))
    with pytest.raises(pytest.fail.Exception, match=r"A\.1:"):
        replace(playing, patience_s=0.1).play(table, "A.1", declared_case)


@pytest.mark.parametrize("wrong", [{"status": 418}, {"code": "ODD"}, {"body": {"items": "odd"}}])
def test_what_is_not_so_of_a_case_written_by_hand_is_told(
    tmp_path: Path, playing: Playing, wrong: dict[str, Any]
) -> None:
    async def told(stage: Stage) -> None:
        world = await stage.world("std")
        await stage.expect(world, await world.ask("/repos"))

    table = Table.read(written(tmp_path, {**READ, "expect": wrong}))
    with pytest.raises(pytest.fail.Exception, match=r"A\.1:"):
        playing.play(table, "A.1", told)


def test_a_case_s_id_is_read_from_its_test_s_name() -> None:
    assert id_of("test_v10_1c_every_error_has_one") == "V10.1c"


def test_a_stage_gives_a_world_its_clock_and_its_place(tmp_path: Path, playing: Playing) -> None:
    worlds: list[World] = []

    async def told(stage: Stage) -> None:
        worlds.extend([await stage.world("single", clock="2030-01-01T00:00:00Z"), await stage.world()])

    playing.play(Table.read(written(tmp_path, READ)), "A.1", told)
    assert [world.clock.now().year for world in worlds] == [2030, 2026]
    assert worlds[0].file != worlds[1].file


def test_another_table_runs_from_the_command_line(tmp_path: Path) -> None:
    wrong = {**READ, "id": "A.2", "expect": {"status": 418}}
    path = written(
        tmp_path, READ, wrong, {"id": "A.3", "steps": ["by hand"]}, {**READ, "id": "A.4", "after": "A.3"}
    )
    module = str(Path(__file__).with_name("test_table.py"))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", module, "--table", str(path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "1 failed, 1 passed, 4 skipped" in run.stdout, run.stdout
    assert "status should be 418" in run.stdout
    assert "it stands on A.3, which nobody has written by hand" in run.stdout
    assert "A.3 is written by hand, for it has steps" in run.stdout
