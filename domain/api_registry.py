"""The registry of API versions: one aggregate, so "exactly one current" is its decider's (R15).

Today it knows one version, ``v1``, loaded at the first start; a start that changes nothing appends nothing.
Negotiation, the configuration file and the lifecycle are the next issue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, assert_never, get_args

from domain.decider import Decider
from domain.event import Event, Producer

REGISTRY_ID = "main"
VersionPhase = Literal["current", "deprecated", "sunset", "prerelease"]


class RegistryLoaded(Event):
    """A set of versions was applied; `sha256` names its content."""

    TOPIC: ClassVar[str] = "api_registry.loaded.v1"
    PRODUCER: ClassVar[Producer] = "start-up"
    revision: int
    source: str
    sha256: str
    version_count: int
    default_version: str


class VersionRegistered(Event):
    """A version of the API exists from `released_at` on."""

    TOPIC: ClassVar[str] = "api_registry.version_registered.v1"
    PRODUCER: ClassVar[Producer] = "start-up"
    version_id: str
    status: VersionPhase
    released_at: str
    """RFC 3339."""


RegistryEvent = RegistryLoaded | VersionRegistered


@dataclass(frozen=True, slots=True)
class LoadRegistry:
    """Apply the built-in content, unless the same content was the last that was applied."""

    source: str
    sha256: str
    version_id: str
    released_at: str


@dataclass(frozen=True, slots=True)
class Registry:
    revision: int = 0
    sha256: str = ""
    default_version: str = ""
    versions: Mapping[str, VersionPhase] = field(default_factory=dict[str, VersionPhase])


def decide(state: Registry, command: LoadRegistry) -> tuple[RegistryEvent, ...]:
    if command.sha256 == state.sha256 or command.version_id in state.versions:
        return ()
    return (
        RegistryLoaded(
            revision=state.revision + 1,
            source=command.source,
            sha256=command.sha256,
            version_count=1,
            default_version=command.version_id,
        ),
        VersionRegistered(version_id=command.version_id, status="current", released_at=command.released_at),
    )


def evolve(state: Registry, event: RegistryEvent) -> Registry:
    match event:
        case RegistryLoaded():
            return Registry(event.revision, event.sha256, event.default_version, state.versions)
        case VersionRegistered():
            versions: dict[str, VersionPhase] = {**state.versions, event.version_id: event.status}
            return Registry(state.revision, state.sha256, state.default_version, versions)
        case _:
            assert_never(event)


DECIDER = Decider("api-registry", Registry(), decide, evolve, get_args(RegistryEvent))
