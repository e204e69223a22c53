"""Writes what the catalogue knows for readers: `events.md`, `asyncapi.json`, `event-schemas.json` in `docs/`.

Promises: nothing is said twice (names, producers, meanings and fields come from the classes and their
docstrings); a schema that was published stays as it was, or nothing is written. A test compares the
committed pages with what this makes. To make them: ``python -m infra.catalogue_docs``.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.catalogue import DECIDERS, TOPICS, UPCASTERS
from domain.decider import AnyDecider
from domain.event import Event
from infra.eventlog.message import Shard

DOCS = Path(__file__).parents[1] / "docs"
EVENTS, ASYNCAPI, SCHEMAS = "events.md", "asyncapi.json", "event-schemas.json"
Json = dict[str, object]

SUBJECT_IDS: Mapping[str, str] = {
    "repository": "the repository's id",
    "consumer": "the consumer's id",
    "session": "the session's id",
    "commit": "the commit's id",
    "branch": "the branch's id, made from repository and name",
    "tag": "the tag's id, made from repository and name",
    "references": "the repository's id",
    "locks": "the repository's id",
    "api-registry": "`main`",
    "asset": "made from repository and recipe",
    "readmodel": "the projection's name",
    "alert": "the alert's name, with dashes",
    "incident": "the kind, with dashes",
    "circuit": "the circuit's name, with dashes",
}
"""What the last token of an aggregate's subject is."""

_ID = "1 to 64 of `a-z`, `0-9` and `-`"
TYPE_MEANINGS: Mapping[str, str] = {
    **dict.fromkeys(("RepoId", "ConsumerId", "KeyId", "SessionId", "CommitId", "BranchId", "TagId"), _ID),
    "Digest": "32 bytes: the BLAKE3-256 of a chunk, recipe, tree or manifest, and its name",
    "FilePath": "a path in a tree: relative, `/`-separated, NFC, at most 1024 bytes",
    "Literal": "one of the values named",
    "bool": "true or false",
    "bytes": "bytes; names of content stand one after the other, 32 bytes each",
    "int": "a whole number",
    "str": "text",
    "tuple": "a list; with `...` of any length",
}
"""What is not a model and not a list of values. A type that is missing here stops the generator."""

INTRODUCTION = """# Events

Every fact that Dits records, from the catalogue (`domain/catalogue.py`) by `python -m infra.catalogue_docs`.
The same list for machines: [asyncapi.json](asyncapi.json); the schemas as pinned by a test:
[event-schemas.json](event-schemas.json).

A published schema never changes: a change is a new version of the topic and an upcaster, which lifts what is
stored when it is read. Bytes are hex in JSON; digests are BLAKE3-256.

Beside its fields every event carries an envelope: `append_id` (of the append it landed in), `recorded_at`
(hybrid logical time), `actor` (a consumer's id, or `system:<worker>`), `correlation_id`, `causation` (the
position of the event that caused it) and the idempotency key of the command with the digest of its body.
"""


@dataclass(frozen=True, slots=True)
class Field:
    """One field as its class spells it."""

    name: str
    type: str
    meaning: str


def pages(published: Mapping[str, object]) -> dict[str, str]:
    """Every page by its file name. `published` are the schemas of today's page, by topic.

    Raises ValueError if one of them would change.
    """
    return {
        EVENTS: events_page(),
        ASYNCAPI: _text(asyncapi()),
        SCHEMAS: _text(schemas(published)),
    }


# ------------------------------------------------------------------ for people
def events_page() -> str:
    return "\n".join([INTRODUCTION, *map(_aggregate_section, DECIDERS), _types_section(), _retired_section()])


def _aggregate_section(decider: AnyDecider) -> str:
    subject = f"`{Shard('<shard>').subject(decider.family)}.<id>`"
    head = [
        f"## {decider.family}",
        "",
        _first_line(_module_of(decider)),
        "",
        f"Subject {subject}; the id is {SUBJECT_IDS[decider.family]}.",
        "",
    ]
    return "\n".join([*head, *map(_event_section, decider.events)])


def _event_section(event: type[Event]) -> str:
    rows = [f"| `{each.name}` | `{_cell(each.type)}` | {_cell(each.meaning)} |" for each in fields(event)]
    lines = [
        f"### {event.__name__}",
        "",
        f"`{event.TOPIC}`, recorded by: {event.PRODUCER}. {meaning(event)}",
        "",
        "| field | type | meaning |",
        "|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def _types_section() -> str:
    names = sorted({name for event in TOPICS.values() for name in _names_in(event)})
    rows = [f"| `{name}` | {_cell(_type_meaning(name))} |" for name in names]
    return "\n".join(["## Types", "", "| type | what it is |", "|---|---|", *rows, ""])


def _names_in(event: type[Event]) -> Iterator[str]:
    for each in fields(event):
        yield from (node.id for node in ast.walk(ast.parse(each.type)) if isinstance(node, ast.Name))


def _type_meaning(name: str) -> str:
    if name in TYPE_MEANINGS:
        return TYPE_MEANINGS[name]
    thing = next(found for event in TOPICS.values() if (found := _global(event, name)) is not None)
    if isinstance(thing, type) and issubclass(thing, BaseModel):
        told = ", ".join(f"`{each.name}: {each.type}`" for each in fields(thing))
        return f"{told}. {meaning(thing)}"
    return "one of " + ", ".join(f"`{value}`" for value in get_args(thing))


def _global(event: type[Event], name: str) -> object:
    return vars(sys.modules[event.__module__]).get(name)


def _retired_section() -> str:
    rows = [f"| `{topic}` | {_first_line(upcaster)} |" for topic, upcaster in sorted(UPCASTERS.items())]
    head = ["## Retired topics", "", "Read as their next version, never written again.", ""]
    return "\n".join([*head, "| topic | why there is a newer one |", "|---|---|", *rows, ""])


def meaning(model: type[BaseModel]) -> str:
    return " ".join((inspect.getdoc(model) or "").split())


def fields(model: type[BaseModel]) -> Iterator[Field]:
    """In the order of the class, each with the text below it."""
    body = _class_body(model)
    for place, statement in enumerate(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            if name in model.model_fields:
                yield Field(name, ast.unparse(statement.annotation), _text_below(body, place))


def _class_body(model: type[BaseModel]) -> list[ast.stmt]:
    classes = {
        each.name: each for each in _source_of(model.__module__).body if isinstance(each, ast.ClassDef)
    }
    return classes[model.__name__].body


def _text_below(body: list[ast.stmt], place: int) -> str:
    below = body[place + 1] if place + 1 < len(body) else None
    if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
        return " ".join(str(below.value.value).split())
    return ""


@cache
def _source_of(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[module]))


def _module_of(decider: AnyDecider) -> object:
    """An aggregate that is a package is described by the package."""
    return sys.modules[decider.decide.__module__.removesuffix(".decider")]


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("``", "`")


# ------------------------------------------------------------------ for machines
def asyncapi() -> Json:
    """AsyncAPI 3.0: one channel an aggregate, one message a topic."""
    schemas_by_name, definitions = _asyncapi_schemas()
    messages = {
        event.TOPIC: {
            "name": event.TOPIC,
            "title": event.__name__,
            "summary": meaning(event),
            "description": f"Recorded by: {event.PRODUCER}.",
            "payload": schemas_by_name[event],
        }
        for event in TOPICS.values()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Dits events",
            "version": "1",
            "description": "Every fact in the log. Followers read them as JSON from the gateway.",
        },
        "defaultContentType": "application/json",
        "channels": {decider.family: _channel(decider) for decider in DECIDERS},
        "operations": {f"record-{decider.family}": _operation(decider) for decider in DECIDERS},
        "components": {"messages": messages, "schemas": definitions},
    }


def _channel(decider: AnyDecider) -> Json:
    return {
        "address": f"{Shard('{shard}').subject(decider.family)}.{{id}}",
        "description": _first_line(_module_of(decider)),
        "parameters": {
            "shard": {"description": "Chosen by repository; today always 0.", "default": "0"},
            "id": {"description": SUBJECT_IDS[decider.family]},
        },
        "messages": {
            event.TOPIC: {"$ref": f"#/components/messages/{event.TOPIC}"} for event in decider.events
        },
    }


def _operation(decider: AnyDecider) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{decider.family}"},
        "messages": [
            {"$ref": f"#/channels/{decider.family}/messages/{event.TOPIC}"} for event in decider.events
        ],
    }


def _asyncapi_schemas() -> tuple[dict[type[Event], Json], Json]:
    made, shared = models_json_schema(
        [(event, "serialization") for event in TOPICS.values()], ref_template="#/components/schemas/{model}"
    )
    events = {event: cast("Json", made[event, "serialization"]) for event in TOPICS.values()}
    return events, cast("Json", _draft_07(_without({"title"}, shared.get("$defs", {}))))


def schemas(published: Mapping[str, object]) -> Json:
    """The shape of every topic that was ever published. Raises ValueError if one would change."""
    today = {topic: _shape(event) for topic, event in TOPICS.items()}
    changed = sorted(topic for topic in published.keys() & today.keys() if published[topic] != today[topic])
    if changed:
        raise ValueError(f"a published schema never changes; add a new version and an upcaster: {changed}")
    return dict(sorted({**published, **today}.items()))


def _shape(event: type[Event]) -> object:
    """Without what only readers need: another docstring is no other schema."""
    return _without({"title", "description"}, event.model_json_schema())


def _without(names: set[str], schema: object) -> object:
    if isinstance(schema, dict):
        told = cast("Json", schema).items()
        return {k: _without(names, v) for k, v in told if not (k in names and isinstance(v, str))}
    if isinstance(schema, list):
        return [_without(names, item) for item in cast("list[object]", schema)]
    return schema


def _draft_07(schema: object) -> object:
    """AsyncAPI's schemas are of draft 07, which writes a tuple as a list of items, and bytes are hex here."""
    if isinstance(schema, dict):
        told = {name: _draft_07(value) for name, value in cast("Json", schema).items()}
        if "prefixItems" in told:
            told["items"] = told.pop("prefixItems")
        if told.get("format") == "binary":
            told = {"type": "string", "contentEncoding": "base16", "pattern": "^([0-9a-f]{2})*$"}
        return told
    if isinstance(schema, list):
        return [_draft_07(item) for item in cast("list[object]", schema)]
    return schema


def _text(page: Json) -> str:
    return json.dumps(page, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    pinned = DOCS / SCHEMAS
    published = cast("Json", json.loads(pinned.read_text())) if pinned.exists() else {}
    for name, page in pages(published).items():
        (DOCS / name).write_text(page)


if __name__ == "__main__":
    main()
