"""Reading a file, cutting it into chunks and naming them, in two threads and bounded memory.

Promises: chunks come in file order; at most `GROUPS_AHEAD` groups wait for their names; the page cache is
given back as the file is read, so that one large push does not empty it of everything else.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import BinaryIO

from .errors import FileMovedOnError, LocalFileError
from .format.chunking import OPAQUE, WIDE, Cutter, Profile
from .format.digest import Digest, digest_of
from .format.recipe import Recipe, Run, Stream
from .walking import LocalFile

GROUPS_AHEAD = 4
"""Groups of about 4 MiB that are cut but not named yet."""
WIDE_FROM_BYTES = 128 * 1024**3
"""A recipe names at most 1,048,576 chunks; opaque chunks are 320 KiB on average, and half of that is safe."""
GIVE_BACK_BYTES = 8 * 1024 * 1024
"""Of page cache at a time (house: Bytes)."""


@dataclass(frozen=True, slots=True)
class NamedChunk:
    digest: Digest
    content: memoryview

    @property
    def size_bytes(self) -> int:
        return len(self.content)


def profile_for(size_bytes: int) -> Profile:
    return OPAQUE if size_bytes < WIDE_FROM_BYTES else WIDE


class FileCutter:
    """Cuts files, one after the other. For one thread; hashing is done by the executor."""

    def __init__(self, hashers: Executor) -> None:
        self._hashers = hashers
        self._cutters = {profile.id: Cutter(profile) for profile in (OPAQUE, WIDE)}

    def chunks(self, local: LocalFile, rows: bytearray) -> Iterator[list[NamedChunk]]:
        """The chunks in groups, in file order; `rows` grows to the recipe's.

        Raises FileMovedOnError, LocalFileError.
        """
        waiting = deque[Future[list[NamedChunk]]]()
        for group in self._groups(local):
            waiting.append(self._hashers.submit(_named, group))
            if len(waiting) > GROUPS_AHEAD:
                yield _noted(waiting.popleft().result(), rows)
        while waiting:
            yield _noted(waiting.popleft().result(), rows)
        if not local.is_still_itself():
            raise FileMovedOnError(path=str(local.file))

    def _groups(self, local: LocalFile) -> Iterator[list[memoryview]]:
        cutter = self._cutters[profile_for(local.size_bytes).id]
        read_bytes = 0
        try:
            with local.file.open("rb", buffering=0) as file:
                while count := file.readinto(cutter.room()):
                    read_bytes += count
                    if group := cutter.filled(count):
                        yield group
                    give_back(file, read_bytes, count)
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise LocalFileError(path=str(local.file), verb="read", reason=reason) from error
        yield cutter.finish()


def recipe_of(local: LocalFile, rows: bytearray) -> Recipe:
    """Raises FormatError if the file has too many chunks."""
    if not rows:
        return Recipe((), ())
    return Recipe((Stream(profile_for(local.size_bytes).id, bytes(rows)),), (Run(0, local.size_bytes),))


def give_back(file: BinaryIO, position: int, count: int) -> None:
    """Let go of the page cache behind `position`, once every `GIVE_BACK_BYTES`."""
    before = (position - count) // GIVE_BACK_BYTES
    if position // GIVE_BACK_BYTES != before and hasattr(os, "posix_fadvise"):
        start = before * GIVE_BACK_BYTES
        os.posix_fadvise(file.fileno(), start, position - start, os.POSIX_FADV_DONTNEED)


def _named(group: list[memoryview]) -> list[NamedChunk]:
    return [NamedChunk(digest_of(content), content) for content in group]


def _noted(group: list[NamedChunk], rows: bytearray) -> list[NamedChunk]:
    for chunk in group:
        rows += chunk.digest + chunk.size_bytes.to_bytes(4, "big")
    return group
