"""A store that asks again when the world was briefly away (house: our own pacing).

Promises: only UnavailableError is tried again, at most TRIES_MAX times in all, with full jitter (Brooker,
"Exponential Backoff and Jitter") below growing limits; every operation of the port may be repeated without
harm. After an unanswered `put` that did land, the repeated one says `was_there`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from domain.errors import UnavailableError
from domain.ids import Digest
from domain.ports import Clock, Ids, ObjectName, ObjectStore, StoredObject

R = TypeVar("R")

TRIES_MAX = 5
"""With the waits below: at most 3 s of waiting before the caller, who may hold a request, hears of it."""
FIRST_WAIT_S = 0.2


class RetryingStore:
    """Decorates any ObjectStore."""

    def __init__(self, inner: ObjectStore, clock: Clock, ids: Ids) -> None:
        self._inner = inner
        self._clock = clock
        self._ids = ids

    @property
    def location(self) -> str:
        return self._inner.location

    def put(self, objects: Sequence[tuple[ObjectName, bytes | memoryview]]) -> tuple[StoredObject, ...]:
        return self._tried(lambda: self._inner.put(objects))

    def read_back(self, names: Sequence[ObjectName]) -> tuple[Digest | None, ...]:
        return self._tried(lambda: self._inner.read_back(names))

    def mend(self, name: ObjectName, content: bytes | memoryview) -> None:
        self._tried(lambda: self._inner.mend(name, content))

    def get(self, name: ObjectName) -> bytes:
        return self._tried(lambda: self._inner.get(name))

    def size(self, name: ObjectName) -> int | None:
        return self._tried(lambda: self._inner.size(name))

    def list(self, kind: str) -> Iterator[ObjectName]:
        """A listing that breaks off starts anew and goes on behind the last name it gave."""
        last, names = b"", self._inner.list(kind)

        def following() -> ObjectName | None:
            nonlocal names
            try:
                return next((name for name in names if name.digest > last), None)
            except UnavailableError:
                names = self._inner.list(kind)
                raise

        while (name := self._tried(following)) is not None:
            last = name.digest
            yield name

    def check(self) -> None:
        self._inner.check()

    def _tried(self, operation: Callable[[], R]) -> R:
        for attempt in range(TRIES_MAX - 1):
            try:
                return operation()
            except UnavailableError:
                self._clock.sleep(FIRST_WAIT_S * 2**attempt * self._ids.jitter())
        return operation()
