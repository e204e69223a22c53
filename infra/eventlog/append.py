"""An append as data: writes, and guards that must not have moved (house: The event log).

Promises: whatever a recorder does with an append, it does to all of it or to nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from eventsourcing.persistence import ApplicationRecorder, IntegrityError, StoredEvent

from domain.position import Position
from infra.eventlog.message import StoredState

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
    grouped: defaultdict[str, list[StoredState]] = defaultdict(list)
    for stored in stored_events:
        state = StoredState(stored.originator_version, stored.topic, stored.state)
        grouped[str(stored.originator_id)].append(state)
    for aggregate, events in grouped.items():
        if events[-1].version - events[0].version != len(events) - 1 or any(
            later.version <= earlier.version for earlier, later in pairwise(events)
        ):
            raise IntegrityError(f"versions of {aggregate} are not consecutive")
    return tuple(
        Write(aggregate, max(events[0].version - 1, 0), tuple(events))
        for aggregate, events in grouped.items()
    )
