"""Bodies are held against an expectation, and what differs is told with its place."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.api.bodies import exact_findings, findings, keys_findings, versions_findings
from tests.scenarios.api.table import SENT
from tests.scenarios.api.words import Known

PLAIN = Known()
BODY: dict[str, Any] = {
    "default_version": "v2",
    "available_versions": ["v1", "v2"],
    "total_count": 2,
    "degraded": True,
    "guide": None,
    "versions": [{"version_id": "v1", "status": "deprecated"}, {"version_id": "v2", "status": "current"}],
}


@pytest.mark.parametrize(
    "held",
    [
        {"default_version": "v2", "total_count": 2, "guide": None},
        {"available_versions": ["v1", "v2"]},
        {"versions": [{"version_id": "v1"}, {"status": "current"}]},
        {"contains": "v1", "not_contains": "v10"},
        {"contains": {"version_id": "v2", "status": "current"}},
        {"count(status=current)": 1},
        {"degraded": True, "missing": "absent"},
    ],
)
def test_a_body_that_is_right_is_found_right(held: dict[str, Any]) -> None:
    assert findings(held, BODY, PLAIN) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"default_version": "v1"},
        {"default_version": None},
        {"available_versions": ["v2", "v1"]},
        {"available_versions": ["v1"]},
        {"versions": [{"version_id": "v1"}, {"status": "sunset"}]},
        {"contains": "v3"},
        {"not_contains": "v1"},
        {"not_contains": ["v9", "v1"]},
        {"contains": {"version_id": "v1", "status": "current"}},
        {"count(status=current)": 2},
        {"degraded": False},
        {"degraded": 1},
        {"total_count": True},
        {"guide": "present"},
        {"missing": None},
        {"total_count": {"a": 1}},
    ],
)
def test_a_body_that_is_wrong_is_found_wrong(broken: dict[str, Any]) -> None:
    assert findings(broken, BODY, PLAIN)


def test_a_difference_names_its_place() -> None:
    assert findings({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 2}]}}, PLAIN) == [
        "body.a.b.0.c should be 1, is 2"
    ]


def test_an_exact_body_has_no_other_member() -> None:
    assert exact_findings({"status": "current"}, {"status": "current"}, PLAIN) == []
    assert exact_findings({"status": "current"}, {"status": "current", "more": 1}, PLAIN)


def test_the_entries_of_a_list_have_just_these_members() -> None:
    assert keys_findings(["version_id", "status"], BODY) == []
    assert keys_findings(["version_id"], BODY)
    assert keys_findings(["version_id"], {"versions": []})


def test_versions_are_named_with_their_status() -> None:
    assert versions_findings({"v1": "deprecated", "default_version": "v2"}, BODY, PLAIN) == []
    assert versions_findings({"v1": "current"}, BODY, PLAIN)
    assert versions_findings({"v3": "current"}, BODY, PLAIN)


def test_an_inherited_value_is_what_was_sent() -> None:
    known = Known(versions_sent=("1.0",), sources_sent=("query",))
    assert findings(SENT, {"provided_value": "1.0", "source": "query"}, known) == []
    assert len(findings(SENT, {"provided_value": "2.0", "source": "header"}, known)) == 2
