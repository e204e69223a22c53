"""The object store that forgets: a dictionary with the promises of the port, for tests and for models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock

from domain.errors import ChunkNotFoundError
from domain.format.digest import digest_of
from domain.ids import Digest
from domain.ports import PUT_BYTES_MAX, ObjectName, StoredObject


class MemoryStore:
    """Objects by name. Safe for threads."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._objects: dict[ObjectName, bytes] = {}
        self._lock = Lock()

    @property
    def location(self) -> str:
        return self._location

    def put(self, objects: Sequence[tuple[ObjectName, bytes | memoryview]]) -> tuple[StoredObject, ...]:
        assert sum(len(content) for _, content in objects) <= PUT_BYTES_MAX
        return tuple(self._put_one(name, content) for name, content in objects)

    def read_back(self, names: Sequence[ObjectName]) -> tuple[Digest | None, ...]:
        held = [self._objects.get(name) for name in names]
        return tuple(None if content is None else digest_of(content) for content in held)

    def mend(self, name: ObjectName, content: bytes | memoryview) -> None:
        assert digest_of(content) == name.digest, name
        self._objects[name] = bytes(content)

    def get(self, name: ObjectName) -> bytes:
        content = self._objects.get(name)
        if content is None:
            raise ChunkNotFoundError(name=name.digest.hex())
        return content

    def size(self, name: ObjectName) -> int | None:
        content = self._objects.get(name)
        return None if content is None else len(content)

    def list(self, kind: str) -> Iterator[ObjectName]:
        names = [name for name in tuple(self._objects) if name.kind == kind]
        yield from sorted(names, key=lambda name: name.digest)

    def check(self) -> None:
        """Memory is always there."""

    def _put_one(self, name: ObjectName, content: bytes | memoryview) -> StoredObject:
        with self._lock:
            there = self._objects.get(name)
            if there is None:
                self._objects[name] = bytes(content)
                return StoredObject(name, len(content), was_there=False)
            return StoredObject(name, len(there), was_there=True)
