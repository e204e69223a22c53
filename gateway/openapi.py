"""OpenAPI 3.1 from the operation table, one document an edition: served, and checked to be whole.

Promises: nothing is described that is not in the table, and everything in it is; schemas are those that the
requests of that edition are checked against.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.errors import MEDIA_TYPE, ProblemBody
from gateway.openapi_parts import (
    ANSWER_HEADERS,
    BYTES_FORMS,
    EMPTY_STATUSES,
    MORE_ANSWER_HEADERS,
    MORE_ANSWERS,
    TEXT,
    headers_of,
    path_form,
)
from gateway.operation import JSON, OCTETS, AnyOperation
from gateway.wire.editions import EDITIONS, HEAD, answers_of, asks_of

Json = dict[str, Any]
REF = "#/components/schemas/{model}"
PARAMETER = re.compile(r"{([a-z_]+)(?::path)?}")
BYTES: Json = {"type": "string", "format": "binary"}
STREAM = "text/event-stream"
STREAMED = frozenset({"events.read"})
ABOUT = (
    "Version control for video. Every write answers with its position in the event log; a read may ask for "
    "at least that position."
)
SECURITY: Json = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}


def document(operations: tuple[AnyOperation, ...], edition: str = HEAD) -> Json:
    """The operations that this edition knows, in its own form."""
    known = tuple(each for each in operations if _is_known(each, edition))
    paths: Json = {}
    addresses = Counter[str]()
    for operation in known:
        addresses[operation.name] += 1
        described = _operation(operation, edition, addresses[operation.name])
        paths.setdefault(operation.route, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "Dits", "version": f"{edition[1:]}.0.0", "description": ABOUT},
        "paths": paths,
        "components": {"schemas": _schemas(known, edition), "securitySchemes": SECURITY},
    }


def _is_known(operation: AnyOperation, edition: str) -> bool:
    return EDITIONS.index(operation.since) <= EDITIONS.index(edition)


def _operation(operation: AnyOperation, edition: str, address: int) -> Json:
    """`address` counts those of one operation: an id is given once in a document."""
    parameters = [
        *_path_parameters(operation),
        *_query_parameters(operation, edition),
        *headers_of(operation, edition),
    ]
    described: Json = {
        "operationId": operation.name if address == 1 else f"{operation.name}.{address}",
        "summary": operation.about,
        "tags": [operation.name.partition(".")[0]],
        "parameters": parameters,
        "responses": _answers(operation, edition),
        "security": [{"key": []}, {"token": []}, *([{}] if operation.scope == "read" else [])],
    }
    if operation.takes == "json":
        asked = {"schema": _ref(asks_of(operation, edition))}
        described["requestBody"] = {"required": True, "content": {JSON: asked}}
    elif operation.takes in {"bytes", "stream"}:
        described["requestBody"] = {"required": True, "content": {OCTETS: {"schema": BYTES}}}
    return described


def _answers(operation: AnyOperation, edition: str) -> Json:
    content = _content(operation, edition)
    abouts = {operation.success: operation.about, **MORE_ANSWERS.get(operation.name, {})}
    answers = {str(status): _answer(about, status, content) for status, about in abouts.items()}
    if edition != EDITIONS[0]:
        for status, more in MORE_ANSWER_HEADERS.get(operation.name, {}).items():
            answers[str(status)]["headers"] = ANSWER_HEADERS | more
    problem = {"description": "Refused or failed.", "content": {MEDIA_TYPE: {"schema": _ref(ProblemBody)}}}
    return {**answers, "default": problem}


def _answer(about: str, status: int, content: Json | None) -> Json:
    answer: Json = {"description": about, "headers": ANSWER_HEADERS}
    return answer if content is None or status in EMPTY_STATUSES else {**answer, "content": content}


def _content(operation: AnyOperation, edition: str) -> Json | None:
    """None: no answer of this operation has a body."""
    model = answers_of(operation, edition)
    if model is None:
        octets = {BYTES_FORMS.get(operation.name, OCTETS): {"schema": BYTES}}
        return None if operation.success == 204 or operation.method == "HEAD" else octets
    streams = {STREAM: {"schema": TEXT}} if operation.name in STREAMED else {}
    return {JSON: {"schema": _ref(model)}, **streams}


def _path_parameters(operation: AnyOperation) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": path_form(operation, name)}
        for name in PARAMETER.findall(operation.path)
    ]


def _query_parameters(operation: AnyOperation, edition: str) -> list[Json]:
    if operation.takes == "json":
        return []
    schema = asks_of(operation, edition).model_json_schema()
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": shape}
        for name, shape in schema.get("properties", {}).items()
    ]


def _schemas(operations: tuple[AnyOperation, ...], edition: str) -> Json:
    models: dict[str, type[BaseModel]] = {"ProblemBody": ProblemBody}
    for operation in operations:
        asks, answers = asks_of(operation, edition), answers_of(operation, edition)
        if operation.takes == "json":
            models[asks.__name__] = asks
        if answers is not None:
            models[answers.__name__] = answers
    _, schema = models_json_schema(
        [(model, "serialization" if model is ProblemBody else "validation") for model in models.values()],
        ref_template=REF,
    )
    definitions: Json = schema["$defs"]
    return definitions


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": REF.format(model=model.__name__)}
