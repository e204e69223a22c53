"""Consumers: with which key who speaks, and what, how much and with which version it may (S5.5, R47).

Digests only; a secret is never here. A consumer that comes with OAuth tokens has no key and no name here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString

from domain.consumer import (
    ApiKeyIssued,
    ApiKeyRevoked,
    ConsumerLimitSet,
    KeyVersionPinned,
    VersionUseNoted,
)
from domain.event import Recorded
from domain.ids import ConsumerId, KeyId, RepoId
from projections.folding import Folded, by_key, recorded_at
from projections.projection import Projection, Table
from projections.reading import row, rows
from projections.transactions import Cursor

Key = tuple[str, str]


# ------------------------------------------------------------------ keys
KEYS = Table(
    "api_keys",
    """
    CREATE TABLE api_keys (
        consumer TEXT NOT NULL,
        key_id TEXT NOT NULL,
        name TEXT NOT NULL,
        digest BYTEA NOT NULL UNIQUE,
        scopes TEXT[] NOT NULL,
        repos TEXT[],
        issued_at TIMESTAMPTZ NOT NULL,
        revoked_at TIMESTAMPTZ,
        revoke_reason TEXT NOT NULL,
        version_id TEXT,
        PRIMARY KEY (consumer, key_id)
    )
    """,
    ("CREATE INDEX api_keys_version ON api_keys (version_id) WHERE version_id IS NOT NULL",),
)
LOAD_KEYS = """
    SELECT consumer, key_id, name, digest, scopes, repos, issued_at, revoked_at, revoke_reason, version_id
    FROM api_keys JOIN UNNEST(%(consumers)s::TEXT[], %(key_ids)s::TEXT[]) AS asked (consumer, key_id)
    USING (consumer, key_id)
"""
STORE_KEYS = """
    INSERT INTO api_keys
        (consumer, key_id, name, digest, scopes, repos, issued_at, revoked_at, revoke_reason, version_id)
    VALUES (%(consumer)s, %(key_id)s, %(name)s, %(digest)s, %(scopes)s, %(repos)s,
            %(issued_at)s, %(revoked_at)s, %(revoke_reason)s, %(version_id)s)
    ON CONFLICT (consumer, key_id) DO UPDATE
    SET name = EXCLUDED.name, digest = EXCLUDED.digest, scopes = EXCLUDED.scopes, repos = EXCLUDED.repos,
        issued_at = EXCLUDED.issued_at, revoked_at = EXCLUDED.revoked_at,
        revoke_reason = EXCLUDED.revoke_reason, version_id = EXCLUDED.version_id
"""
ERASE_KEYS = """
    DELETE FROM api_keys USING UNNEST(%(consumers)s::TEXT[], %(key_ids)s::TEXT[]) AS gone (consumer, key_id)
    WHERE api_keys.consumer = gone.consumer AND api_keys.key_id = gone.key_id
"""
BY_DIGEST: LiteralString = """
    SELECT consumer, key_id, name, digest, scopes, repos, issued_at, revoked_at, revoke_reason, version_id
    FROM api_keys WHERE digest = %(digest)s AND revoked_at IS NULL
"""
LIST: LiteralString = """
    SELECT consumer, key_id, name, digest, scopes, repos, issued_at, revoked_at, revoke_reason, version_id
    FROM api_keys ORDER BY name, issued_at, key_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    consumer: ConsumerId
    key_id: KeyId
    name: str
    """The consumer's name."""
    digest: bytes
    scopes: Sequence[str]
    repos: Sequence[RepoId] | None
    """The repositories it is for; None is all."""
    issued_at: datetime
    revoked_at: datetime | None
    revoke_reason: str
    version_id: str | None
    """What it is pinned to."""


def touched(recorded: Recorded) -> Iterable[Key]:
    event = recorded.event
    if isinstance(event, ApiKeyIssued | ApiKeyRevoked | KeyVersionPinned):
        yield event.consumer, event.key_id


def fold(before: ApiKeyRow | None, _: Key, recorded: Recorded) -> ApiKeyRow | None:
    event = recorded.event
    if isinstance(event, ApiKeyIssued):
        return ApiKeyRow(
            consumer=event.consumer,
            key_id=event.key_id,
            name=event.name,
            digest=event.digest,
            scopes=list(event.scopes),
            repos=None if event.repos is None else list(event.repos),
            issued_at=recorded_at(recorded),
            revoked_at=None,
            revoke_reason="",
            version_id=None,
        )
    assert before is not None, event
    if isinstance(event, KeyVersionPinned):
        return replace(before, version_id=event.version_id)
    assert isinstance(event, ApiKeyRevoked)
    return replace(before, revoked_at=recorded_at(recorded), revoke_reason=event.reason)


def _asked_keys(keys: Sequence[Key]) -> dict[str, object]:
    return {"consumers": [key[0] for key in keys], "key_ids": [key[1] for key in keys]}


def _key(found: ApiKeyRow) -> Key:
    return found.consumer, found.key_id


# ------------------------------------------------------------------ limits
LIMITS = Table(
    "consumer_limits",
    """
    CREATE TABLE consumer_limits (
        consumer TEXT PRIMARY KEY,
        requests_per_minute INTEGER NOT NULL
    )
    """,
)
LOAD_LIMITS = "SELECT consumer, requests_per_minute FROM consumer_limits WHERE consumer = ANY(%(keys)s)"
STORE_LIMITS = """
    INSERT INTO consumer_limits (consumer, requests_per_minute)
    VALUES (%(consumer)s, %(requests_per_minute)s)
    ON CONFLICT (consumer) DO UPDATE SET requests_per_minute = EXCLUDED.requests_per_minute
"""
ERASE_LIMITS = "DELETE FROM consumer_limits WHERE consumer = ANY(%(keys)s)"
LIMITS_OF: LiteralString = (
    "SELECT consumer, requests_per_minute FROM consumer_limits WHERE consumer = ANY(%(consumers)s)"
)


@dataclass(frozen=True, slots=True)
class LimitRow:
    """Of a consumer whose limit is not everybody's."""

    consumer: ConsumerId
    requests_per_minute: int


def limits_touched(recorded: Recorded) -> Iterable[str]:
    if isinstance(recorded.event, ConsumerLimitSet):
        yield recorded.event.consumer


def limits_fold(_before: LimitRow | None, _key: str, recorded: Recorded) -> LimitRow | None:
    event = recorded.event
    assert isinstance(event, ConsumerLimitSet)
    if event.requests_per_minute is None:
        return None
    return LimitRow(event.consumer, event.requests_per_minute)


def _limited(found: LimitRow) -> str:
    return found.consumer


# ------------------------------------------------------------------ versions used
USES = Table(
    "version_uses",
    """
    CREATE TABLE version_uses (
        consumer TEXT NOT NULL,
        version_id TEXT NOT NULL,
        last_day TEXT NOT NULL,
        PRIMARY KEY (version_id, consumer)
    )
    """,
)
LOAD_USES = """
    SELECT consumer, version_id, last_day
    FROM version_uses JOIN UNNEST(%(consumers)s::TEXT[], %(version_ids)s::TEXT[])
        AS asked (consumer, version_id) USING (consumer, version_id)
"""
STORE_USES = """
    INSERT INTO version_uses (consumer, version_id, last_day)
    VALUES (%(consumer)s, %(version_id)s, %(last_day)s)
    ON CONFLICT (version_id, consumer) DO UPDATE SET last_day = EXCLUDED.last_day
"""
ERASE_USES = """
    DELETE FROM version_uses USING UNNEST(%(consumers)s::TEXT[], %(version_ids)s::TEXT[])
        AS gone (consumer, version_id)
    WHERE version_uses.consumer = gone.consumer AND version_uses.version_id = gone.version_id
"""
USING: LiteralString = """
    SELECT consumer,
           COALESCE((SELECT MIN(name) FROM api_keys WHERE api_keys.consumer = found.consumer), '') AS name,
           COALESCE(ARRAY_AGG(key_id ORDER BY key_id) FILTER (WHERE key_id IS NOT NULL), '{}'),
           MAX(last_day) AS newest_day
    FROM (
        SELECT consumer, key_id, NULL AS last_day FROM api_keys
        WHERE version_id = %(version_id)s AND revoked_at IS NULL
        UNION ALL
        SELECT consumer, NULL, last_day FROM version_uses WHERE version_id = %(version_id)s
    ) AS found
    GROUP BY consumer ORDER BY newest_day DESC NULLS LAST, name, consumer LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class UseRow:
    """The newest day on which a consumer used a version of the API."""

    consumer: ConsumerId
    version_id: str
    last_day: str
    """``YYYY-MM-DD``."""


@dataclass(frozen=True, slots=True)
class VersionUser:
    """Somebody whom the end of a version would meet."""

    consumer: ConsumerId
    name: str
    """Empty for one that comes with OAuth tokens."""
    pinned_keys: Sequence[KeyId]
    last_day: str | None
    """``YYYY-MM-DD``; None: pinned, but not used yet."""


def uses_touched(recorded: Recorded) -> Iterable[Key]:
    event = recorded.event
    if isinstance(event, VersionUseNoted):
        yield event.consumer, event.version_id


def uses_fold(before: UseRow | None, _: Key, recorded: Recorded) -> UseRow | None:
    event = recorded.event
    assert isinstance(event, VersionUseNoted)
    newest = event.day if before is None else max(before.last_day, event.day)
    return UseRow(event.consumer, event.version_id, newest)


def _asked_uses(keys: Sequence[Key]) -> dict[str, object]:
    return {"consumers": [key[0] for key in keys], "version_ids": [key[1] for key in keys]}


def _use(found: UseRow) -> Key:
    return found.consumer, found.version_id


# ------------------------------------------------------------------ the read model
FOLDS = (
    Folded(ApiKeyRow, _key, touched, fold, LOAD_KEYS, STORE_KEYS, ERASE_KEYS, _asked_keys),
    Folded(LimitRow, _limited, limits_touched, limits_fold, LOAD_LIMITS, STORE_LIMITS, ERASE_LIMITS, by_key),
    Folded(UseRow, _use, uses_touched, uses_fold, LOAD_USES, STORE_USES, ERASE_USES, _asked_uses),
)


def apply(cursor: Cursor, batch: Sequence[Recorded]) -> None:
    for folded in FOLDS:
        folded.apply(cursor, batch)


CONSUMERS = Projection(
    name="consumers",
    version=2,
    tables=(KEYS, LIMITS, USES),
    events=(ApiKeyIssued, ApiKeyRevoked, ConsumerLimitSet, KeyVersionPinned, VersionUseNoted),
    apply=apply,
)


def by_digest(cursor: Cursor, digest: bytes) -> ApiKeyRow | None:
    """The key with this keyed digest, unless it is revoked."""
    return row(cursor, ApiKeyRow, BY_DIGEST, {"digest": digest})


@dataclass(frozen=True, slots=True)
class ListedKey:
    key: ApiKeyRow
    requests_per_minute: int | None
    """Of its consumer; None is what everybody has."""


def listed(cursor: Cursor, limit: int) -> list[ListedKey]:
    """All keys, revoked ones too, by consumer."""
    found = rows(cursor, ApiKeyRow, LIST, {"limit": limit})
    asked: dict[str, object] = {"consumers": list({key.consumer for key in found})}
    limits = {each.consumer: each for each in rows(cursor, LimitRow, LIMITS_OF, asked)}
    return with_limits(found, limits)


def with_limits(keys: Iterable[ApiKeyRow], limits: Mapping[ConsumerId, LimitRow]) -> list[ListedKey]:
    return [
        ListedKey(key, limits[key.consumer].requests_per_minute if key.consumer in limits else None)
        for key in keys
    ]


def using(cursor: Cursor, version_id: str, limit: int) -> list[VersionUser]:
    """Whoever is pinned to this version or used it, most recent first."""
    return rows(cursor, VersionUser, USING, {"version_id": version_id, "limit": limit})
