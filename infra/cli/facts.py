"""Events as one line each, for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping

from gateway.client import Event

VALUE_CHARS_MAX = 40
FACTS_MAX = 6


def as_line(event: Event) -> str:
    """Time, topic, aggregate and the first facts."""
    first = dict(list(event.event.items())[:FACTS_MAX])
    return f"{event.recorded_at}  {event.topic}  {event.aggregate}@{event.version}  {in_words(first)}"


def in_words(facts: Mapping[str, object]) -> str:
    """``name=value``, long values cut off."""
    return " ".join(f"{name}={_short(value)}" for name, value in facts.items())


def as_json(event: Event) -> Mapping[str, object]:
    return {
        "position": event.position,
        "index": event.index,
        "aggregate": event.aggregate,
        "version": event.version,
        "topic": event.topic,
        "recorded_at": event.recorded_at,
        "actor": event.actor,
        "correlation_id": event.correlation_id,
        "event": event.event,
        "resume_after": event.resume_after,
    }


def json_line(event: Event) -> str:
    return json.dumps(as_json(event), ensure_ascii=False)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_CHARS_MAX else text[: VALUE_CHARS_MAX - 1] + "…"
