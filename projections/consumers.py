"""API keys: who speaks with which key, and what it may do (S5.5). Digests only; a secret is never here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString

from domain.consumer import ApiKeyIssued, ApiKeyRevoked
from domain.event import Recorded
from domain.ids import ConsumerId, KeyId, RepoId
from projections.folding import Folded, recorded_at
from projections.projection import Projection, Table
from projections.reading import row, rows
from projections.transactions import Cursor

TABLE = Table(
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
        PRIMARY KEY (consumer, key_id)
    )
    """,
)
LOAD = """
    SELECT consumer, key_id, name, digest, scopes, repos, issued_at, revoked_at, revoke_reason
    FROM api_keys JOIN UNNEST(%(consumers)s::TEXT[], %(key_ids)s::TEXT[]) AS asked (consumer, key_id)
    USING (consumer, key_id)
"""
STORE = """
    INSERT INTO api_keys
        (consumer, key_id, name, digest, scopes, repos, issued_at, revoked_at, revoke_reason)
    VALUES (%(consumer)s, %(key_id)s, %(name)s, %(digest)s, %(scopes)s, %(repos)s,
            %(issued_at)s, %(revoked_at)s, %(revoke_reason)s)
    ON CONFLICT (consumer, key_id) DO UPDATE
    SET name = EXCLUDED.name, digest = EXCLUDED.digest, scopes = EXCLUDED.scopes, repos = EXCLUDED.repos,
        issued_at = EXCLUDED.issued_at, revoked_at = EXCLUDED.revoked_at,
        revoke_reason = EXCLUDED.revoke_reason
"""
ERASE = """
    DELETE FROM api_keys USING UNNEST(%(consumers)s::TEXT[], %(key_ids)s::TEXT[]) AS gone (consumer, key_id)
    WHERE api_keys.consumer = gone.consumer AND api_keys.key_id = gone.key_id
"""
BY_DIGEST: LiteralString = """
    SELECT consumer, key_id, name, digest, scopes, repos, issued_at, revoked_at, revoke_reason
    FROM api_keys WHERE digest = %(digest)s AND revoked_at IS NULL
"""
LIST: LiteralString = """
    SELECT consumer, key_id, name, digest, scopes, repos, issued_at, revoked_at, revoke_reason
    FROM api_keys ORDER BY name, issued_at, key_id LIMIT %(limit)s
"""

Key = tuple[str, str]


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


def touched(recorded: Recorded) -> Iterable[Key]:
    event = recorded.event
    if isinstance(event, ApiKeyIssued | ApiKeyRevoked):
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
        )
    assert isinstance(event, ApiKeyRevoked)
    assert before is not None, event
    return replace(before, revoked_at=recorded_at(recorded), revoke_reason=event.reason)


def _asked(keys: Sequence[Key]) -> dict[str, object]:
    return {"consumers": [key[0] for key in keys], "key_ids": [key[1] for key in keys]}


def _key(row: ApiKeyRow) -> Key:
    return row.consumer, row.key_id


CONSUMERS = Projection(
    name="consumers",
    version=1,
    tables=(TABLE,),
    events=(ApiKeyIssued, ApiKeyRevoked),
    apply=Folded(ApiKeyRow, _key, touched, fold, LOAD, STORE, ERASE, _asked).apply,
)


def by_digest(cursor: Cursor, digest: bytes) -> ApiKeyRow | None:
    """The key with this keyed digest, unless it is revoked."""
    return row(cursor, ApiKeyRow, BY_DIGEST, {"digest": digest})


def listed(cursor: Cursor, limit: int) -> list[ApiKeyRow]:
    """All keys, revoked ones too, by consumer."""
    return rows(cursor, ApiKeyRow, LIST, {"limit": limit})
