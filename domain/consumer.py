"""A consumer: somebody who calls Dits, the API keys that speak for them, and how they may use the API.

Promises: a key is stored as a keyed digest only and shown once (S5.5, I9); scopes are ``read``, ``write``
and ``admin:<area>``, ``admin`` grants every area (R46); all keys of a consumer act as one holder of locks
and share one limit of requests (R47); a day on which a consumer used a version of the API is noted once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, assert_never, get_args

from domain.decider import Decider
from domain.errors import InvalidNameError, LastKeyError, NotFoundError
from domain.event import Event, Producer
from domain.ids import ConsumerId, KeyId, RepoId, derived_id

SCOPE_PATTERN = re.compile(r"read|write|admin|admin:[a-z][a-z-]{0,31}")
VERSIONS_NOTED_MAX = 100
"""Of one consumer: as many as a registry holds. The one used longest ago makes room."""


class ConsumerRegistered(Event):
    """Somebody may be given keys."""

    TOPIC: ClassVar[str] = "consumer.registered.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    consumer: ConsumerId
    name: str


class ApiKeyIssued(Event):
    """A key was made and shown once; only its keyed digest is kept."""

    TOPIC: ClassVar[str] = "consumer.api_key_issued.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    consumer: ConsumerId
    name: str
    key_id: KeyId
    digest: bytes
    scopes: tuple[str, ...]
    repos: tuple[RepoId, ...] | None
    """The repositories it is for; None is all."""


class ApiKeyRevoked(Event):
    """A key speaks for nobody from here on."""

    TOPIC: ClassVar[str] = "consumer.api_key_revoked.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    consumer: ConsumerId
    key_id: KeyId
    reason: str


class ConsumerLimitSet(Event):
    """How many requests a minute the consumer may make with all its keys together."""

    TOPIC: ClassVar[str] = "consumer.limit_set.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    consumer: ConsumerId
    requests_per_minute: int | None
    """None is what everybody has."""


class KeyVersionPinned(Event):
    """Requests with this key that name no version of the API get this one."""

    TOPIC: ClassVar[str] = "consumer.key_version_pinned.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    consumer: ConsumerId
    key_id: KeyId
    version_id: str | None
    """None is the default of the registry again."""


class VersionUseNoted(Event):
    """The consumer made a request with this version of the API on this day; said once a day."""

    TOPIC: ClassVar[str] = "consumer.version_use_noted.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    consumer: ConsumerId
    version_id: str
    day: str
    """``YYYY-MM-DD``, in UTC."""


ConsumerEvent = (
    ConsumerRegistered | ApiKeyIssued | ApiKeyRevoked | ConsumerLimitSet | KeyVersionPinned | VersionUseNoted
)


@dataclass(frozen=True, slots=True)
class IssueKey:
    """Register the consumer if it is new, and give it a key."""

    consumer: ConsumerId
    name: str
    key_id: KeyId
    digest: bytes
    scopes: tuple[str, ...]
    repos: tuple[RepoId, ...] | None
    version_id: str | None = None
    """What it is pinned to from its first request on."""


@dataclass(frozen=True, slots=True)
class RevokeKey:
    key_id: KeyId
    reason: str


@dataclass(frozen=True, slots=True)
class SetLimit:
    """None is what everybody has."""

    consumer: ConsumerId
    requests_per_minute: int | None


@dataclass(frozen=True, slots=True)
class PinVersion:
    """None unpins."""

    key_id: KeyId
    version_id: str | None


@dataclass(frozen=True, slots=True)
class NoteVersionUse:
    """Also of somebody without keys of ours: whoever comes with an OAuth token is known by this."""

    consumer: ConsumerId
    version_id: str
    day: str


ConsumerCommand = IssueKey | RevokeKey | SetLimit | PinVersion | NoteVersionUse


@dataclass(frozen=True, slots=True)
class ApiKey:
    digest: bytes
    scopes: tuple[str, ...]
    repos: tuple[RepoId, ...] | None
    version_id: str | None = None
    """The version of the API it is pinned to."""


@dataclass(frozen=True, slots=True)
class Consumer:
    consumer: ConsumerId | None = None
    name: str = ""
    keys: Mapping[KeyId, ApiKey] = field(default_factory=dict[KeyId, ApiKey])
    requests_per_minute: int | None = None
    version_days: Mapping[str, str] = field(default_factory=dict[str, str])
    """By version, the newest day on which it was used."""

    @property
    def is_known(self) -> bool:
        """Registered, or seen with an OAuth token."""
        return self.consumer is not None or bool(self.version_days)


def consumer_id(name: str) -> ConsumerId:
    return ConsumerId(derived_id("consumer", name))


def grants(scopes: tuple[str, ...], needed: str) -> bool:
    """Does a key with these scopes may do what needs `needed`? ``write`` includes ``read`` (R46)."""
    if needed in scopes or "admin" in scopes:
        return True
    return needed == "read" and "write" in scopes


def decide(state: Consumer, command: ConsumerCommand) -> tuple[ConsumerEvent, ...]:
    match command:
        case IssueKey():
            return _issued(state, command)
        case RevokeKey(key_id, reason):
            consumer = _owner(state, key_id)
            _refuse_last_admin(state, key_id)
            return (ApiKeyRevoked(consumer=consumer, key_id=key_id, reason=reason),)
        case SetLimit(consumer, limit):
            if not state.is_known:
                raise NotFoundError(thing="consumer", name=consumer)
            if limit == state.requests_per_minute:
                return ()
            return (ConsumerLimitSet(consumer=consumer, requests_per_minute=limit),)
        case PinVersion(key_id, version_id):
            consumer = _owner(state, key_id)
            if version_id == state.keys[key_id].version_id:
                return ()
            return (KeyVersionPinned(consumer=consumer, key_id=key_id, version_id=version_id),)
        case NoteVersionUse(consumer, version_id, day):
            if day <= state.version_days.get(version_id, ""):
                return ()
            return (VersionUseNoted(consumer=consumer, version_id=version_id, day=day),)
        case _:
            assert_never(command)


def _issued(state: Consumer, command: IssueKey) -> tuple[ConsumerEvent, ...]:
    for scope in command.scopes:
        if not SCOPE_PATTERN.fullmatch(scope):
            raise InvalidNameError(name=scope[:64], pattern=SCOPE_PATTERN.pattern)
    consumer, key_id = command.consumer, command.key_id
    facts: list[ConsumerEvent] = []
    if state.consumer is None:
        facts.append(ConsumerRegistered(consumer=consumer, name=command.name))
    facts.append(
        ApiKeyIssued(
            consumer=consumer,
            name=command.name,
            key_id=key_id,
            digest=command.digest,
            scopes=command.scopes,
            repos=command.repos,
        )
    )
    if command.version_id is not None:
        facts.append(KeyVersionPinned(consumer=consumer, key_id=key_id, version_id=command.version_id))
    return tuple(facts)


def _owner(state: Consumer, key_id: KeyId) -> ConsumerId:
    if state.consumer is None or key_id not in state.keys:
        raise NotFoundError(thing="key", name=key_id)
    return state.consumer


def _refuse_last_admin(state: Consumer, key_id: KeyId) -> None:
    others = [key for id_, key in state.keys.items() if id_ != key_id]
    if "admin" in state.keys[key_id].scopes and not any("admin" in key.scopes for key in others):
        raise LastKeyError()


def evolve(state: Consumer, event: ConsumerEvent) -> Consumer:
    match event:
        case ConsumerRegistered():
            return replace(state, consumer=event.consumer, name=event.name)
        case ApiKeyIssued():
            key = ApiKey(event.digest, event.scopes, event.repos)
            return replace(state, keys={**state.keys, event.key_id: key})
        case ApiKeyRevoked():
            return replace(state, keys={id_: key for id_, key in state.keys.items() if id_ != event.key_id})
        case ConsumerLimitSet():
            return replace(state, requests_per_minute=event.requests_per_minute)
        case KeyVersionPinned():
            pinned = replace(state.keys[event.key_id], version_id=event.version_id)
            return replace(state, keys={**state.keys, event.key_id: pinned})
        case VersionUseNoted():
            return replace(state, version_days=_noted(state.version_days, event))
        case _:
            assert_never(event)


def _noted(days: Mapping[str, str], event: VersionUseNoted) -> dict[str, str]:
    others = {version_id: day for version_id, day in days.items() if version_id != event.version_id}
    if len(others) >= VERSIONS_NOTED_MAX:
        del others[min(others, key=lambda version_id: (others[version_id], version_id))]
    return {**others, event.version_id: event.day}


DECIDER = Decider("consumer", Consumer(), decide, evolve, get_args(ConsumerEvent), fold=2)
