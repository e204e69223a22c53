"""The acceptance table, run: every declarative case as it stands, and every other one is claimed by hand."""

from __future__ import annotations

import pytest

from tests.scenarios.api.cases import why_by_hand
from tests.scenarios.api.conftest import table_of
from tests.scenarios.api.stage import Playing, Stage, claims, hands
from tests.scenarios.api.table import Table
from tests.scenarios.api.world import World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    table = table_of(metafunc.config)
    by_hand = [name for name in table.ids if why_by_hand(table.case(name), table)]
    if "declared" in metafunc.fixturenames:
        metafunc.parametrize("declared", [name for name in table.ids if name not in by_hand])
    if "left_out" in metafunc.fixturenames:
        others = [] if table.is_own else [name for name in by_hand if not claims(name, table)]
        metafunc.parametrize("left_out", others)


async def declared_case(stage: Stage) -> World:
    return await stage.declared()


def test_a_declarative_case_holds(declared: str, table: Table, playing: Playing) -> None:
    playing.play(table, declared, declared_case)


def test_a_case_of_another_table_that_is_written_by_hand_is_left_out(left_out: str, table: Table) -> None:
    pytest.skip(f"{left_out} is written by hand, for {why_by_hand(table.case(left_out), table)}")


def test_every_case_that_is_not_declarative_is_written_by_hand(table: Table) -> None:
    if not table.is_own:
        pytest.skip("another table's cases are listed, not demanded")
    by_hand = {name for name in table.ids if why_by_hand(table.case(name), table)}
    assert sorted(by_hand - hands().keys()) == [], "nobody has written these"


def test_nobody_claims_a_case_that_is_not_there(table: Table) -> None:
    if not table.is_own:
        pytest.skip("cases were written for the project's own table")
    assert sorted(hands().keys() - set(table.ids)) == []
