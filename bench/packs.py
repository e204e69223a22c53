"""What Dits does not do: the chunks of a batch in one file. Built only to be measured by `bench/store.py`.

One pack a put: it needs two syncs for 16 MiB where one object a chunk needs two for every chunk. Leaves out
what packs would cost later: an index that survives a crash, and repacking around holes when chunks go.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

from domain.errors import ChunkNotFoundError
from domain.format.digest import digest_of
from domain.ids import Digest
from domain.ports import ObjectName, StoredObject
from infra.objects.page_cache import expect, forget, sync_directory, sync_file


class PackStore:
    """An ObjectStore as far as the pipeline needs one."""

    def __init__(self, location: str, root: Path) -> None:
        self.location = location
        self._root = root
        self._places: dict[ObjectName, tuple[Path, int, int]] = {}
        self._packs = 0
        self._lock = Lock()
        root.mkdir(parents=True)

    def put(self, objects: Sequence[tuple[ObjectName, bytes | memoryview]]) -> tuple[StoredObject, ...]:
        with self._lock:
            self._packs += 1
            path = self._root / f"{self._packs:08}"
        fd, at = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 0
        new = {name: content for name, content in objects if name not in self._places}
        for name, content in new.items():
            os.write(fd, content)
            forget(fd)
            self._places[name] = (path, at, len(content))
            at += len(content)
        sync_file(fd)
        forget(fd)
        os.close(fd)
        sync_directory(self._root)
        return tuple(StoredObject(name, len(content), was_there=name not in new) for name, content in objects)

    def read_back(self, names: Sequence[ObjectName]) -> tuple[Digest | None, ...]:
        packs = {path: os.open(path, os.O_RDONLY) for path, _, _ in map(self._places.__getitem__, names)}
        for fd in packs.values():
            forget(fd)
            expect(fd)
        try:
            return tuple(self._digest(packs, name) for name in names)
        finally:
            for fd in packs.values():
                forget(fd)
                os.close(fd)

    def get(self, name: ObjectName) -> bytes:
        if name not in self._places:
            raise ChunkNotFoundError(name=name.digest.hex())
        path, at, size_bytes = self._places[name]
        return path.read_bytes()[at : at + size_bytes]

    def mend(self, name: ObjectName, content: bytes | memoryview) -> None:
        path, at, _ = self._places[name]
        with path.open("r+b") as pack:
            pack.seek(at)
            pack.write(content)

    def size(self, name: ObjectName) -> int | None:
        return self._places[name][2] if name in self._places else None

    def list(self, kind: str) -> Iterator[ObjectName]:
        yield from sorted((name for name in self._places if name.kind == kind), key=lambda name: name.digest)

    def check(self) -> None:
        """Always there."""

    def _digest(self, packs: dict[Path, int], name: ObjectName) -> Digest:
        path, at, size_bytes = self._places[name]
        return digest_of(os.pread(packs[path], size_bytes, at))
