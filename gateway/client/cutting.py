"""Reading a file, cutting it into chunks and naming them, in two threads and bounded memory.

Promises: what a file is cut by is chosen by its content (`format.cutters`); chunks come as the file is
read, each stream's in order; at most `GROUPS_AHEAD` groups wait for their names; the page cache is given
back as the file is read, so that one large push does not empty it of everything else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO

from .errors import FileMovedOnError, LocalFileError
from .format.chunking import OPAQUE, WIDE, Cutter, profile_for
from .format.cutters import cutter_for
from .format.digest import Digest, digest_of
from .format.media.cutting import StreamChunk
from .format.recipe import Recipe, Run, Stream
from .verifying import give_back, read_exactly, verified_bytes
from .walking import LocalFile

GROUPS_AHEAD = 4
"""Groups of about 4 MiB that are cut but not named yet."""


@dataclass(frozen=True, slots=True)
class NamedChunk:
    stream: int
    digest: Digest
    content: memoryview

    @property
    def size_bytes(self) -> int:
        return len(self.content)


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A local file that is read at any place. For one thread."""

    local: LocalFile
    file: FileIO

    @property
    def size_bytes(self) -> int:
        return self.local.size_bytes

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Raises FileMovedOnError, LocalFileError."""
        with _reading(self.local):
            self.file.seek(offset)
            content = read_exactly(self.file, min(size_bytes, max(0, self.size_bytes - offset)))
            give_back(self.file, offset + len(content), len(content))
        if len(content) < min(size_bytes, self.size_bytes - offset):
            raise FileMovedOnError(path=str(self.local.file))
        return content


class FileCut:
    """One file on its way into chunks. For one thread; hashing is done by the executor."""

    def __init__(self, local: LocalFile, file: FileIO, cutter: Cutter, hashers: Executor) -> None:
        """What is one chunk at most is not looked into."""
        self._local, self._file = local, file
        self._cutter, self._hashers = cutter, hashers
        is_large = local.size_bytes > OPAQUE.min_bytes
        self._chosen = cutter_for(LocalSource(local, file)) if is_large else None
        blind = (profile_for(local.size_bytes),)
        profiles = blind if self._chosen is None else self._chosen.profiles
        self._profiles = [profile.id for profile in profiles]
        self._rows = [bytearray() for _ in self._profiles]

    @property
    def size_bytes(self) -> int:
        """Of the file."""
        return self._local.size_bytes

    def groups(self) -> Iterator[list[NamedChunk]]:
        """The chunks, each stream's in order. Raises FileMovedOnError, LocalFileError."""
        waiting = deque[Future[list[NamedChunk]]]()
        for group in self._blind() if self._chosen is None else self._chosen.groups():
            waiting.append(self._hashers.submit(_named, group))
            if len(waiting) > GROUPS_AHEAD:
                yield self._noted(waiting.popleft().result())
        while waiting:
            yield self._noted(waiting.popleft().result())
        with _reading(self._local):
            if not self._local.is_still_itself():
                raise FileMovedOnError(path=str(self._local.file))

    def recipe(self) -> Recipe:
        """When all groups are out. Raises FormatError if the file has too many chunks."""
        if self._chosen is not None:
            return self._chosen.recipe(self._rows)
        (rows,) = self._rows
        if not rows:
            return Recipe((), ())
        return Recipe((Stream(self._profiles[0], bytes(rows)),), (Run(0, self._local.size_bytes),))

    def is_known_otherwise(self, committed: Recipe) -> bool:
        """Has the file the content of this recipe, which cuts it in another way?

        So it was committed before tracks were known, or by a client that leaves the cutting to the server.
        """
        same_way = [stream.profile_id for stream in committed.streams] == self._profiles
        if same_way or committed.size_bytes != self._local.size_bytes:
            return False
        with _reading(self._local):
            return verified_bytes(self._file, committed) == committed.size_bytes and (
                self._local.is_still_itself()
            )

    def _blind(self) -> Iterator[list[StreamChunk]]:
        read_bytes = 0
        self._file.seek(0)
        while count := self._fill(read_bytes):
            read_bytes += count
            if group := self._cutter.filled(count):
                yield [StreamChunk(0, content) for content in group]
        yield [StreamChunk(0, content) for content in self._cutter.finish()]

    def _fill(self, read_bytes: int) -> int:
        with _reading(self._local):
            count = self._file.readinto(self._cutter.room())
            give_back(self._file, read_bytes + count, count)
        return count

    def _noted(self, group: list[NamedChunk]) -> list[NamedChunk]:
        for chunk in group:
            self._rows[chunk.stream] += chunk.digest + chunk.size_bytes.to_bytes(4, "big")
        return group


class FileCutter:
    """Cuts files, one after the other. For one thread."""

    def __init__(self, hashers: Executor) -> None:
        self._hashers = hashers
        self._cutters = {profile.id: Cutter(profile) for profile in (OPAQUE, WIDE)}

    @contextmanager
    def opened(self, local: LocalFile) -> Generator[FileCut]:
        """Raises FileMovedOnError, LocalFileError."""
        with _reading(local):
            file = local.file.open("rb", buffering=0)
        with file:
            yield FileCut(local, file, self._cutters[profile_for(local.size_bytes).id], self._hashers)


@contextmanager
def _reading(local: LocalFile) -> Generator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise LocalFileError(path=str(local.file), verb="read", reason=reason) from error


def _named(group: list[StreamChunk]) -> list[NamedChunk]:
    return [NamedChunk(chunk.stream, digest_of(chunk.content), chunk.content) for chunk in group]
