"""Objects as files of one directory: ``<root>/chunks/ab/cd/<hash>`` (house: Bytes).

Promises: a file has its final name only when its bytes are durable, and is acknowledged only when that name
is; a name is given with link(2), which never overwrites. So any crash or power cut leaves whole objects or
none. Written objects leave the page cache at once: what is read back came from the medium.

One thread a put, several puts at once. Write-back of each file is started as soon as it is written, so the
syncs that follow find most of the work done: measured against one syncfs a batch, a pool of syncing threads
and O_DIRECT (`docs/decisions/0020-one-object-a-chunk.md`).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from blake3 import blake3

from domain.errors import ChunkNotFoundError, InsufficientStorageError, UnavailableError
from domain.format.digest import digest_of
from domain.ids import Digest
from domain.ports import PUT_BYTES_MAX, Ids, ObjectName, StoredObject
from infra.objects.page_cache import DIRECTORY_MODE, expect, forget, sync_directory, sync_file
from infra.objects.staging import Staged, Staging

OPEN_FILES_MAX = 64
"""Of one put or read_back: several run at once, and a process may have 1,024 (macOS: 256) by default."""
FILES_AHEAD = 8
"""Files asked for before the one that is hashed: 2 MiB of the smallest profile keep a disk busy."""
READ_BYTES = 1 << 20
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
OBJECT_FILE = re.compile(r"[0-9a-f]{64}")

T = TypeVar("T")
Object = tuple[ObjectName, bytes | memoryview]


class LocalStore:
    """One directory of one filesystem. Safe for threads and for several processes."""

    def __init__(self, location: str, root: Path, ids: Ids) -> None:
        self._location = location
        self._root = root
        self._lasting = {root}
        """Directories whose own entry is durable, at most 65,793 a kind: each is synced into place once."""
        with _as_domain_errors(location):
            root.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            sync_directory(root.parent)
            self._staging = Staging(root / "incoming", ids)

    @property
    def location(self) -> str:
        return self._location

    def close(self) -> None:
        self._staging.close()

    def put(self, objects: Sequence[Object]) -> tuple[StoredObject, ...]:
        assert sum(len(content) for _, content in objects) <= PUT_BYTES_MAX
        with _as_domain_errors(self._location):
            receipts = tuple(receipt for group in _groups(objects) for receipt in self._put_group(group))
            # Also for what was there: another put may have named it and not be done with syncing.
            self._sync_directories({self._path(name).parent for name, _ in objects})
        return receipts

    def read_back(self, names: Sequence[ObjectName]) -> tuple[Digest | None, ...]:
        paths = [self._path(name) for name in names]
        with _as_domain_errors(self._location):
            return tuple(digest for group in _groups(paths) for digest in _digests(group))

    def mend(self, name: ObjectName, content: bytes | memoryview) -> None:
        assert digest_of(content) == name.digest, name
        path = self._path(name)
        with _as_domain_errors(self._location), ExitStack() as cleanup:
            staged = self._stage(content, cleanup)
            sync_file(staged.fd)
            _make_directory(path.parent)
            staged.path.replace(path)
            forget(staged.fd)
            self._sync_directories({path.parent})

    def get(self, name: ObjectName) -> bytes:
        with _as_domain_errors(self._location):
            try:
                return self._path(name).read_bytes()
            except FileNotFoundError as error:
                raise ChunkNotFoundError(name=name.digest.hex()) from error

    def size(self, name: ObjectName) -> int | None:
        with _as_domain_errors(self._location):
            return _size(self._path(name))

    def list(self, kind: str) -> Iterator[ObjectName]:
        with _as_domain_errors(self._location):
            for upper in _entries(self._root / kind):
                for lower in _entries(upper):
                    for file in _entries(lower):
                        if OBJECT_FILE.fullmatch(file.name):
                            yield ObjectName(kind, Digest(bytes.fromhex(file.name)))

    def check(self) -> None:
        with _as_domain_errors(self._location), ExitStack() as cleanup:
            sync_file(self._stage(b"can this be written?", cleanup).fd)

    def _path(self, name: ObjectName) -> Path:
        return self._root / name.key

    def _stage(self, content: bytes | memoryview, cleanup: ExitStack) -> Staged:
        staged = self._staging.write(content)
        cleanup.callback(staged.discard)
        return staged

    def _put_group(self, objects: Sequence[Object]) -> tuple[StoredObject, ...]:
        there = {name: _size(self._path(name)) for name, _ in objects}
        absent = {name: content for name, content in objects if there[name] is None}
        with ExitStack() as cleanup:
            staged = {name: self._stage(content, cleanup) for name, content in absent.items()}
            for file in staged.values():
                sync_file(file.fd)
            new = {name for name, file in staged.items() if _publish(file, self._path(name))}
        receipts = list[StoredObject]()
        for name, content in objects:
            receipts.append(StoredObject(name, there[name] or len(content), was_there=name not in new))
            new.discard(name)  # named twice in one batch, it is there the second time
        return tuple(receipts)

    def _sync_directories(self, changed: set[Path]) -> None:
        """Make the entries in these directories durable, and the way from the root to them."""
        fresh, ahead = set[Path](), list(changed)
        while ahead:
            directory = ahead.pop()
            if directory not in self._lasting and directory not in fresh:
                fresh.add(directory)
                ahead.append(directory.parent)
        for directory in changed | {directory.parent for directory in fresh}:
            sync_directory(directory)
        self._lasting |= fresh


def _groups(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(items), OPEN_FILES_MAX):
        yield items[at : at + OPEN_FILES_MAX]


def _publish(file: Staged, path: Path) -> bool:
    """Give the file its name; False if the name was given before."""
    try:
        os.link(file.path, path)
    except FileExistsError:
        return False
    except FileNotFoundError:
        _make_directory(path.parent)
        return _publish(file, path)
    forget(file.fd)
    return True


def _make_directory(directory: Path) -> None:
    """With its parents, all of DIRECTORY_MODE (mkdir with parents=True gives that to the last one only)."""
    try:
        directory.mkdir(DIRECTORY_MODE, exist_ok=True)
    except FileNotFoundError:
        _make_directory(directory.parent)
        _make_directory(directory)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _digests(paths: Sequence[Path]) -> list[Digest | None]:
    with ExitStack() as opened:
        fds = [_open(path, opened) for path in paths]
        for fd in fds[:FILES_AHEAD]:
            _expect_anew(fd)
        buffer, digests = bytearray(READ_BYTES), list[Digest | None]()
        for at, fd in enumerate(fds):
            for ahead in fds[at + FILES_AHEAD :][:1]:
                _expect_anew(ahead)
            digests.append(None if fd is None else _digest(fd, buffer))
        return digests


def _open(path: Path, opened: ExitStack) -> int | None:
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    opened.callback(os.close, fd)
    return fd


def _expect_anew(fd: int | None) -> None:
    if fd is not None:
        forget(fd)
        expect(fd)


def _digest(fd: int, buffer: bytearray) -> Digest:
    hasher, view = blake3(), memoryview(buffer)
    while size_bytes := os.readv(fd, [buffer]):
        hasher.update(view[:size_bytes])
    forget(fd)
    return Digest(hasher.digest())


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


@contextmanager
def _as_domain_errors(location: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise InsufficientStorageError(store=location) from error
        reason = errno.errorcode.get(error.errno or 0, type(error).__name__)
        raise UnavailableError(dependency=f"store {location} ({reason})") from error
