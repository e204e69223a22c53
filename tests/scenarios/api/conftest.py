"""Which table runs, and where each of its cases is played."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.api.stage import Playing
from tests.scenarios.api.table import OWN, Table, TableError

TABLE = pytest.StashKey[Table]()


def table_of(config: pytest.Config) -> Table:
    """The one of `--table`, else the project's own."""
    if TABLE not in config.stash:
        named = config.getoption("--table")
        path = config.invocation_params.dir / named if named else OWN
        try:
            config.stash[TABLE] = Table.read(path)
        except TableError as error:
            raise pytest.UsageError(f"--table: {error}") from error
    return config.stash[TABLE]


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Table:
    return table_of(request.config)


@pytest.fixture
def playing(tmp_path: Path, request: pytest.FixtureRequest) -> Playing:
    return Playing(tmp_path, request.getfixturevalue)
