"""Any body that a model allows, drawn from its own JSON schema."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)
Schema = dict[str, Any]
TEXT = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))
ITEMS_MAX = 3


def bodies(model: type[M]) -> st.SearchStrategy[M]:
    schema = model.model_json_schema()
    drawn = _values(schema, schema.get("$defs", {}))
    return drawn.map(lambda value: _read(model, value)).filter(lambda body: body is not None).map(_there)


def _read(model: type[M], value: object) -> M | None:
    """None for what only a validator refuses, which a schema cannot say."""
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def _there(body: M | None) -> M:
    assert body is not None
    return body


def _values(schema: Schema, models: Schema) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _values(models[schema["$ref"].rpartition("/")[2]], models)
    if "anyOf" in schema:
        return st.one_of([_values(each, models) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", 0), schema.get("maximum", 2**63 - 1))
        case "string" if "pattern" in schema:
            return st.from_regex(re.compile(schema["pattern"], re.ASCII), fullmatch=True).filter(_is_one_line)
        case "string":
            return st.text(TEXT, min_size=schema.get("minLength", 0), max_size=20)
        case "array":
            least = schema.get("minItems", 0)
            return st.lists(_values(schema["items"], models), min_size=least, max_size=least + ITEMS_MAX)
        case _:
            return _objects(schema, models)


def _is_one_line(text: str) -> bool:
    """Python's `$` lets a newline follow."""
    return "\n" not in text


def _objects(schema: Schema, models: Schema) -> st.SearchStrategy[Any]:
    properties = schema.get("properties")
    if properties is None:
        return st.dictionaries(st.text(TEXT, max_size=5), st.text(TEXT, max_size=5), max_size=ITEMS_MAX)
    members = {name: _values(each, models) for name, each in properties.items()}
    required = schema.get("required", ())
    given = {name: each for name, each in members.items() if name in required}
    left = {name: each for name, each in members.items() if name not in required}
    return st.fixed_dictionaries(given, optional=left)
