"""Asking what the server has and sending what it lacks, a few windows at a time.

Promises: memory is bounded by `WINDOWS_IN_FLIGHT` windows of `WINDOW_BYTES`, whatever the size of the
files; a chunk is asked for once while it is remembered; an error in a thread ends the push in the
caller's.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Container, Iterable, Iterator
from concurrent.futures import Executor, Future

from .cutting import NamedChunk
from .format.digest import Digest
from .frames import HEAD_BYTES
from .progress import Tally
from .sessions import Upload
from .wire import Buffer

MIB = 1 << 20
WINDOW_BYTES = 16 * MIB
"""Of memory held by the chunks of one question; few questions for a file that is known, little memory for one
that is not."""
WINDOWS_IN_FLIGHT = 3
BATCH_BYTES = 16 * MIB
"""Sent in one request, if the server's limit is not lower; lost work if the connection is."""
REMEMBERED_CHUNKS = 65_536
"""Already asked for: about 10 MiB of memory, 20 GiB of file."""


class Sender:
    """Takes chunks in any number; `flush` returns when the server has all of them. For one thread."""

    def __init__(self, upload: Callable[[], Upload], threads: Executor, tally: Tally) -> None:
        """`upload` is called, in the caller's thread, when there is something to ask for."""
        self._upload = upload
        self._threads = threads
        self._tally = tally
        self._window = Window()
        self._in_flight = deque[Future[None]]()
        self._remembered: OrderedDict[Digest, None] = OrderedDict()

    def offer(self, chunk: NamedChunk, committed: Container[Digest] = ()) -> None:
        """May wait until an earlier window is through. What is committed need not be asked for."""
        if chunk.digest in self._remembered or chunk.digest in committed:
            self._tally.add(known=chunk.size_bytes)
            return
        self._remembered[chunk.digest] = None
        if len(self._remembered) > REMEMBERED_CHUNKS:
            self._remembered.popitem(last=False)
        self._window.add(chunk)
        if self._window.held_bytes >= WINDOW_BYTES:
            self._send_window()

    def flush(self) -> None:
        self._send_window()
        while self._in_flight:
            self._in_flight.popleft().result()

    def _send_window(self) -> None:
        window, self._window = self._window, Window()
        if not window.chunks:
            return
        while len(self._in_flight) >= WINDOWS_IN_FLIGHT:
            self._in_flight.popleft().result()
        self._in_flight.append(self._threads.submit(self._settle, self._upload(), window.chunks))

    def _settle(self, upload: Upload, chunks: list[NamedChunk]) -> None:
        """In a thread of the pool."""
        missing = set(upload.missing([chunk.digest for chunk in chunks]))
        wanted = [chunk for chunk in chunks if chunk.digest in missing]
        self._tally.add(known=sum(chunk.size_bytes for chunk in chunks if chunk.digest not in missing))
        for batch in upload_batches(upload, ((chunk.digest, chunk.content) for chunk in wanted)):
            upload.send_chunks(batch)
            self._tally.add(sent=sum(len(content) for _, content in batch))


class Window:
    """Chunks that wait to be asked for, and the memory that they keep alive."""

    def __init__(self) -> None:
        self.chunks: list[NamedChunk] = []
        self.held_bytes = 0
        self._arenas = set[int]()

    def add(self, chunk: NamedChunk) -> None:
        """A chunk is a view of an arena and keeps all of it: counted once, when a window first meets it."""
        arena = chunk.content.obj
        if id(arena) not in self._arenas:
            self._arenas.add(id(arena))
            self.held_bytes += len(arena)  # type: ignore[arg-type] # a buffer of bytes
        self.chunks.append(chunk)


def upload_batches(
    upload: Upload, objects: Iterable[tuple[Digest, Buffer]]
) -> Iterator[list[tuple[Digest, Buffer]]]:
    """Within the server's limits and ours."""
    limit = upload.session
    bytes_max = min(BATCH_BYTES, limit.batch_bytes_max)
    return batches(objects, bytes_max=bytes_max, count_max=limit.batch_chunks_max)


def batches(
    objects: Iterable[tuple[Digest, Buffer]], *, bytes_max: int, count_max: int
) -> Iterator[list[tuple[Digest, Buffer]]]:
    """Objects in requests of at most so many bytes (heads counted) and frames; one too large goes alone."""
    batch, size_bytes = list[tuple[Digest, Buffer]](), 0
    for digest, content in objects:
        framed_bytes = HEAD_BYTES + len(content)
        if batch and (size_bytes + framed_bytes > bytes_max or len(batch) >= count_max):
            yield batch
            batch, size_bytes = [], 0
        batch.append((digest, content))
        size_bytes += framed_bytes
    if batch:
        yield batch
