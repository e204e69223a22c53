"""What is told about the API is what it does: OpenAPI, the page, the NATS doors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from gateway.api_page import api_page
from gateway.openapi import PARAMETER, document
from gateway.openapi_docs import pages
from gateway.operation import AnyOperation, Nothing
from gateway.operations import OPERATIONS, by_path
from gateway.wire.editions import EDITIONS

ROOT = Path(__file__).parents[2]
DOCUMENTS = {edition: document(OPERATIONS, edition) for edition in EDITIONS}
DOCUMENT = DOCUMENTS["v2"]
WORDS = frozenset({"description", "summary", "title"})
V1_WIRE = "61922d0dd12049f6449f32b70167b591d90ea742f8963523e79a2d49dc07a1bb"
OBJECT_KEYS = {"openapi", "info", "paths", "components"}
METHODS = {"get", "head", "post", "put", "patch", "delete"}


def described() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for whole in DOCUMENTS.values():
        for path, methods in whole["paths"].items():
            for method, operation in methods.items():
                yield path, method, operation


def nodes(node: Any) -> Iterator[Any]:
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from nodes(child)


def test_the_page_is_what_the_table_says() -> None:
    assert (ROOT / "docs/api.md").read_text() == api_page()


@pytest.mark.parametrize("place", pages())
def test_what_is_published_is_what_is_served(place: str) -> None:
    assert (ROOT / "docs" / place).read_text() == pages()[place], "run python -m gateway.openapi_docs"


def test_the_wire_of_v1_never_changes() -> None:
    """It is published: clients that nobody can reach speak it. Words may improve; what they say may not."""
    wire = json.dumps(without_words(DOCUMENTS["v1"]), sort_keys=True).encode()
    assert blake3(wire).hexdigest() == V1_WIRE, "v1 is frozen: make a change of v2, with its twins"


def without_words(node: Any) -> Any:
    """A document without what is said for people: a text, where a schema's member is an object."""
    if isinstance(node, list):
        return [without_words(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {name: each for name, each in node.items() if not (name in WORDS and isinstance(each, str))}
    return {name: without_words(each) for name, each in kept.items()}


WARNING = "X-Dits-Warning"
WARNED = {
    ("commits.open", "201"),
    ("files.put", "201"),
    ("media.show", "200"),
}


def test_an_answer_that_may_warn_says_so_in_all_but_the_frozen_document() -> None:
    warned = {
        (edition, operation["operationId"], status)
        for edition, document in DOCUMENTS.items()
        for methods in document["paths"].values()
        for operation in methods.values()
        for status, answer in operation["responses"].items()
        if WARNING in answer.get("headers", {})
    }
    assert warned == {("v2", *each) for each in WARNED}


def test_the_document_is_openapi() -> None:
    assert DOCUMENT.keys() == OBJECT_KEYS
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    assert all(path.startswith("/") for path in DOCUMENT["paths"])


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_operation_is_described_under_its_name(edition: str) -> None:
    paths = DOCUMENTS[edition]["paths"]
    addresses = {(path, method) for path, methods in paths.items() for method in methods}
    known = [each for each in OPERATIONS if each.since <= edition]
    assert addresses == {(each.route, each.method.lower()) for each in known}
    assert {method for _, method in addresses} <= METHODS


@pytest.mark.parametrize("edition", EDITIONS)
def test_an_operation_id_is_given_once(edition: str) -> None:
    methods = DOCUMENTS[edition]["paths"].values()
    ids = [operation["operationId"] for each in methods for operation in each.values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_reference_leads_to_a_schema(edition: str) -> None:
    whole = DOCUMENTS[edition]
    schemas = whole["components"]["schemas"]
    references = {node["$ref"] for node in nodes(whole) if isinstance(node, dict) and "$ref" in node}
    assert references
    assert {reference.removeprefix("#/components/schemas/") for reference in references} <= schemas.keys()


def test_parameters_of_a_path_are_declared_and_required() -> None:
    for path, _, operation in described():
        declared = [each for each in operation["parameters"] if each["in"] == "path"]
        assert [each["name"] for each in declared] == PARAMETER.findall(path)
        assert all(each["required"] for each in declared)
        places = [(each["in"], each["name"]) for each in operation["parameters"]]
        assert len(set(places)) == len(places)


def test_every_answer_is_described() -> None:
    for _, _, operation in described():
        assert operation["responses"].keys() >= {"default"}
        assert all(answer["description"] for answer in operation["responses"].values())
        assert all(re.fullmatch(r"[1-5]\d\d|default", status) for status in operation["responses"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.name} {each.method}")
def test_a_row_of_the_table_fits_together(operation: AnyOperation) -> None:
    assert re.fullmatch(r"[a-z]+(\.[a-z]+)?", operation.name)
    assert operation.about.endswith(".")
    assert operation.takes != "json" or operation.writes
    assert operation.takes not in {"bytes", "stream"} or operation.asks is Nothing
    assert not (operation.needs_key and not operation.writes)
    assert operation.scope is None or re.fullmatch(r"read|write|admin:[a-z]+", operation.scope)


def test_an_address_is_reached_by_no_other_template_before_it() -> None:
    """The first template that matches is taken, so a later one must not hide behind it."""
    templates = list(by_path(OPERATIONS))
    for number, template in enumerate(templates):
        example = PARAMETER.sub("x", template)
        matching = [other for other in templates[:number] if _matches(other, example)]
        assert not matching, (template, matching)


def _matches(template: str, address: str) -> bool:
    pattern = re.sub(r"\{[a-z_]+:path\}", ".+", re.sub(r"\{[a-z_]+\}", "[^/]+", template))
    return re.fullmatch(pattern, address) is not None
