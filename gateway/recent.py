"""The newest events of the log, kept in memory for live readers (seed S5).

Promises: whole messages in the log's order; who is further behind is told so instead of being given a gap,
and reads the past from the archive; what is kept is bounded in number and in weight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from domain.errors import InvalidPositionError
from domain.event import Event, Recorded
from domain.position import Position

EVENTS_MAX = 4_096
WEIGHT_MAX = 16 << 20
"""In memory this is about as many bytes; one event of 8,192 names weighs half a megabyte."""
EVENT_WEIGHT = 1_024
"""Of an event without long fields, told as JSON."""


@dataclass(slots=True)
class RecentEvents:
    """Written by the follower's thread alone, read by any."""

    events_max: int = EVENTS_MAX
    _events: deque[Recorded] = field(default_factory=deque[Recorded])
    _weight: int = 0
    _dropped: int = 0
    """Sequence of the newest message that is no longer kept whole."""
    _lock: Lock = field(default_factory=Lock)

    def begin(self, position: Position) -> None:
        """Nothing up to here will be kept."""
        self._dropped = position.sequence

    def add(self, batch: Sequence[Recorded]) -> None:
        with self._lock:
            for recorded in batch:
                self._events.append(recorded)
                self._weight += weight(recorded.event)
            while len(self._events) > self.events_max or self._weight > WEIGHT_MAX:
                oldest = self._events.popleft()
                self._weight -= weight(oldest.event)
                self._dropped = oldest.position.sequence

    def after(self, position: Position | None, limit: int) -> Sequence[Recorded] | None:
        """About `limit` events after a position; None if they are no longer kept here.

        Raises InvalidPositionError if the log holds another message there.
        """
        sequence = position.sequence if position is not None else 0
        with self._lock:
            if sequence < self._dropped:
                return None
            newer = list[Recorded]()
            for recorded in reversed(self._events):
                if recorded.position.sequence <= sequence:
                    _refuse_another(recorded.position, position)
                    break
                newer.append(recorded)
        newer.reverse()
        return newer if len(newer) <= limit else _whole(newer, limit)


def weight(event: Event) -> int:
    """About the size of the event's JSON, without making it."""
    long = (len(value) for value in event.__dict__.values() if isinstance(value, bytes | tuple | str))
    return EVENT_WEIGHT + 2 * sum(long)


def _whole(events: list[Recorded], limit: int) -> list[Recorded]:
    """The first messages, with at most `limit` events, or the first one."""
    cut = events[limit].position.sequence
    first = events[0].position.sequence
    return [each for each in events if each.position.sequence < cut or each.position.sequence == first]


def _refuse_another(held: Position, given: Position | None) -> None:
    if given is not None and held.sequence == given.sequence and held != given:
        raise InvalidPositionError(given=given.encode()[:16])
