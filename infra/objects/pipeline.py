"""A stream of bytes becomes durable chunks: read | cut | hash | write | sync | verify, overlapped.

Promises: parts come in file order, each durable when it is given, and verified if the store does that. After
an error, of the source or of the store, all that lies before it in the file is given first; the end of every
part is an offset at which the stream can be taken up again with the same cuts (S2.1).
Memory is flat: IN_FLIGHT_PARTS + 1 parts a stream. Nothing of a stream stays in the pool when its iterator
ends, however it ends; the source is read in the caller's thread only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_all
from dataclasses import dataclass

from domain.format.chunking import Cutter, Profile
from domain.format.digest import digest_of
from domain.ids import Digest
from domain.ports import ObjectName, ObjectStore

PART_BYTES = 16 << 20
"""One batch of the store, one step of progress: it shares two commits of the filesystem's journal."""
IN_FLIGHT_PARTS = 3
"""While one waits for the disk, one is written and one is read back; more adds memory and no speed."""
PIECE_BYTES = 1 << 20
"""What the cutter is given at once, so that one large block does not become one large part."""

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class PlacedChunk:
    """A chunk that is in the store."""

    digest: Digest
    size_bytes: int
    was_there: bool


@dataclass(frozen=True, slots=True)
class Part:
    """The next chunks of the stream, in order, all of them stored."""

    chunks: tuple[PlacedChunk, ...]
    end_offset: int
    """Where the stream can be taken up again after this part."""


class StorePipeline:
    """One pool of threads for all streams into one store. Safe for threads."""

    def __init__(self, store: ObjectStore, *, threads: int) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"store-{store.location}")

    def close(self) -> None:
        self._pool.shutdown()

    def store(self, blocks: Iterable[Buffer], profile: Profile, *, start: int = 0) -> Generator[Part]:
        """Store what comes; a block may be reused as soon as the next one is asked for.

        `start` is the file offset of the first byte: 0 or the end of an earlier part. Raises what `blocks`
        and the store raise.
        """
        under_way = _UnderWay(start)
        try:
            try:
                for batch in _batches(blocks, profile):
                    under_way.add(self._pool.submit(self._place, batch))
                    yield from under_way.given(left_max=IN_FLIGHT_PARTS - 1)
            finally:
                yield from under_way.rest()
        finally:
            under_way.stop()

    def _place(self, chunks: list[memoryview]) -> tuple[PlacedChunk, ...]:
        objects = [(ObjectName("chunks", Digest(digest_of(chunk))), chunk) for chunk in chunks]
        receipts = self._store.put(objects)
        return tuple(
            PlacedChunk(name.digest, len(chunk), receipt.was_there)
            for (name, chunk), receipt in zip(objects, receipts, strict=True)
        )


class _UnderWay:
    """The parts of one stream that are being stored, in file order."""

    def __init__(self, start: int) -> None:
        self._offset = start
        self._parts = deque[Future[tuple[PlacedChunk, ...]]]()
        self._unbroken = True

    def add(self, part: Future[tuple[PlacedChunk, ...]]) -> None:
        self._parts.append(part)

    def given(self, left_max: int) -> Iterator[Part]:
        """Parts from the head that are done, waiting while more than `left_max` are left."""
        while self._parts and (len(self._parts) > left_max or self._parts[0].done()):
            self._unbroken = False  # and stays so if this part failed or its reader went away
            chunks = self._parts.popleft().result()
            self._offset += sum(chunk.size_bytes for chunk in chunks)
            yield Part(chunks, self._offset)
            self._unbroken = True

    def rest(self) -> Iterator[Part]:
        """All that is left; nothing if a part before it is missing or nobody reads any more."""
        if self._unbroken:
            yield from self.given(left_max=0)

    def stop(self) -> None:
        for part in self._parts:
            part.cancel()
        wait_for_all(self._parts)


def _batches(blocks: Iterable[Buffer], profile: Profile) -> Iterator[list[memoryview]]:
    """Chunks in file order, PART_BYTES at a time. If the source fails, what is cut comes before its error."""
    cutter, batch, size_bytes = Cutter(profile), list[memoryview](), 0
    try:
        for piece in _pieces(blocks):
            chunks = cutter.feed(piece)
            batch += chunks
            size_bytes += sum(map(len, chunks))
            if size_bytes >= PART_BYTES:
                full, batch, size_bytes = batch, [], 0
                yield full
        batch += cutter.finish()
    finally:
        if batch:
            yield batch


def _pieces(blocks: Iterable[Buffer]) -> Iterator[memoryview]:
    for block in blocks:
        view = memoryview(block).cast("B")
        for at in range(0, len(view), PIECE_BYTES):
            yield view[at : at + PIECE_BYTES]
