"""OpenAPI 3.1 from the operation table: what is served at /openapi.json and checked to be whole.

Promises: nothing is described that is not in the table, and everything in it is; schemas are those that the
requests are checked against.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.errors import MEDIA_TYPE, ProblemBody
from gateway.operation import JSON, OCTETS, AnyOperation

Json = dict[str, Any]
REF = "#/components/schemas/{model}"
PARAMETER = re.compile(r"{([a-z_]+)(?::path)?}")
VERSION = "1.0.0"


def document(operations: tuple[AnyOperation, ...]) -> Json:
    paths: Json = {}
    addresses = Counter[str]()
    for operation in operations:
        addresses[operation.name] += 1
        described = _operation(operation, addresses[operation.name])
        paths.setdefault(operation.route, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dits",
            "version": VERSION,
            "description": "Version control for video. Every write answers with its position in the event "
            "log; a read may ask for at least that position.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
        },
    }


def _operation(operation: AnyOperation, address: int) -> Json:
    """`address` counts those of one operation: an id is given once in a document."""
    described: Json = {
        "operationId": operation.name if address == 1 else f"{operation.name}.{address}",
        "summary": operation.about,
        "tags": [operation.name.partition(".")[0]],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_headers(operation)],
        "responses": {str(operation.success): _success(operation), "default": _problem()},
        "security": [{"key": []}, *([{}] if operation.scope == "read" else [])],
    }
    if operation.takes == "json":
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": _ref(operation.asks)}}}
    elif operation.takes in {"bytes", "stream"}:
        described["requestBody"] = {"required": True, "content": {OCTETS: {}}}
    return described


def _success(operation: AnyOperation) -> Json:
    answer: Json = {
        "description": operation.about,
        "headers": {
            "X-Dits-Position": {"schema": {"type": "string"}},
            "X-Correlation-ID": {"schema": {"type": "string"}},
        },
    }
    if operation.answers is not None:
        answer["content"] = {JSON: {"schema": _ref(operation.answers)}}
    elif operation.success != 204:
        answer["content"] = {OCTETS: {}}
    return answer


def _problem() -> Json:
    return {"description": "Refused or failed.", "content": {MEDIA_TYPE: {"schema": _ref(ProblemBody)}}}


def _path_parameters(operation: AnyOperation) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in PARAMETER.findall(operation.path)
    ]


def _query_parameters(operation: AnyOperation) -> list[Json]:
    if operation.takes == "json":
        return []
    schema = operation.asks.model_json_schema()
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": shape}
        for name, shape in schema.get("properties", {}).items()
    ]


def _headers(operation: AnyOperation) -> list[Json]:
    if operation.writes:
        return [_header("Idempotency-Key", required=operation.needs_key)]
    return [_header("X-Dits-After", required=False)]


def _header(name: str, *, required: bool) -> Json:
    return {"name": name, "in": "header", "required": required, "schema": {"type": "string"}}


def _schemas(operations: tuple[AnyOperation, ...]) -> Json:
    models: dict[str, type[BaseModel]] = {"ProblemBody": ProblemBody}
    for operation in operations:
        if operation.takes == "json":
            models[operation.asks.__name__] = operation.asks
        if operation.answers is not None:
            models[operation.answers.__name__] = operation.answers
    _, schema = models_json_schema(
        [(model, "serialization" if model is ProblemBody else "validation") for model in models.values()],
        ref_template=REF,
    )
    definitions: Json = schema["$defs"]
    return definitions


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": REF.format(model=model.__name__)}
