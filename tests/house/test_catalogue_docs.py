"""`docs/events.md` and its two sisters say what the catalogue says; a published schema never changes."""

from __future__ import annotations

import json
from typing import cast

import pytest

from domain.catalogue import TOPICS, UPCASTERS
from infra.catalogue_docs import ASYNCAPI, DOCS, EVENTS, SCHEMAS, pages, schemas

PUBLISHED = cast("dict[str, dict[str, object]]", json.loads((DOCS / SCHEMAS).read_text()))
REMEDY = "make it again: python -m infra.catalogue_docs"


@pytest.mark.parametrize("name", [EVENTS, ASYNCAPI, SCHEMAS])
def test_a_generated_page_is_what_the_catalogue_says_today(name: str) -> None:
    assert (DOCS / name).read_text() == pages(PUBLISHED)[name], REMEDY


def test_a_schema_that_would_change_is_refused() -> None:
    topic = "branch.moved.v1"
    other = {**PUBLISHED, topic: {**PUBLISHED[topic], "required": ["branch"]}}
    with pytest.raises(ValueError, match=r"add a new version and an upcaster: \['branch.moved.v1'\]"):
        schemas(other)


def test_a_schema_that_was_published_stays_on_the_page_for_good() -> None:
    assert "repository.created.v1" in schemas(PUBLISHED)


def test_every_published_topic_can_still_be_read() -> None:
    assert PUBLISHED.keys() == TOPICS.keys() | UPCASTERS.keys()


def test_the_old_schema_of_the_worked_example_is_lifted_by_its_upcaster() -> None:
    properties = cast("dict[str, object]", PUBLISHED["repository.created.v1"]["properties"])
    topic, lifted = UPCASTERS["repository.created.v1"](dict.fromkeys(properties, "text"))
    assert TOPICS[topic].model_validate(lifted)


def test_the_asyncapi_page_has_a_message_for_every_topic_and_no_loose_end() -> None:
    page = json.loads((DOCS / ASYNCAPI).read_text())
    assert page["asyncapi"] == "3.0.0"
    assert page["components"]["messages"].keys() == TOPICS.keys()
    for reference in _references(page):
        target: object = page
        for part in reference.removeprefix("#/").split("/"):
            target = cast("dict[str, object]", target)[part]


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        told = cast("dict[str, object]", node)
        here = [str(told["$ref"])] if "$ref" in told else []
        return here + [found for value in told.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in cast("list[object]", node) for found in _references(value)]
    return []
