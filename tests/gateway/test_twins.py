"""The transformations between editions: pure, total, and faithful wherever both editions can say a thing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from gateway.openapi import document
from gateway.operation import AnyOperation
from gateway.operations import OPERATIONS
from gateway.perform import body_digest
from gateway.wire import v2
from gateway.wire.changes import STEPS, changelog
from gateway.wire.editions import EDITIONS, HEAD, asks_of, downgraded, edition_of, upgraded
from gateway.wire.twins import AnyTwin
from gateway.wire.v2 import THE_END
from gateway.wire.v2_uploads import CompletedFile
from tests.gateway.bodies import bodies

TWINS = [twin for step in STEPS for change in step.changes for twin in change.twins]
OLDER = EDITIONS[:-1]
NEVER_CUT = (v2.Repos, v2.CommitLines, v2.Keys, v2.ProjectionLines, v2.ParkedEvents)
"""Lists that v1 never says the end of."""
NOT_IN_V1 = ("version", "requests_per_minute")
"""Of a key."""
by_name = pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.newer.__name__)
FEW = settings(max_examples=25)


@by_name
@FEW
@given(st.data())
def test_what_an_older_edition_says_comes_back_unchanged(twin: AnyTwin, data: st.DataObject) -> None:
    older = data.draw(bodies(twin.older))
    assert twin.down(twin.up(older)) == older


@by_name
@FEW
@given(st.data())
def test_what_both_editions_can_say_is_kept(twin: AnyTwin, data: st.DataObject) -> None:
    newer = data.draw(bodies(twin.newer))
    newer = sayable(newer)
    assert twin.up(twin.down(newer)) == newer


def sayable(newer: BaseModel) -> BaseModel:
    """Without what the older edition has no words for."""
    if isinstance(newer, v2.Keys):
        newer = newer.model_copy(update={"items": [sayable(each) for each in newer.items]})
    if isinstance(newer, v2.Key | v2.IssueKey):
        own = {name: None for name in NOT_IN_V1 if name in type(newer).model_fields}
        return newer.model_copy(update=own)
    if isinstance(newer, CompletedFile):
        return CompletedFile(path=newer.path, recipe=newer.recipe, size_bytes=newer.size_bytes)
    if isinstance(newer, v2.OpenCommit | v2.Commit):
        return newer.model_copy(update={"raw": []} if isinstance(newer, v2.OpenCommit) else {"warnings": []})
    return newer.model_copy(update={"page": THE_END}) if type(newer) in NEVER_CUT else newer


@pytest.mark.parametrize("edition", OLDER)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
@settings(max_examples=10)
@given(st.data())
def test_a_retry_may_use_another_version(operation: AnyOperation, edition: str, data: st.DataObject) -> None:
    """What is asked in an older edition and its twin in the head are one request, with one digest (I6)."""
    asked = data.draw(bodies(asks_of(operation, edition)))
    raised = upgraded(operation, edition, asked)
    twin = asks_of(operation, HEAD).model_validate(json.loads(raised.model_dump_json()))
    assert upgraded(operation, HEAD, twin) == raised
    assert body_digest({}, raised, b"") == body_digest({}, upgraded(operation, HEAD, twin), b"")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_the_head_is_never_transformed(operation: AnyOperation) -> None:
    asked = operation.asks.model_construct()
    assert asks_of(operation, HEAD) is operation.asks
    assert upgraded(operation, HEAD, asked) is asked
    assert downgraded(operation, HEAD, asked) is asked


def test_changes_name_the_operations_that_they_concern() -> None:
    for step in STEPS:
        older, newer = (_wires(edition) for edition in (step.older, step.newer))
        differing = {name for name, wire in older.items() if newer[name] != wire}
        assert {name for change in step.changes for name in change.operations} == differing


def _wires(edition: str) -> dict[str, str]:
    """What an operation says in an edition, with all that its bodies are made of."""
    described = document(OPERATIONS, edition)
    schemas = described["components"]["schemas"]
    told = dict[str, str]()
    for methods in described["paths"].values():
        for operation in methods.values():
            text = json.dumps([operation["parameters"], operation.get("requestBody"), operation["responses"]])
            text = text.replace(f'"{edition}"', "")
            told[operation["operationId"]] = text + _reached(text, schemas)
    return told


def _reached(text: str, schemas: dict[str, object], *known: str) -> str:
    """Every schema that the text refers to, and so on."""
    for name, schema in schemas.items():
        if name not in known and f'"#/components/schemas/{name}"' in text:
            inner = json.dumps(schema)
            text += inner + _reached(inner, schemas, *known, name)
    return text


def test_editions_follow_each_other() -> None:
    assert [step.newer for step in STEPS[:-1]] == [step.older for step in STEPS[1:]]
    assert EDITIONS == ("v1", "v2")


@pytest.mark.parametrize(
    ("version_id", "edition"),
    [("v1", "v1"), ("v2", "v2"), ("v0", "v1"), ("v3-beta", "v2"), ("v1-rc", "v1"), ("v999999999", "v2")],
)
def test_a_version_is_served_by_the_edition_of_its_number(version_id: str, edition: str) -> None:
    assert edition_of(version_id) == edition


def test_the_changelog_tells_each_change_once() -> None:
    entries = changelog()
    assert [entry["version"] for entry in entries] == ["v2"] * 5
    assert all(entry["type"] == "changed" and entry["operations"] for entry in entries)
    assert len({entry["title"] for entry in entries}) == len(entries)
