"""The program `dits` against the real product, run in this process as a shell would run it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from infra.cli import cli
from infra.cli.exits import run_to_exit_code
from infra.dev.laptop import Laptop

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        parsed: object = json.loads(self.out)
        assert isinstance(parsed, dict)
        return parsed

    @property
    def rows(self) -> list[dict[str, object]]:
        parsed: object = json.loads(self.out)
        assert isinstance(parsed, list)
        return parsed

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


Dits = Callable[..., Said]


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to work in and an environment without any server."""
    for name in ("DITS_URL", "DITS_API_KEY", "DITS_API_KEY_FILE", "DITS_BUS_URL", "DITS_REPO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DITS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def dits(alone: Path, capsys: pytest.CaptureFixture[str]) -> Dits:
    def run(*words: str) -> Said:
        capsys.readouterr()
        code = run_to_exit_code(cli, list(words))
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def film(dits: Dits, laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> str:
    """A repository, named in the environment, on a server found through what `dits up` left."""
    monkeypatch.setenv("DITS_DATA_DIR", str(laptop.data_dir))
    name = f"cli-{next(_numbers)}"
    assert dits("repos", "create", name).code == 0
    monkeypatch.setenv("DITS_REPO", name)
    return name
