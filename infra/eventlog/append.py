"""An append as data: writes, and guards that must not have moved (house: The event log).

Promises: whatever a recorder does with an append, it does to all of it or to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, starmap
from operator import attrgetter
from typing import Protocol

from eventsourcing.persistence import ApplicationRecorder, IntegrityError, StoredEvent

from domain.position import Position
from infra.eventlog.message import StoredState

ORIGINATOR = attrgetter("originator_id")
STATE = attrgetter("originator_version", "topic", "state")

__all__ = ["Append", "Guard", "GuardedRecorder", "IntegrityError", "Write", "writes_of"]


@dataclass(frozen=True, slots=True)
class Write:
    """New events of one aggregate, which stands at `expected` (0: it has none)."""

    aggregate: str
    expected: int
    events: tuple[StoredState, ...]


@dataclass(frozen=True, slots=True)
class Guard:
    """An aggregate that must still stand at `version` (0: must have no event)."""

    aggregate: str
    version: int


@dataclass(frozen=True, slots=True)
class Append:
    """All of it lands, in one step, or nothing does."""

    id: bytes
    correlation_id: str
    writes: tuple[Write, ...]
    guards: tuple[Guard, ...] = ()


class GuardedRecorder(Protocol):
    """What the application needs of a recorder beyond what the library knows."""

    @property
    def recorder(self) -> ApplicationRecorder:
        """Itself, as the library sees it."""
        ...

    def append(self, append: Append) -> tuple[Position, ...]:
        """The position of each write, in order. Raises IntegrityError for a lost race."""
        ...

    def end(self) -> Position | None:
        """Where the newest message stands."""
        ...


def writes_of(stored_events: Sequence[StoredEvent]) -> tuple[Write, ...]:
    """The library's flat list, by aggregate. Raises IntegrityError if versions are not consecutive."""
    grouped: dict[str, list[StoredState]] = {}
    for originator_id, run in groupby(stored_events, ORIGINATOR):
        grouped.setdefault(str(originator_id), []).extend(starmap(StoredState, map(STATE, run)))
    for aggregate, events in grouped.items():
        first = events[0].version
        if [event.version for event in events] != list(range(first, first + len(events))):
            raise IntegrityError(f"versions of {aggregate} are not consecutive")
    return tuple(
        Write(aggregate, max(events[0].version - 1, 0), tuple(events))
        for aggregate, events in grouped.items()
    )
