"""The one list of aggregates; topics, upcasters, docs and schemas follow from it.

Promises: every topic is known once; an old topic is lifted to its newest form when it is read
(`upcast`), one version at a time, and never written again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

from domain import (
    alerts,
    api_registry,
    branch,
    circuits,
    consumer,
    incidents,
    locks,
    readmodel,
    references,
    repository,
    tag,
)
from domain.commit import decider as commit
from domain.decider import AnyDecider
from domain.event import Event
from domain.session import decider as session

DECIDERS: tuple[AnyDecider, ...] = tuple(
    cast("AnyDecider", module.DECIDER)
    for module in (
        repository,
        consumer,
        session,
        commit,
        branch,
        tag,
        references,
        locks,
        api_registry,
        readmodel,
        alerts,
        incidents,
        circuits,
    )
)

TOPICS: Mapping[str, type[Event]] = MappingProxyType(
    {event.TOPIC: event for decider in DECIDERS for event in decider.events}
)

Payload = Mapping[str, object]


def _repository_created_v1(old: Payload) -> tuple[str, Payload]:
    """v1 knew no public repositories."""
    return "repository.created.v2", {**old, "public": False}


UPCASTERS: Mapping[str, Callable[[Payload], tuple[str, Payload]]] = MappingProxyType(
    {"repository.created.v1": _repository_created_v1}
)


def upcast(topic: str, payload: Payload) -> tuple[str, Payload]:
    """The newest form of a stored event; itself if it is the newest already."""
    while topic in UPCASTERS:
        topic, payload = UPCASTERS[topic](payload)
    return topic, payload


def decider_of(family: str) -> AnyDecider:
    return next(decider for decider in DECIDERS if decider.family == family)
