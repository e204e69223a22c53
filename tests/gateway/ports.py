"""Memory adapters of the ports that only the gateway's tests need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from domain.errors import ChunkNotFoundError, DitsError, InvalidPositionError, NotYetConsistentError
from domain.event import Recorded
from domain.ids import AggregateId, Digest, RepoId
from domain.ports import Feed, Heartbeat, LiveKind, ObjectName, ObjectStore, StoredObject
from domain.position import Position
from gateway.archive import Stretch


class MemoryLeases:
    """Revisions by (repository, token); buried ones stay buried."""

    def __init__(self) -> None:
        self._entries: dict[tuple[RepoId, int], Heartbeat] = {}

    def beat(self, repo: RepoId, token: int) -> bool:
        seen = self.look(repo, token)
        if seen.buried:
            return False
        self._entries[repo, token] = Heartbeat(seen.revision + 1, buried=False)
        return True

    def look(self, repo: RepoId, token: int) -> Heartbeat:
        return self._entries.get((repo, token), Heartbeat(0, buried=False))

    def bury(self, repo: RepoId, token: int, seen: Heartbeat) -> bool:
        if self.look(repo, token).revision != seen.revision:
            return seen.buried
        self._entries[repo, token] = Heartbeat(seen.revision + 1, buried=True)
        return True


class SetPresence:
    """What lives where, as a test says it."""

    def __init__(self) -> None:
        self.live: dict[str, set[Digest]] = {}
        self.spares: dict[str, set[Digest]] = {}
        self.is_behind = False

    def missing(
        self, repo: RepoId, kind: LiveKind, names: Iterable[Digest], at_least: Position | None
    ) -> frozenset[Digest]:
        if self.is_behind and at_least is not None:
            raise NotYetConsistentError
        there = self.spares if kind == "spares" else self.live
        return frozenset(names) - there.get(repo, set())


class FeedArchive:
    """The past as the log itself tells it; behind by what a test says."""

    def __init__(self, feed: Callable[[], Feed]) -> None:
        self._feed = feed
        self.held_back_at: int | None = None

    def after(self, repo: RepoId | None, after: Position | None, limit: int) -> Stretch:
        homes: dict[AggregateId, str | None] = {}
        found, reached, messages = list[Recorded](), after, set[int]()
        for recorded in self._all():
            home = getattr(recorded.event, "repo", None)
            home = homes.setdefault(recorded.aggregate, home)
            _refuse_another(recorded.position, after)
            sequence = recorded.position.sequence
            if after is not None and sequence <= after.sequence:
                continue
            if repo is None or home == repo:
                if len(messages | {sequence}) > limit:
                    return Stretch(found, reached)
                messages.add(sequence)
                found.append(recorded)
            reached = recorded.position
        return Stretch(found, reached)

    def _all(self) -> Sequence[Recorded]:
        feed, everything = self._feed(), list[Recorded]()
        while batch := feed.read(everything[-1].position if everything else None, 1_000):
            everything += batch
        limit = self.held_back_at
        return [each for each in everything if limit is None or each.position.sequence <= limit]


def _refuse_another(held: Position, given: Position | None) -> None:
    if given is not None and given.sequence == held.sequence and given != held:
        raise InvalidPositionError(given=given.encode()[:16])


class MoodyStore:
    """A store that fails to write for as long as a test wants, and whose medium may hold wrong bytes."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.trouble: DitsError | None = None
        self.puts_left: int | None = None
        """Before the trouble comes; None is at once."""
        self.wrong: dict[Digest, bytes] = {}
        self.lost: set[Digest] = set()

    @property
    def location(self) -> str:
        return self._store.location

    def put(self, objects: Sequence[tuple[ObjectName, bytes | memoryview]]) -> tuple[StoredObject, ...]:
        self._maybe()
        return self._store.put(objects)

    def read_back(self, names: Sequence[ObjectName]) -> tuple[Digest | None, ...]:
        return self._store.read_back(names)

    def mend(self, name: ObjectName, content: bytes | memoryview) -> None:
        self._maybe()
        self._store.mend(name, content)

    def get(self, name: ObjectName) -> bytes:
        if name.digest in self.lost:
            raise ChunkNotFoundError(name=name.digest.hex())
        return self.wrong.get(name.digest) or self._store.get(name)

    def size(self, name: ObjectName) -> int | None:
        return self._store.size(name)

    def list(self, kind: str) -> Iterator[ObjectName]:
        return self._store.list(kind)

    def check(self) -> None:
        self._maybe()
        self._store.check()

    def _maybe(self) -> None:
        if self.puts_left:
            self.puts_left -= 1
        elif self.trouble is not None:
            raise self.trouble
