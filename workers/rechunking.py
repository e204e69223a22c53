"""Files that were cut blindly, cut again by what they are, recipe by recipe (`dits recipes rechunk`).

Promises: trees and commits never change; a recipe is superseded by one append, once the new one and its
chunks are durable, recorded and seen to rebuild the same bytes; broken off anywhere, what is done stays done
and the rest is begun anew; memory is flat, and the store is read no faster than was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from domain.decider import Context
from domain.errors import ChunkNotFoundError, CorruptObjectError
from domain.format.chunking import OPAQUE, WIDE
from domain.format.cutters import may_be_cut
from domain.format.media.source import Source
from domain.format.recipe import Recipe
from domain.format.succession import Succession
from domain.ids import ConsumerId, Digest, RepoId, SessionId, derived_id
from domain.ports import Clock, EventLog, Ids, ObjectName, ObjectStore
from domain.recutting import ANY_BYTES, recut, source_of, stored
from domain.session import decider as sessions
from domain.session.commands import ExpireSession, SessionCommand, StartSession
from domain.session.recording import in_appends, recipe_commands
from domain.successions import SUCCESSIONS, newest, supersede

CONSUMER = ConsumerId("system-rechunk")
HEAD_BYTES = 64
COMPARED_BYTES = 8 << 20
"""Of each of two recipes at a time."""
NOT_THE_SAME = "NOT_THE_SAME"
"""The new recipe rebuilds other bytes: never seen, and never followed."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A recipe, and the one that stands for it from now on."""

    old: Digest
    new: Digest
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Left:
    """A recipe that stays as it is, because its own bytes are not all there."""

    old: Digest
    code: str


@dataclass(slots=True)
class Pace:
    """So many bytes of a file a second, on the average of the run."""

    clock: Clock
    bytes_per_s: int
    told: Callable[[int], object] = int
    """How much was read so far."""
    read_bytes: int = 0
    begun_ms: int = field(init=False)

    def __post_init__(self) -> None:
        self.begun_ms = self.clock.monotonic_ms()

    def spend(self, size_bytes: int) -> None:
        self.read_bytes += size_bytes
        self.told(self.read_bytes)
        passed_s = (self.clock.monotonic_ms() - self.begun_ms) / 1000
        ahead_s = self.read_bytes / self.bytes_per_s - passed_s
        if ahead_s > 0:
            self.clock.sleep(ahead_s)


class StoppedError(Exception):
    """Somebody asked it to stop, in the middle of a file."""


@dataclass(frozen=True, slots=True)
class PacedSource:
    """A source that is read at a pace, and no further once it is to stop."""

    source: Source
    pace: Pace
    stopping: Callable[[], bool]

    @property
    def size_bytes(self) -> int:
        return self.source.size_bytes

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Raises StoppedError."""
        if self.stopping():
            raise StoppedError
        content = self.source.read(offset, size_bytes)
        self.pace.spend(len(content))
        return content


@dataclass(frozen=True, slots=True)
class Rechunker:
    """One repository's. For one thread; two at once do no harm, for a recipe is superseded once."""

    events: EventLog
    store: ObjectStore
    ids: Ids
    pace: Pace
    repo: RepoId
    context: Context
    stopping: Callable[[], bool]

    def convert(self, recipes: Iterable[Digest]) -> Iterator[Converted | Left]:
        """What is given is in the log. Raises what store and log raise when they are away."""
        for name in recipes:
            if self.stopping():
                return
            try:
                old = self.candidate(name)
                converted = None if old is None else self._supersede(name, old)
            except StoppedError:
                return
            except (ChunkNotFoundError, CorruptObjectError) as damaged:
                converted = Left(name, damaged.code)
            if converted is not None:
                yield converted

    def candidate(self, name: Digest) -> Recipe | None:
        """A file that was cut blindly and that nothing stands for; whether it can be cut is not known yet."""
        if newest(self.events, self.repo, name) != name:
            return None
        recipe = self.recipe(name)
        is_blind = len(recipe.streams) == 1 and recipe.streams[0].profile_id in {OPAQUE.id, WIDE.id}
        return recipe if is_blind and may_be_cut(self.source(recipe).read(0, HEAD_BYTES)) else None

    def recipe(self, name: Digest) -> Recipe:
        return Recipe.decode(self.store.get(ObjectName("recipes", name)))

    def source(self, recipe: Recipe) -> Source:
        return PacedSource(source_of(self.store, recipe), self.pace, self.stopping)

    def _supersede(self, name: Digest, old: Recipe) -> Converted | Left | None:
        session = SessionId(derived_id("session", self.repo, "rechunk", self.ids.token(16).hex()))
        end = self.events.end()
        self._tell(session, StartSession(session, self.repo, CONSUMER, end.encode() if end else ""))
        try:
            new = self._recut(session, old)
            if new is None:
                return None
            successor = newest(self.events, self.repo, new.digest)
            if successor == name or not self._are_same(old, self.recipe(successor)):
                return Left(name, NOT_THE_SAME)
            told = Succession(name, successor)
            self.store.put([(ObjectName(SUCCESSIONS, told.digest), told.encode())])
            self.events.ask(*supersede(self.repo, name, successor), context=self.context)
            return Converted(name, successor, old.size_bytes)
        finally:
            self._end(session)

    def _recut(self, session: SessionId, old: Recipe) -> Recipe | None:
        """Durable and recorded with its chunks, which the session holds; None if it is only cut blindly."""
        new = recut(
            self.source(old),
            lambda fresh: self._tell(session, stored(self.store, fresh)),
            bytes_max=ANY_BYTES,
        )
        if new is None:
            return None
        self.store.put([(ObjectName("recipes", new.digest), new.encode())])
        for group in in_appends(recipe_commands(new)):
            self._tell(session, *group)
        return new

    def _are_same(self, old: Recipe, new: Recipe) -> bool:
        """Every byte, read from the store once more."""
        if old.size_bytes != new.size_bytes:
            return False
        ours, theirs = self.source(old), self.source(new)
        blocks = range(0, old.size_bytes, COMPARED_BYTES)
        return all(ours.read(at, COMPARED_BYTES) == theirs.read(at, COMPARED_BYTES) for at in blocks)

    def _tell(self, session: SessionId, *commands: SessionCommand) -> None:
        asks = (sessions.DECIDER.ask(session, command) for command in commands)
        self.events.ask(*asks, context=self.context)

    def _end(self, session: SessionId) -> None:
        """It holds nothing any longer. After a crash the session watcher does it."""
        seen = self.events.load(sessions.DECIDER, session).version
        self._tell(session, ExpireSession(seen))
