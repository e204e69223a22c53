"""One message of the log, byte for byte: `docs/eventlog.md` is its specification.

Promises: what was packed unpacks to the same, anything else is refused; every message of an aggregate names
the BLAKE3 of the one before it, so a lost or changed one is noticed by whoever reads on (I11).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import msgpack
from blake3 import blake3

from domain.errors import EventTooLargeError, LogRegressedError, UnknownTopicError
from domain.ids import AggregateId

FORMAT = 1
MESSAGE_BYTES_MAX = 512 * 1024
"""Half of the server's max_payload, so that headers always fit."""
MESSAGE_EVENTS_MAX = 1_000
FIRST = bytes(32)
"""What the first message of an aggregate names as its previous one."""
SUBJECT_ROOT = "dits.evt"
GUARD_TOKEN = "guard"  # noqa: S105 -- the last token of a subject


class StoredState(NamedTuple):
    """One event inside a message."""

    version: int
    topic: str
    state: bytes


@dataclass(frozen=True, slots=True)
class EventMessage:
    """The events that one append gave to one aggregate."""

    append_id: bytes
    previous: bytes
    events: tuple[StoredState, ...]


@dataclass(frozen=True, slots=True)
class Shard:
    """One stream and its subjects: ``dits.evt.<shard>.<family>.<id>``."""

    name: str = "0"

    @property
    def stream(self) -> str:
        return f"DITS_{self.name}"

    @property
    def subjects(self) -> str:
        return f"{SUBJECT_ROOT}.{self.name}.>"

    @property
    def guard_subject(self) -> str:
        return f"{SUBJECT_ROOT}.{self.name}.{GUARD_TOKEN}"

    @property
    def stored_subjects(self) -> str:
        """Where the server says, without payloads, that a message was stored."""
        return f"dits.stored.{self.name}.>"

    def subject(self, aggregate: str) -> str:
        return f"{SUBJECT_ROOT}.{self.name}.{aggregate}"

    def aggregate(self, subject: str) -> str | None:
        """``family.id``; None for the guard subject."""
        rest = subject.removeprefix(f"{SUBJECT_ROOT}.{self.name}.")
        return None if rest == GUARD_TOKEN else rest

    def aggregate_id(self, subject: str) -> AggregateId | None:
        name = self.aggregate(subject)
        return None if name is None else AggregateId.parse(name)


def digest(subject: str, payload: bytes) -> bytes:
    """BLAKE3-256 of subject, one zero byte, payload: what positions and the next message carry."""
    hasher = blake3(subject.encode())
    hasher.update(b"\0")
    hasher.update(payload)
    return hasher.digest()


def pack(append_id: bytes, previous: bytes, events: Sequence[StoredState]) -> bytes:
    """Raises EventTooLargeError before anything is sent."""
    payload = cast("bytes", msgpack.packb((FORMAT, append_id, previous, tuple(events)), use_bin_type=True))
    if len(payload) > MESSAGE_BYTES_MAX or len(events) > MESSAGE_EVENTS_MAX:
        raise EventTooLargeError(size_bytes=len(payload), limit_bytes=MESSAGE_BYTES_MAX)
    return payload


def pack_guard(append_id: bytes, aggregate: str, version: int) -> bytes:
    """The message on the guard subject: which aggregate had not moved, and where it stood."""
    return cast("bytes", msgpack.packb((FORMAT, append_id, aggregate, version), use_bin_type=True))


def unpack(sequence: int, payload: bytes) -> EventMessage:
    """Raises LogRegressedError naming `sequence` for bytes that `pack` did not make."""
    parts = _unpacked(sequence, payload)
    append_id, previous, events = parts[1], parts[2], parts[3]
    if not (isinstance(append_id, bytes) and isinstance(previous, bytes) and isinstance(events, tuple)):
        raise LogRegressedError(sequence=sequence)
    try:
        stored = tuple(StoredState(*event) for event in cast("tuple[tuple[int, str, bytes]]", events))
    except TypeError as error:
        raise LogRegressedError(sequence=sequence) from error
    if len(previous) != len(FIRST) or not stored:
        raise LogRegressedError(sequence=sequence)
    return EventMessage(append_id, previous, stored)


def append_id_of(sequence: int, payload: bytes) -> bytes:
    """Of an event message or a guard."""
    return cast("bytes", _unpacked(sequence, payload)[1])


def _unpacked(sequence: int, payload: bytes) -> tuple[object, ...]:
    try:
        parts: object = msgpack.unpackb(payload, use_list=False)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise LogRegressedError(sequence=sequence) from error
    if not isinstance(parts, tuple) or len(cast("tuple[object, ...]", parts)) != 4:
        raise LogRegressedError(sequence=sequence)
    if parts[0] != FORMAT:
        raise UnknownTopicError(topic=f"message format {parts[0]}")
    return cast("tuple[object, ...]", parts)
