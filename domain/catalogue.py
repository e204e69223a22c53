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
from domain.api_registry import decider as api_registry
from domain.asset import decider as asset
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
        asset,
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


def _registry_loaded_v1(old: Payload) -> tuple[str, Payload]:
    """v1 was written once a log, for the built-in registry of one version."""
    only = {
        "version_id": old["default_version"],
        "status": "current",
        "released_at": "2026-11-22T00:00:00Z",
        "deprecated_at": None,
        "sunset_at": None,
        "successor": None,
        "migration_guide_url": None,
        "opt_in_required": False,
    }
    return "api_registry.loaded.v2", {**old, "declared_default": None, "versions": (only,)}


def _version_registered_v1(old: Payload) -> tuple[str, Payload]:
    """v1 knew no terms."""
    terms: Payload = {
        "deprecated_at": None,
        "sunset_at": None,
        "successor": None,
        "migration_guide_url": None,
        "opt_in_required": False,
        "revision": 1,
    }
    return "api_registry.version_registered.v2", {**old, **terms}


def _commit_opened_v1(old: Payload) -> tuple[str, Payload]:
    """v1 was written before media were looked at."""
    return "commit.opened.v2", {**old, "raw": ()}


def _commit_checked_v1(old: Payload) -> tuple[str, Payload]:
    """v1 was written when there was no check to pass."""
    return "commit.checked.v2", {**old, "warnings": ()}


UPCASTERS: Mapping[str, Callable[[Payload], tuple[str, Payload]]] = MappingProxyType(
    {
        "repository.created.v1": _repository_created_v1,
        "api_registry.loaded.v1": _registry_loaded_v1,
        "api_registry.version_registered.v1": _version_registered_v1,
        "commit.opened.v1": _commit_opened_v1,
        "commit.checked.v1": _commit_checked_v1,
    }
)


def upcast(topic: str, payload: Payload) -> tuple[str, Payload]:
    """The newest form of a stored event; itself if it is the newest already."""
    while topic in UPCASTERS:
        topic, payload = UPCASTERS[topic](payload)
    return topic, payload


def decider_of(family: str) -> AnyDecider:
    return next(decider for decider in DECIDERS if decider.family == family)
