"""A store that believes only what it has read back (I8, seed S1.1).

Promises: `put` returns when every object was read back from the medium and hashes to its name, also those
that were there before; wrong ones are written once more in place, then WriteVerificationError. `get` never
returns bytes that do not hash to their name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.errors import CorruptObjectError, WriteVerificationError
from domain.format.digest import digest_of
from domain.ids import Digest
from domain.ports import ObjectName, ObjectStore, StoredObject


class VerifiedStore:
    """Decorates any ObjectStore."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner

    @property
    def location(self) -> str:
        return self._inner.location

    def put(self, objects: Sequence[tuple[ObjectName, bytes | memoryview]]) -> tuple[StoredObject, ...]:
        receipts = self._inner.put(objects)
        wrong = {name for name, _ in self._wrong([name for name, _ in objects])}
        for name, content in objects:
            if name in wrong:
                self.mend(name, content)
        return receipts

    def read_back(self, names: Sequence[ObjectName]) -> tuple[Digest | None, ...]:
        return self._inner.read_back(names)

    def mend(self, name: ObjectName, content: bytes | memoryview) -> None:
        self._inner.mend(name, content)
        for _, actual in self._wrong([name]):
            raise WriteVerificationError(name=name.digest.hex(), actual=actual.hex() if actual else "nothing")

    def get(self, name: ObjectName) -> bytes:
        content = self._inner.get(name)
        if digest_of(content) != name.digest:
            raise CorruptObjectError(name=name.digest.hex())
        return content

    def size(self, name: ObjectName) -> int | None:
        return self._inner.size(name)

    def list(self, kind: str) -> Iterator[ObjectName]:
        return self._inner.list(kind)

    def check(self) -> None:
        self._inner.check()

    def _wrong(self, names: Sequence[ObjectName]) -> tuple[tuple[ObjectName, Digest | None], ...]:
        digests = self._inner.read_back(names)
        read = zip(names, digests, strict=True)
        return tuple((name, actual) for name, actual in read if actual != name.digest)
