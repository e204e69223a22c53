"""Object stores that fail as told: the world's part in the tests of the decorators and of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.errors import DitsError, UnavailableError
from domain.ids import Digest
from domain.ports import ObjectName, StoredObject
from infra.objects.memory import MemoryStore


class FlippingStore(MemoryStore):
    """Stores the next `flips` writes with their first bit wrong (seed S1.1)."""

    def __init__(self, flips: int) -> None:
        super().__init__("hot")
        self.flips_left = flips
        self.writes = 0

    def put(self, objects: Sequence[tuple[ObjectName, bytes | memoryview]]) -> tuple[StoredObject, ...]:
        return super().put([(name, self._written(content)) for name, content in objects])

    def mend(self, name: ObjectName, content: bytes | memoryview) -> None:
        self._objects[name] = self._written(content)

    def _written(self, content: bytes | memoryview) -> bytes:
        self.writes += 1
        if self.flips_left == 0:
            return bytes(content)
        self.flips_left -= 1
        return bytes([content[0] ^ 1]) + bytes(content[1:])


class FailingStore(MemoryStore):
    """Raises these errors, one a call, then works. A listing breaks off behind its first name."""

    def __init__(self, *errors: DitsError) -> None:
        super().__init__("hot")
        self.errors = list(errors)
        self.calls = 0

    def put(self, objects: Sequence[tuple[ObjectName, bytes | memoryview]]) -> tuple[StoredObject, ...]:
        self._fail()
        return super().put(objects)

    def get(self, name: ObjectName) -> bytes:
        self._fail()
        return super().get(name)

    def read_back(self, names: Sequence[ObjectName]) -> tuple[Digest | None, ...]:
        self._fail()
        return super().read_back(names)

    def list(self, kind: str) -> Iterator[ObjectName]:
        for name in super().list(kind):
            yield name
            self._fail()

    def _fail(self) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


def unavailable() -> UnavailableError:
    return UnavailableError(dependency="store hot")
