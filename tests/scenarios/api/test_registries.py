"""Registry expressions say what R48 lets them say, and nothing else is one."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.scenarios.api.registries import BROKEN, NoExpressionError, parsed

STD: dict[str, Any] = {
    "default_version": "v2",
    "versions": {
        "v1": {"status": "deprecated", "successor": "v2", "sunset_at": "2027-06-01T00:00:00Z"},
        "v2": {"status": "current"},
    },
}
FIXTURES = {"std": STD, "two": {"versions": {"v2": {"status": "current"}, "v3": {"status": "current"}}}}


def content(text: str) -> dict[str, Any]:
    found = parsed(text, FIXTURES).content
    assert found is not None
    return dict(found)


def test_a_name_is_its_fixture() -> None:
    assert content("std") == STD
    assert yaml.safe_load(parsed("std", FIXTURES).file or "") == STD


def test_a_missing_file_is_no_file() -> None:
    assert parsed("file missing", FIXTURES).file is None


@pytest.mark.parametrize("text", ["n(3)", "n(3) as file"])
def test_counted_versions_have_one_current(text: str) -> None:
    statuses = {name: entry["status"] for name, entry in content(text)["versions"].items()}
    assert statuses == {"v1": "deprecated", "v2": "deprecated", "v3": "current"}


def test_a_field_is_taken_out_where_it_stands() -> None:
    assert "default_version" not in content("std without default_version")
    assert list(content("std without v1")["versions"]) == ["v2"]
    assert "successor" not in content("std without successor")["versions"]["v1"]
    assert "sunset_at" not in content("std without v1.sunset_at")["versions"]["v1"]


@pytest.mark.parametrize("word", ["with", "+"])
def test_a_field_is_put_where_it_belongs(word: str) -> None:
    assert content(f"two {word} default_version: v3")["default_version"] == "v3"
    given = content(f"std {word} v1.successor: v3")["versions"]
    assert given["v1"]["successor"] == "v3"
    dated = content(f"std {word} sunset_at: 2026-01-01T00:00:00Z")["versions"]
    assert dated["v2"]["sunset_at"] == "2026-01-01T00:00:00Z"
    guided = content(f"std {word} migration_guide_url: https://x.example/a")["versions"]
    assert guided["v2"]["migration_guide_url"] == "https://x.example/a"


def test_an_id_is_added_beside_the_others() -> None:
    given = content("std + id v2-aaaaaaaaaaaaaaaaa (20)")["versions"]
    assert list(given) == ["v1", "v2", "v2-aaaaaaaaaaaaaaaaa"]
    assert given["v2-aaaaaaaaaaaaaaaaa"]["status"] == "deprecated"


def test_modifiers_follow_one_another() -> None:
    given = content("std without v1 + id v0 with default_version: v0")
    assert (list(given["versions"]), given["default_version"]) == (["v2", "v0"], "v0")


def test_what_is_written_then_comes_later() -> None:
    start = parsed("std, then reload two, then write broken YAML", FIXTURES)
    assert [yaml.safe_load(start.then[0]), start.then[1]] == [FIXTURES["two"], BROKEN]
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(BROKEN)


def test_a_registry_may_stand_on_a_case() -> None:
    assert parsed("std after V3.4a", FIXTURES).after == "V3.4a"


@pytest.mark.parametrize(
    "text", ["v1 current until 2026-12-01", "other", "std, then dance", "std with", "n(k)", "std + id"]
)
def test_any_other_text_is_no_expression(text: str) -> None:
    with pytest.raises(NoExpressionError):
        parsed(text, FIXTURES)


def test_a_fixture_is_never_changed_by_an_expression() -> None:
    content("std without v1")
    assert "v1" in STD["versions"]
