"""Refusals remembered for a day: a retry of a refused command hears the same (house: Idempotency).

A courtesy and no more: effects are remembered by the log itself (I6), a refusal has none, so losing one only
means that the command is decided again.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import ClassVar, Protocol

from pydantic import ConfigDict, TypeAdapter, ValidationError

from domain.errors import DitsError, Fact, Kind
from domain.ids import derived_id
from domain.ports import Clock

LIFETIME_MS = 24 * 3600 * 1000
REMEMBERED_MAX = 100_000
"""Of the memory adapter: about 50 MB; the oldest go first, which a courtesy may."""
REMEMBERED_KINDS: frozenset[Kind] = frozenset({"missing", "conflict", "gone", "unprocessable"})
"""What the domain decided. A malformed request is the same every time; `unavailable` must be tried again."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One command of one consumer."""

    consumer: str
    command: str
    key: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as it was answered."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")
    body_digest: bytes
    code: str
    message: str
    details: tuple[tuple[str, Fact], ...]

    @property
    def is_acceptance(self) -> bool:
        return self.code == ""


class Answers(Protocol):
    """Where refusals are remembered for about a day. Both raise UnavailableError, which callers pass over."""

    def recall(self, scope: Scope) -> Refusal | None: ...

    def keep(self, scope: Scope, refusal: Refusal) -> None: ...


def accepted(body_digest: bytes) -> Refusal:
    """No refusal: the key was used for this body, and its effect is in the log."""
    return Refusal(body_digest, "", "", ())


def refusal_of(error: DitsError, body_digest: bytes) -> Refusal | None:
    """What is to be remembered of an error; None if the same request may fare better next time."""
    if error.kind not in REMEMBERED_KINDS:
        return None
    return Refusal(body_digest, error.code, error.message, tuple(error.facts.items()))


class Bucket(Protocol):
    """Bytes by name, kept for about a day. Both raise UnavailableError."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, answer: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class BucketAnswers:
    """The adapter that all gateway processes share."""

    bucket: Bucket

    def recall(self, scope: Scope) -> Refusal | None:
        """What another version kept in another form is passed over: it is a courtesy."""
        kept = self.bucket.get(_bucket_name(scope))
        try:
            return None if kept is None else REFUSAL.validate_json(kept)
        except ValidationError:
            return None

    def keep(self, scope: Scope, refusal: Refusal) -> None:
        self.bucket.put(_bucket_name(scope), REFUSAL.dump_json(refusal))


REFUSAL = TypeAdapter(Refusal)


def _bucket_name(scope: Scope) -> str:
    return derived_id("answer", scope.consumer, scope.command, scope.key)


class MemoryAnswers:
    """The adapter that forgets with its process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[Scope, tuple[int, Refusal]] = {}
        self._lock = Lock()

    def recall(self, scope: Scope) -> Refusal | None:
        kept_at_ms, refusal = self._kept.get(scope, (0, None))
        return refusal if self._clock.monotonic_ms() - kept_at_ms < LIFETIME_MS else None

    def keep(self, scope: Scope, refusal: Refusal) -> None:
        with self._lock:
            self._kept[scope] = (self._clock.monotonic_ms(), refusal)
            while len(self._kept) > REMEMBERED_MAX:
                del self._kept[next(iter(self._kept))]
