"""What happened, from any position on: the recent events from memory, the past from the archive (seed S5).

Promises: every event once, in the log's order and in whole messages, wherever it comes from; asked for one
repository, only its own events, with those that name it through their aggregate; a part is bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from threading import Lock

from domain.event import Recorded
from domain.ids import AggregateId, RepoId
from domain.ports import EventLog
from domain.position import Position
from gateway.archive import Archive, Stretch
from gateway.recent import RecentEvents, weight

MESSAGES_PER_READ = 64
"""Of the archive: 32 MiB in the worst case."""
PART_WEIGHT_MAX = 512 * 1024
"""About as many bytes of JSON: what fits into one reply on the bus."""
HOMES_KEPT = 16_384


@dataclass(frozen=True, slots=True)
class Part:
    """The next events, and how far they bring a reader."""

    events: Sequence[Recorded]
    reached: Position | None
    """Where to go on."""
    is_last: bool
    """There was no more when it was read."""


@dataclass(slots=True)
class Homes:
    """Which repository an aggregate belongs to: the one that its first event names."""

    log: EventLog
    _kept: OrderedDict[AggregateId, str | None] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, recorded: Recorded) -> str | None:
        named = getattr(recorded.event, "repo", None)
        return named if isinstance(named, str) else self._of_aggregate(recorded.aggregate)

    def _of_aggregate(self, aggregate: AggregateId) -> str | None:
        with self._lock:
            if aggregate in self._kept:
                return self._kept[aggregate]
        first = next(iter(self.log.history(aggregate)), None)
        home = getattr(first.event, "repo", None) if first is not None else None
        with self._lock:
            self._kept[aggregate] = home
            if len(self._kept) > HOMES_KEPT:
                self._kept.popitem(last=False)
        return home


@dataclass(slots=True)
class History:
    """Safe for threads."""

    log: EventLog
    archive: Archive
    recent: RecentEvents = field(default_factory=RecentEvents)
    """Filled by this process's follower."""
    homes: Homes = field(init=False)

    def __post_init__(self) -> None:
        self.homes = Homes(self.log)

    def part(self, repo: RepoId | None, after: Position | None, limit: int) -> Part:
        """At most `limit` events, or one message. Raises InvalidPositionError, UnavailableError."""
        events, reached, room = list[Recorded](), after, PART_WEIGHT_MAX
        while True:
            begun = reached
            stretch = self._stretch(repo, begun, limit - len(events))
            for message in _messages(stretch.events):
                heavy = sum(weight(each.event) for each in message)
                if events and (len(events) + len(message) > limit or heavy > room):
                    return Part(events, reached, is_last=False)
                events, room, reached = events + message, room - heavy, message[0].position
            reached = stretch.reached
            if reached == begun or len(events) >= limit:
                return Part(events, reached, is_last=reached == begun)

    def _stretch(self, repo: RepoId | None, after: Position | None, limit: int) -> Stretch:
        """What comes next; not moving on means that there is nothing more."""
        newer = self.recent.after(after, limit)
        if newer is None:
            return self.archive.after(repo, after, MESSAGES_PER_READ)
        reached = newer[-1].position if newer else after
        return Stretch([each for each in newer if repo is None or self.homes.of(each) == repo], reached)


def _messages(events: Iterable[Recorded]) -> Iterator[list[Recorded]]:
    for _, message in groupby(events, key=lambda recorded: recorded.position.sequence):
        yield list(message)
