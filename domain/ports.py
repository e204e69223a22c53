"""What the domain asks of the world. Each port is born with its memory adapter.

Promises hold for every adapter and are checked by one contract suite each (`tests/contracts/`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Literal, NamedTuple, Protocol, TypeVar

from domain.decider import Ask, Context, Decider, Loaded, Outcome
from domain.event import Event, Recorded
from domain.format.chunking import Profile
from domain.format.media.source import Source
from domain.ids import AggregateId, Digest, RepoId
from domain.position import Position

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E", bound=Event)


class Clock(Protocol):
    """Wall time for people, monotonic time for durations."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    def monotonic_ms(self) -> int:
        """Never goes back; only differences mean anything."""
        ...

    def sleep(self, seconds: float) -> None:
        """Waits between retries, in workers only."""
        ...


class Ids(Protocol):
    """Chance, as a port."""

    def token(self, size_bytes: int) -> bytes:
        """Unguessable bytes."""
        ...

    def jitter(self) -> float:
        """Uniform in [0, 1)."""
        ...


class EventLog(Protocol):
    """The command side: load a fold, ask deciders, read one aggregate's history.

    Callers may rely on: an `ask` appends all its events and checks all its guards in one step or not at all;
    a key that is known answers from its events; an unknown outcome is settled before `ask` returns or raised
    as OutcomeUnknownError, after which the same ask with the same key is safe.
    """

    def load(self, decider: Decider[S, C, E], id: str) -> Loaded[S]:  # noqa: A002
        """The newest fold; the decider's empty state at version 0 if there is no event."""
        ...

    def ask(self, *asks: Ask, context: Context) -> Outcome:
        """Decide all, append all. The idempotency key is looked up in the first ask's aggregate.

        A lost race is decided anew, three times at most. Raises ConcurrencyConflictError after that,
        whatever `decide` raises, UnavailableError, OutcomeUnknownError, LogRegressedError, LogFullError.
        """
        ...

    def history(self, aggregate: AggregateId, after: Position | None = None) -> Iterator[Recorded]:
        """The aggregate's events in order, read in pages; those beyond a position, which costs no more than
        they do."""
        ...

    def end(self) -> Position | None:
        """The position of the newest message; None while the log is empty."""
        ...


class Feed(Protocol):
    """The whole log by position: what followers, rebuilds and replay read."""

    def read(self, after: Position | None, limit: int) -> Sequence[Recorded]:
        """Up to `limit` messages' events after a position, whole messages only; empty at the end.

        Raises LogRegressedError if `after` is not in this log as it was seen.
        """
        ...

    def wait(self, after: Position | None, timeout_s: float) -> bool:
        """True as soon as something stands after the position, False when the time is up."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the log as it lies there: what the archive keeps a copy of."""

    position: Position
    subject: str
    payload: bytes
    headers: tuple[tuple[str, str], ...]
    stored_at: datetime
    """By the log server's clock, aware UTC."""
    append_id: bytes
    """Empty for a guard message, and for one that this version cannot read."""
    correlation_id: str
    repo: str
    """The repository its events name; empty if they name none."""


class RawEvent(NamedTuple):
    """An event parsed but not validated: its newest topic, and its fields as the log holds them."""

    position: Position
    aggregate: str
    place: int
    """Of the event in its message, from 0."""
    topic: str
    fields: Mapping[str, object]


class Messages(Protocol):
    """The log in bulk, for rebuilds and for the archive: it only reads, and ends at the log's present end."""

    def messages(self, after: Position | None) -> Iterator[Sequence[Message]]:
        """Every message after a position, guards included, in batches of at most 32 MiB.

        Raises LogRegressedError if `after` is not in this log as it was seen.
        """
        ...

    def raw_events(
        self, after: Position | None, topics: frozenset[str]
    ) -> Iterator[tuple[Position, Sequence[RawEvent]]]:
        """The same read as events of these topics only; each batch says where it ends, also when empty.

        Older versions of a topic come upcast. Raises UnknownTopicError for a topic nobody knows.
        """
        ...


ObjectKind = Literal["chunks", "recipes", "trees", "manifests"]
"""A chunk may hold the bytes of a recipe, and so share its digest: what lives as the one is not the other."""
LiveKind = Literal["chunks", "recipes", "trees", "manifests", "spares"]
"""Spares: chunks that only superseded recipes name, read while they last and promised to nobody."""
DERIVED = "derived"
"""A fifth kind, which nothing refers to: drawn from what is stored, and again if the collector dropped it."""


@dataclass(frozen=True, slots=True)
class ObjectName:
    """The name of a stored object: its kind and the BLAKE3-256 of its bytes."""

    kind: str
    """``chunks``, ``recipes``, ``trees``, ``manifests``, ``derived`` or ``successions``."""
    digest: Digest

    @property
    def key(self) -> str:
        """``chunks/ab/cd/<64 hex>``"""
        name = self.digest.hex()
        return f"{self.kind}/{name[:2]}/{name[2:4]}/{name}"

    @staticmethod
    def parse(key: str) -> ObjectName:
        kind, _, _, name = key.split("/")
        return ObjectName(kind, Digest(bytes.fromhex(name)))


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The receipt of a put: durable under its name when it is returned."""

    name: ObjectName
    size_bytes: int
    was_there: bool


PUT_BYTES_MAX = 64 << 20
"""Of one `put`: what a store may hold in memory for one caller, and the largest request of chunks."""


class ObjectStore(Protocol):
    """Write-once objects named by the digest of their bytes. There is no way to delete one (I3).

    Callers may rely on: when `put` returns, every object is durable and complete under its name, and no
    reader ever saw a part of it; putting what is there already changes nothing and says so.
    """

    @property
    def location(self) -> str:
        """The location's name, as events carry it."""
        ...

    def put(self, objects: Sequence[tuple[ObjectName, bytes | memoryview]]) -> tuple[StoredObject, ...]:
        """Store a batch of at most PUT_BYTES_MAX. Raises InsufficientStorageError, WriteVerificationError,
        UnavailableError; what was stored before the error stays, which is harmless."""
        ...

    def read_back(self, names: Sequence[ObjectName]) -> tuple[Digest | None, ...]:
        """The digests of what the medium holds now, read past every cache in reach; None where nothing is.

        Raises UnavailableError.
        """
        ...

    def mend(self, name: ObjectName, content: bytes | memoryview) -> None:
        """Put the right bytes in the place of wrong ones: the only way in which an object is ever replaced.

        Raises InsufficientStorageError, UnavailableError. Bytes of another digest are a bug.
        """
        ...

    def get(self, name: ObjectName) -> bytes:
        """The whole object. Raises ChunkNotFoundError, CorruptObjectError, UnavailableError."""
        ...

    def size(self, name: ObjectName) -> int | None:
        """Bytes stored under the name, None if it is not there. Raises UnavailableError."""
        ...

    def list(self, kind: str) -> Iterator[ObjectName]:
        """Every published object of a kind, in name order: how the log's loss is recovered from the store."""
        ...

    def check(self) -> None:
        """Is the store there and writable? Raises UnavailableError or InsufficientStorageError."""
        ...


@dataclass(frozen=True, slots=True)
class PlacedChunk:
    """A chunk that is in the store."""

    digest: Digest
    size_bytes: int
    was_there: bool


@dataclass(frozen=True, slots=True)
class Part:
    """The next chunks of a stream, in order, all of them durable."""

    chunks: tuple[PlacedChunk, ...]
    end_offset: int
    """Where the stream can be taken up again after this part, with the same cuts."""


class Pouring(Protocol):
    """One stream on its way into the store, written block by block from one thread at a time.

    Callers may rely on: parts come in order; after an error of the store, all that lies before it has been
    given. `end` or `stop` is called last, and nothing of the stream goes on after it.
    """

    def write(self, block: bytes | memoryview) -> Sequence[Part]:
        """Take a block, and give the parts that have become durable. Raises what `ObjectStore.put` does."""
        ...

    def end(self) -> Sequence[Part]:
        """The stream is over: all parts that are left."""
        ...

    def stop(self) -> Sequence[Part]:
        """The stream broke off: what was whole chunks becomes durable and is given; the rest is dropped."""
        ...


class StreamStore(Protocol):
    """Cuts streams and stores their chunks while they arrive, overlapped, with flat memory."""

    @property
    def location(self) -> str:
        """The location's name, as events carry it."""
        ...

    def begin(self, profile: Profile, start: int) -> Pouring:
        """`start` is the file offset of the first byte: 0 or the end of an earlier part."""
        ...


class Presence(Protocol):
    """What the log says is stored: the read side of have/want, never the store itself."""

    def missing(
        self, repo: RepoId, kind: LiveKind, names: Iterable[Digest], at_least: Position | None
    ) -> frozenset[Digest]:
        """Those of `names` that are not live in this repository: reached
        from no manifest that one of its holders retains.

        Raises NotYetConsistentError if the read model has not reached `at_least`; None asks it as it stands.
        """
        ...


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The newest entry of one lock's lease; revision 0 means that there is none."""

    revision: int
    buried: bool
    """A tombstone: the lease is over, whatever its holder thinks."""


class Leases(Protocol):
    """Heartbeats of locks: one entry a lock, replaced by compare-and-set, never events (house: Leases).

    A lock is named by its repository and fencing token. Entries live in memory: when they are lost, leases
    are judged from anew, which only lengthens them. All methods raise UnavailableError.
    """

    def beat(self, repo: RepoId, token: int) -> bool:
        """Replace the entry by a newer one; False if it meets a tombstone: the lock is lost."""
        ...

    def look(self, repo: RepoId, token: int) -> Heartbeat:
        """The entry as it is now."""
        ...

    def bury(self, repo: RepoId, token: int, seen: Heartbeat) -> bool:
        """Put a tombstone in the place of `seen`; False if a heartbeat came first. Burying twice is True."""
        ...


class Timers(Protocol):
    """Deadlines that survive restarts: they only wake a worker, which judges for itself."""

    def set(self, key: str, after_s: float) -> None:
        """Wake whoever waits, with `key`, after `after_s` at the earliest; a later call moves the key."""
        ...

    def due(self, timeout_s: float) -> Sequence[str]:
        """Keys whose time has come since the last call; waits up to the timeout for the first."""
        ...


@dataclass(frozen=True, slots=True)
class Remuxed:
    """What of a damaged file can be played was written anew."""

    packets: int
    lost_packets: int


PictureKind = Literal["poster", "sheet"]


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    """A JPEG."""

    kind: PictureKind
    content: bytes
    width: int
    height: int


NOTHING_PLAYABLE = "NOTHING_PLAYABLE"
LIMIT_EXCEEDED = "MEDIA_LIMIT_EXCEEDED"
TOOL_FAILED = "MEDIA_TOOL_FAILED"


@dataclass(frozen=True, slots=True)
class Unplayable:
    """The file is the reason, and will be again."""

    code: str
    reason: str


class MediaTools(Protocol):
    """What needs a demuxer, muxer or decoder. Callers may rely on: a file can make it refuse, but neither
    fail nor hang nor grow, and nothing but what is handed over is read or written."""

    def remux(self, damaged: Source, sound: BinaryIO) -> Remuxed | Unplayable:
        """Write the playable part of a movie to `sound`, an empty file. Raises UnavailableError, and what
        the source raises."""
        ...

    def draw(self, video: Source) -> tuple[DrawnPicture, ...] | Unplayable:
        """A poster frame and a contact sheet. Raises as `remux` does."""
        ...


class CrashPoints(Protocol):
    """Where a test may have the process killed. The product's adapter does nothing."""

    def reached(self, point: str) -> None: ...
