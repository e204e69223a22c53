"""What operations answer, as frozen values.

Promises: a member that the client does not know is ignored, so a newer server is no problem; one that is
missing or of another type is `WrongAnswerError`, never a surprise later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeVar, cast

from .errors import WrongAnswerError
from .wire import Json

T = TypeVar("T")


class Fields:
    """Reads the members of one JSON object."""

    def __init__(self, raw: Json, operation: str) -> None:
        self.raw = raw
        self.operation = operation

    def text(self, name: str) -> str:
        value = self.raw.get(name)
        return value if isinstance(value, str) else self._wrong(name)

    def text_or_none(self, name: str) -> str | None:
        return None if self.raw.get(name) is None else self.text(name)

    def number(self, name: str) -> int:
        value = self.raw.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else self._wrong(name)

    def number_or_none(self, name: str) -> int | None:
        return None if self.raw.get(name) is None else self.number(name)

    def truth(self, name: str) -> bool:
        value = self.raw.get(name)
        return value if isinstance(value, bool) else self._wrong(name)

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(each if isinstance(each, str) else self._wrong(name) for each in self._items(name))

    def each(self, name: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        return tuple(read(self.inner(each, name)) for each in self._items(name))

    def inner_or_none(self, name: str, read: Callable[[Fields], T]) -> T | None:
        value = self.raw.get(name)
        return None if value is None else read(self.inner(value, name))

    def onward(self) -> str | None:
        """Where a long list goes on; None at its end."""
        return self.inner(self.raw.get("page"), "page").text_or_none("next")

    def inner(self, value: object, name: str) -> Fields:
        if not isinstance(value, dict):
            self._wrong(name)
        return Fields(cast("Json", value), self.operation)

    def _items(self, name: str) -> Iterable[object]:
        value = self.raw.get(name)
        return cast("list[object]", value) if isinstance(value, list) else self._wrong(name)

    def _wrong(self, name: str) -> NoReturn:
        raise WrongAnswerError(operation=self.operation, name=name)


@dataclass(frozen=True, slots=True)
class Repo:
    name: str
    id: str
    public: bool

    @staticmethod
    def of(fields: Fields) -> Repo:
        return Repo(fields.text("name"), fields.text("id"), fields.text("visibility") == "public")


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch or a tag: a name and the commit it stands at."""

    name: str
    commit: str
    manifest: str

    @staticmethod
    def of(fields: Fields) -> Ref:
        return Ref(fields.text("name"), fields.text("commit"), fields.text("manifest"))


@dataclass(frozen=True, slots=True)
class FileUpload:
    """A whole file on its way: its confirmed offset, and its recipe once it is complete."""

    path: str
    offset_bytes: int
    length_bytes: int
    recipe: str | None

    @staticmethod
    def of(fields: Fields) -> FileUpload:
        offset, length = fields.number("offset_bytes"), fields.number("length_bytes")
        return FileUpload(fields.text("path"), offset, length, fields.text_or_none("recipe"))


@dataclass(frozen=True, slots=True)
class Session:
    """An upload session and its limits."""

    session: str
    state: str
    files: tuple[FileUpload, ...]
    chunk_bytes_max: int
    batch_bytes_max: int
    batch_chunks_max: int

    @staticmethod
    def of(fields: Fields) -> Session:
        limits = fields.inner(fields.raw.get("limits"), "limits")
        return Session(
            fields.text("session"),
            fields.text("state"),
            fields.each("files", FileUpload.of),
            limits.number("chunk_bytes_max"),
            limits.number("batch_bytes_max"),
            limits.number("batch_chunks_max"),
        )


@dataclass(frozen=True, slots=True)
class Failure:
    code: str
    message: str
    details: Mapping[str, object]

    @staticmethod
    def of(fields: Fields) -> Failure:
        details = fields.inner(fields.raw.get("details") or {}, "details").raw
        return Failure(fields.text("code"), fields.text("message"), details)


@dataclass(frozen=True, slots=True)
class Warned:
    """What the server noticed in a file that it took."""

    path: str
    code: str
    """unsupported-codec, av-sync, opaque-project, corrupted-container, container-warning."""
    warning: str

    @staticmethod
    def of(fields: Fields) -> Warned:
        return Warned(fields.text("path"), fields.text("code"), fields.text("warning"))


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit; `manifest`, `committed_at` and so on are there once it is published."""

    commit: str
    state: str
    """open, published, failed or compensated."""
    branch: str
    manifest: str | None
    parents: tuple[str, ...]
    author: str
    message: str
    committed_at: str | None
    step: str | None
    failure: Failure | None
    warnings: tuple[Warned, ...] = ()

    @staticmethod
    def of(fields: Fields) -> Commit:
        failure = fields.raw.get("failure")
        return Commit(
            fields.text("commit"),
            fields.text("state"),
            fields.text("branch"),
            fields.text_or_none("manifest"),
            fields.texts("parents"),
            fields.text("author"),
            fields.text("message"),
            fields.text_or_none("committed_at"),
            fields.text_or_none("step"),
            None if failure is None else Failure.of(fields.inner(failure, "failure")),
            fields.each("warnings", Warned.of) if "warnings" in fields.raw else (),
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit did to a path, against its first parent."""

    path: str
    kind: str
    """added, changed or removed."""
    size_bytes: int | None
    recipe: str | None

    @staticmethod
    def of(fields: Fields) -> Change:
        size_bytes, recipe = fields.number_or_none("size_bytes"), fields.text_or_none("recipe")
        return Change(fields.text("path"), fields.text("kind"), size_bytes, recipe)


@dataclass(frozen=True, slots=True)
class File:
    path: str
    size_bytes: int
    recipe: str

    @staticmethod
    def of(fields: Fields) -> File:
        return File(fields.text("path"), fields.number("size_bytes"), fields.text("recipe"))


Lease = Literal["until", "beating"]


@dataclass(frozen=True, slots=True)
class Lock:
    path: str
    holder: str
    token: int | None
    """The fencing token, shown to the holder alone."""
    lease: str
    lease_s: int
    since: str

    @staticmethod
    def of(fields: Fields) -> Lock:
        lease = fields.inner(fields.raw.get("lease"), "lease")
        return Lock(
            fields.text("path"),
            fields.text("holder"),
            fields.number_or_none("token"),
            lease.text("kind"),
            lease.number("seconds"),
            fields.text("since"),
        )


@dataclass(frozen=True, slots=True)
class Event:
    """One fact, as the log tells it. Events of one message share a position."""

    position: str
    index: int
    aggregate: str
    version: int
    topic: str
    recorded_at: str
    actor: str
    correlation_id: str
    event: Mapping[str, object]
    resume_after: str | None = None
    """Where to go on after this event was dealt with: its own position if it is the last of its message, else
    the message's before, so that the rest of a message is not missed."""

    @staticmethod
    def of(fields: Fields) -> Event:
        return Event(
            fields.text("position"),
            fields.number("index"),
            fields.text("aggregate"),
            fields.number("version"),
            fields.text("topic"),
            fields.text("recorded_at"),
            fields.text("actor"),
            fields.text("correlation_id"),
            fields.inner(fields.raw.get("event"), "event").raw,
        )


@dataclass(frozen=True, slots=True)
class EventPage:
    events: tuple[Event, ...]
    next: str | None
    """Where the following page begins."""
    end: bool
    """Nothing was recorded after this page when it was made."""

    @staticmethod
    def of(fields: Fields) -> EventPage:
        return EventPage(fields.each("events", Event.of), fields.text_or_none("next"), fields.truth("end"))


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as administrators see it."""

    consumer: str
    name: str
    key_id: str
    scopes: tuple[str, ...]
    repos: tuple[str, ...] | None
    version: str | None
    """The version of the API that it is pinned to."""
    requests_per_minute: int | None
    """Its consumer's limit; None is what everybody has."""

    @staticmethod
    def of(fields: Fields) -> Key:
        return Key(
            consumer=fields.text("consumer"),
            name=fields.text("name"),
            key_id=fields.text("key_id"),
            scopes=fields.texts("scopes"),
            repos=None if fields.raw.get("repos") is None else fields.texts("repos"),
            version=fields.text_or_none("version"),
            requests_per_minute=fields.number_or_none("requests_per_minute"),
        )


@dataclass(frozen=True, slots=True)
class IssuedKey:
    consumer: str
    key_id: str
    key: str | None
    """Shown once: a repeated call answers without it."""

    def __repr__(self) -> str:
        return f"IssuedKey(consumer={self.consumer!r}, key_id={self.key_id!r})"

    @staticmethod
    def of(fields: Fields) -> IssuedKey:
        return IssuedKey(fields.text("consumer"), fields.text("key_id"), fields.text_or_none("key"))


@dataclass(frozen=True, slots=True)
class Principal:
    """Who the server takes us for."""

    consumer: str
    name: str
    scopes: tuple[str, ...]
    repos: tuple[str, ...] | None

    @staticmethod
    def of(fields: Fields) -> Principal:
        repos = None if fields.raw.get("repos") is None else fields.texts("repos")
        return Principal(fields.text("consumer"), fields.text("name"), fields.texts("scopes"), repos)


@dataclass(frozen=True, slots=True)
class Projection:
    name: str
    version: int
    build: str | None
    """The schema that answers; None while nothing does."""
    position: str | None
    lag_events: int
    parked: int

    @staticmethod
    def of(fields: Fields) -> Projection:
        return Projection(
            fields.text("name"),
            fields.number("version"),
            fields.text_or_none("build"),
            fields.text_or_none("position"),
            fields.number("lag_events"),
            fields.number("parked"),
        )
