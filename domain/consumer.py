"""A consumer: somebody who calls Dits, and the API keys that speak for them.

Promises: a key is stored as a keyed digest only and shown once (S5.5, I9); scopes are ``read``, ``write``
and ``admin:<area>``, ``admin`` grants every area (R46); all keys of a consumer act as one holder of locks.
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


ConsumerEvent = ConsumerRegistered | ApiKeyIssued | ApiKeyRevoked


@dataclass(frozen=True, slots=True)
class IssueKey:
    """Register the consumer if it is new, and give it a key."""

    consumer: ConsumerId
    name: str
    key_id: KeyId
    digest: bytes
    scopes: tuple[str, ...]
    repos: tuple[RepoId, ...] | None


@dataclass(frozen=True, slots=True)
class RevokeKey:
    key_id: KeyId
    reason: str


ConsumerCommand = IssueKey | RevokeKey


@dataclass(frozen=True, slots=True)
class ApiKey:
    digest: bytes
    scopes: tuple[str, ...]
    repos: tuple[RepoId, ...] | None


@dataclass(frozen=True, slots=True)
class Consumer:
    consumer: ConsumerId | None = None
    name: str = ""
    keys: Mapping[KeyId, ApiKey] = field(default_factory=dict[KeyId, ApiKey])


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
            for scope in command.scopes:
                if not SCOPE_PATTERN.fullmatch(scope):
                    raise InvalidNameError(name=scope[:64], pattern=SCOPE_PATTERN.pattern)
            issued = ApiKeyIssued(
                consumer=command.consumer,
                name=command.name,
                key_id=command.key_id,
                digest=command.digest,
                scopes=command.scopes,
                repos=command.repos,
            )
            if state.consumer is not None:
                return (issued,)
            return (ConsumerRegistered(consumer=command.consumer, name=command.name), issued)
        case RevokeKey(key_id, reason):
            if state.consumer is None or key_id not in state.keys:
                raise NotFoundError(thing="key", name=key_id)
            _refuse_last_admin(state, key_id)
            return (ApiKeyRevoked(consumer=state.consumer, key_id=key_id, reason=reason),)
        case _:
            assert_never(command)


def _refuse_last_admin(state: Consumer, key_id: KeyId) -> None:
    others = [key for id_, key in state.keys.items() if id_ != key_id]
    if "admin" in state.keys[key_id].scopes and not any("admin" in key.scopes for key in others):
        raise LastKeyError()


def evolve(state: Consumer, event: ConsumerEvent) -> Consumer:
    match event:
        case ConsumerRegistered():
            return Consumer(event.consumer, event.name)
        case ApiKeyIssued():
            key = ApiKey(event.digest, event.scopes, event.repos)
            return replace(state, keys={**state.keys, event.key_id: key})
        case ApiKeyRevoked():
            return replace(state, keys={id_: key for id_, key in state.keys.items() if id_ != event.key_id})
        case _:
            assert_never(event)


DECIDER = Decider("consumer", Consumer(), decide, evolve, get_args(ConsumerEvent))
