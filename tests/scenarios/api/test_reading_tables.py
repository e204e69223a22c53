"""A table is read as R49 and R51 say: what a case inherits, what its scenario adds, and who runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scenarios.api.cases import why_by_hand
from tests.scenarios.api.table import OWN, SENT, Table, TableError

SMALL: dict[str, Any] = {
    "clock": {"now": "2026-11-22T12:00:00Z"},
    "vars": {"RES": "/films", "RESULT": "/results"},
    "fixtures": {"credentials": {"ann": {}}, "registries": {"std": {"versions": {}}}},
}
FIRST = {
    "id": "A.1",
    "via": "wire",
    "request": {"path": "$RES", "auth": "ann"},
    "expect": {"status": 400, "details": {"provided_value": "1.0", "source": "header"}},
}


def table(tmp_path: Path, *cases: dict[str, Any], **scenario: Any) -> Table:
    path = tmp_path / "table.yaml"
    path.write_text(yaml.safe_dump({**SMALL, "scenarios": [{"id": "A", **scenario, "cases": list(cases)}]}))
    return Table.read(path)


def test_the_project_s_own_table_is_read_whole() -> None:
    own = Table.read(OWN)
    assert len({own.case(name).scenario.id for name in own.ids}) == own.raw["meta"]["scenarios"]


def test_a_case_inherits_member_by_member(tmp_path: Path) -> None:
    second = {
        "id": "A.2",
        "like": "A.1",
        "request": {"path": "$RES?v=2"},
        "expect": {"details": {"source": "url"}},
    }
    case = table(tmp_path, FIRST, second).case("A.2")
    assert (case.via, case.registry, case.request) == ("wire", "std", {"path": "/films?v=2"})
    assert case.expect == {"status": 400, "details": {**SENT, "source": "url"}}


@pytest.mark.parametrize("word", ["see", "like"])
def test_an_expectation_may_be_another_case_s(tmp_path: Path, word: str) -> None:
    case = table(tmp_path, FIRST, {"id": "A.2", "expect": {word: "A.1", "status": 404}}).case("A.2")
    assert (case.expect, case.leads) == ({"status": 404, "details": SENT}, False)


def test_the_longest_name_of_a_variable_counts(tmp_path: Path) -> None:
    case = table(tmp_path, {"id": "A.1", "request": {"path": "/v1$RESULT/x"}}).case("A.1")
    assert case.request == {"path": "/v1/results/x"}


def test_a_write_is_a_method_and_a_path(tmp_path: Path) -> None:
    case = table(tmp_path, {"id": "A.1", "request": {"path": "POST /films"}}).case("A.1")
    assert case.request == {"method": "POST", "path": "/films"}


def test_a_scenario_s_signs_are_its_first_case_s(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"id": "A.2", "like": "A.1"}, {"id": "A.3", "expect": {"log": "WARNING"}}]
    read = table(tmp_path, FIRST, *rows, events=[], log={"level": "INFO"})
    assert read.case("A.1").told == read.case("A.2").told == {"events": [], "log": {"level": "INFO"}}
    assert read.case("A.3").told == {"log": "WARNING"}


def test_a_time_stays_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "table.yaml"
    path.write_text("clock: {now: 2026-11-22T12:00:00Z}\nscenarios: []\n")
    assert Table.read(path).now == "2026-11-22T12:00:00Z"


@pytest.mark.parametrize(
    "rows", [[FIRST, FIRST], [{"id": "A.1", "like": "A.9"}], [{"id": "A.1", "like": "A.1"}]]
)
def test_a_table_that_contradicts_itself_is_refused(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(TableError):
        table(tmp_path, *rows)


@pytest.mark.parametrize(
    "row",
    [
        {"steps": ["x"]},
        {"registry": "v1 until June"},
        {"after": "recovery"},
        {"clock": "exp + 20 s"},
        {"request": {"path": "/", "speed": 9}},
        {"request": {"path": "/", "headers": "very many"}},
        {"request": {"path": "/", "auth": "bob"}},
        {"expect": {"status": "200 or so"}},
        {"expect": {"mood": "good"}},
    ],
)
def test_a_case_with_prose_is_written_by_hand(tmp_path: Path, row: dict[str, Any]) -> None:
    read = table(tmp_path, {"id": "A.1", **row})
    assert why_by_hand(read.case("A.1"), read)


def test_a_case_without_prose_is_declarative(tmp_path: Path) -> None:
    second = {"id": "A.2", "after": "A.1", "auth": "ann", "note": "prose", "expect": {"body_of_health": {}}}
    read = table(tmp_path, FIRST, second)
    assert [why_by_hand(read.case(name), read) for name in read.ids] == ["", ""]
