"""Reading the log's messages, whatever holds them: the one thing feeds, folds and audits stand on.

Promises: messages come in order and whole; a page that is not the end is never empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from domain.errors import LogRegressedError
from infra.eventlog.message import FIRST, EventMessage, digest, unpack


class Stored(NamedTuple):
    """One message as the log holds it."""

    sequence: int
    subject: str
    payload: bytes


class LogReader(Protocol):
    """JetStream's and memory's way to read. All methods raise UnavailableError."""

    @property
    def incarnation(self) -> str:
        """Of the log as it was when this process opened it."""
        ...

    def current_incarnation(self) -> str:
        """Of the log as it is now; another one means that somebody put another log in its place."""
        ...

    def last_sequence(self) -> int:
        """0 while the log is empty."""
        ...

    def at(self, sequence: int) -> Stored | None: ...

    def by_sequence(self, after: int, limit: int) -> Sequence[Stored]:
        """The next messages, at most `limit`; empty only at the end."""
        ...

    def of_aggregate(self, aggregate: str, after: int = 0) -> Iterator[Stored]:
        """The aggregate's messages with a sequence beyond `after`, read in pages."""
        ...

    def wait(self, after: int, timeout_s: float) -> bool:
        """True as soon as a message stands beyond `after`."""
        ...


class Chain:
    """Walks one aggregate's messages and checks that each names the one before it (I11)."""

    def __init__(self, previous: bytes = FIRST, version: int | None = None) -> None:
        self.digest = previous
        self.version = version

    def follow(self, stored: Stored) -> EventMessage:
        """Raises LogRegressedError naming the first message that does not fit."""
        message = unpack(stored.sequence, stored.payload)
        first = message.events[0].version
        fits = first in {0, 1} if self.version is None else first == self.version + 1
        if message.previous != self.digest or not fits:
            raise LogRegressedError(sequence=stored.sequence)
        self.version = message.events[-1].version
        self.digest = digest(stored.subject, stored.payload)
        return message
