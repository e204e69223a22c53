"""A store that does not take on more than it can carry.

Promises: at most so many operations and so many bytes are under way at once, over all callers; who comes
later waits, and is told to come back after `wait_s`. A write counts its bytes, a read the largest chunk.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from threading import Condition

from domain.errors import UnavailableError
from domain.format.chunking import CHUNK_BYTES_MAX
from domain.ids import Digest
from domain.ports import PUT_BYTES_MAX, ObjectName, ObjectStore, StoredObject

WAIT_S = 30.0
"""As long as one request to a store may take by default: who waits longer is better told."""


class BoundedStore:
    """Decorates any ObjectStore."""

    def __init__(
        self, inner: ObjectStore, *, operations_max: int, bytes_max: int, wait_s: float = WAIT_S
    ) -> None:
        assert operations_max >= 1, operations_max
        assert bytes_max >= PUT_BYTES_MAX, bytes_max
        self._inner = inner
        self._operations_left = operations_max
        self._bytes_left = bytes_max
        self._wait_s = wait_s
        self._freed = Condition()

    @property
    def location(self) -> str:
        return self._inner.location

    def put(self, objects: Sequence[tuple[ObjectName, bytes | memoryview]]) -> tuple[StoredObject, ...]:
        with self._place(sum(len(content) for _, content in objects)):
            return self._inner.put(objects)

    def read_back(self, names: Sequence[ObjectName]) -> tuple[Digest | None, ...]:
        with self._place(CHUNK_BYTES_MAX):
            return self._inner.read_back(names)

    def mend(self, name: ObjectName, content: bytes | memoryview) -> None:
        with self._place(len(content)):
            self._inner.mend(name, content)

    def get(self, name: ObjectName) -> bytes:
        with self._place(CHUNK_BYTES_MAX):
            return self._inner.get(name)

    def size(self, name: ObjectName) -> int | None:
        with self._place(0):
            return self._inner.size(name)

    def list(self, kind: str) -> Iterator[ObjectName]:
        """Not counted: a listing lasts as long as its reader wishes."""
        return self._inner.list(kind)

    def check(self) -> None:
        """Not counted: whether the store is there must be known above all when it is busy."""
        self._inner.check()

    @contextmanager
    def _place(self, size_bytes: int) -> Generator[None]:
        with self._freed:
            if not self._freed.wait_for(lambda: self._fits(size_bytes), self._wait_s):
                raise UnavailableError(dependency=f"store {self.location} (busy)")
            self._operations_left -= 1
            self._bytes_left -= size_bytes
        try:
            yield
        finally:
            with self._freed:
                self._operations_left += 1
                self._bytes_left += size_bytes
                self._freed.notify_all()

    def _fits(self, size_bytes: int) -> bool:
        return self._operations_left > 0 and self._bytes_left >= size_bytes
