"""The event archive: the log's second durable copy in PostgreSQL, and how it is read.

It is a follower, not a read model: no rebuild and no drop touches it, and it is in no list of projections.
Its own newest row is its position. Readers get messages as the log holds them, guards included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.types.json import Jsonb

from domain.ids import AggregateId, RepoId
from domain.ports import Message
from domain.position import Position
from projections.transactions import Cursor

COPY = """
    COPY dits.event_archive
        (sequence, incarnation, digest, subject, payload, headers, stored_at, append_id, correlation_id, repo)
    FROM STDIN
"""
# Events that name no repository, such as the progress of a file, belong to the one their aggregate named
# before: an upload session begins by naming it.
INHERIT_REPO = """
    UPDATE dits.event_archive AS late
    SET repo = early.repo
    FROM (
        SELECT DISTINCT ON (named.subject) named.subject, named.repo
        FROM dits.event_archive AS named
        WHERE named.repo <> '' AND named.subject = ANY(%(subjects)s)
        ORDER BY named.subject, named.sequence
    ) AS early
    WHERE late.subject = early.subject AND late.repo = '' AND late.sequence >= %(first)s
"""
END = """
    SELECT incarnation, sequence, digest FROM dits.event_archive ORDER BY sequence DESC LIMIT 1
"""
PLACES: LiteralString = """
    SELECT incarnation, sequence, digest, subject, payload FROM dits.event_archive
    WHERE sequence > %(after)s ORDER BY sequence LIMIT %(limit)s
"""
AFTER: LiteralString = """
    SELECT incarnation, sequence, digest, subject, payload, headers, stored_at,
           append_id, correlation_id, repo
    FROM dits.event_archive
    WHERE sequence > %(after)s AND append_id <> ''
      AND (%(repo)s::TEXT IS NULL OR repo = %(repo)s)
      AND (%(subject)s::TEXT IS NULL OR subject = %(subject)s)
    ORDER BY sequence LIMIT %(limit)s
"""
AUDITED = "SELECT sequence FROM dits.archive_audit"
AUDIT = """
    INSERT INTO dits.archive_audit (incarnation, sequence, digest, audited_at)
    VALUES (%(incarnation)s, %(sequence)s, %(digest)s, %(at)s)
    ON CONFLICT (only_row) DO UPDATE
    SET incarnation = EXCLUDED.incarnation, sequence = EXCLUDED.sequence, digest = EXCLUDED.digest,
        audited_at = EXCLUDED.audited_at
"""
ONE_FOLLOWER = "SELECT PG_ADVISORY_XACT_LOCK(HASHTEXTEXTENDED('dits.event_archive', 0))"


@dataclass(frozen=True, slots=True)
class Place:
    """One archived message, as far as an audit compares it."""

    position: Position
    subject: str
    payload: bytes


def keep(cursor: Cursor, messages: Sequence[Message]) -> None:
    """Append a batch that follows directly on `end`."""
    with cursor.copy(COPY) as copy:
        for message in messages:
            position = message.position
            copy.write_row(
                (
                    position.sequence,
                    position.incarnation,
                    position.digest,
                    message.subject,
                    message.payload,
                    Jsonb([list(header) for header in message.headers]),
                    message.stored_at,
                    message.append_id,
                    message.correlation_id,
                    message.repo,
                )
            )
    unnamed = {message.subject for message in messages if not message.repo and message.append_id}
    if unnamed:
        first = messages[0].position.sequence
        cursor.execute(INHERIT_REPO, {"subjects": sorted(unnamed), "first": first})


def alone(cursor: Cursor) -> None:
    """Until the transaction ends no other follower writes."""
    cursor.execute(ONE_FOLLOWER)


def end(cursor: Cursor) -> Position | None:
    """The newest archived message."""
    cursor.execute(END)
    row = cursor.fetchone()
    return None if row is None else Position(*row)


def places(cursor: Cursor, after: int, limit: int) -> Iterator[Place]:
    cursor.execute(PLACES, {"after": after, "limit": limit})
    return (Place(Position(*row[:3]), row[3], row[4]) for row in cursor)


def events_after(
    cursor: Cursor,
    after: Position | None,
    *,
    limit: int,
    repo: RepoId | None = None,
    subject: str | None = None,
) -> list[Message]:
    """Messages with events after a position, in log order; of one repository or one subject if named."""
    asked = {
        "after": after.sequence if after is not None else 0,
        "repo": repo,
        "subject": subject,
        "limit": limit,
    }
    cursor.execute(AFTER, asked)
    return [
        Message(Position(*row[:3]), row[3], row[4], tuple((name, value) for name, value in row[5]), *row[6:])
        for row in cursor
    ]


def subject_of(aggregate: AggregateId, shard: str = "0") -> str:
    """Where an aggregate's messages lie."""
    return f"dits.evt.{shard}.{aggregate}"


def audited(cursor: Cursor) -> int:
    """Up to this sequence the archive was compared with the log."""
    cursor.execute(AUDITED)
    row = cursor.fetchone()
    return 0 if row is None else int(row[0])


def set_audited(cursor: Cursor, position: Position, at: datetime) -> None:
    place = {
        "incarnation": position.incarnation,
        "sequence": position.sequence,
        "digest": position.digest,
        "at": at,
    }
    cursor.execute(AUDIT, place)
