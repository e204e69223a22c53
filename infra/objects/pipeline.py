"""A stream of bytes becomes durable chunks: read | cut | hash | write | sync | verify, overlapped.

Promises: parts come in file order, each durable when it is given, and verified if the store does that. After
an error, of the source or of the store, all that lies before it in the file is still given; the end of every
part is an offset at which the stream can be taken up again with the same cuts (S2.1).
Memory is flat: IN_FLIGHT_PARTS + 1 parts a stream. Nothing of a stream stays in the pool when it is over,
however it ends; the source is read in the caller's thread only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_all
from contextvars import copy_context

from domain.errors import DitsError
from domain.format.chunking import Cutter, Profile
from domain.format.digest import digest_of
from domain.ports import ObjectName, ObjectStore, Part, PlacedChunk

PART_BYTES = 16 << 20
"""One batch of the store, one step of progress: it shares two commits of the filesystem's journal."""
IN_FLIGHT_PARTS = 4
"""One is written, one read back, two wait for the disk; a fifth adds 16 MiB of memory and no speed."""
PIECE_BYTES = 1 << 20
"""What the cutter is given at once, so that one large block does not become one large part."""

Buffer = bytes | bytearray | memoryview
Placed = tuple[PlacedChunk, ...]


class StorePipeline:
    """One pool of threads for all streams into one store: the adapter of the port StreamStore."""

    def __init__(self, store: ObjectStore, *, threads: int, part_bytes: int = PART_BYTES) -> None:
        self.part_bytes = part_bytes
        self._store = store
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"store-{store.location}")

    @property
    def location(self) -> str:
        return self._store.location

    def close(self) -> None:
        self._pool.shutdown()

    def begin(self, profile: Profile, start: int) -> Stream:
        """A stream that is written block by block, from one thread at a time."""
        return Stream(self, profile, start)

    def store(self, blocks: Iterable[Buffer], profile: Profile, *, start: int = 0) -> Generator[Part]:
        """Store what comes; a block may be reused as soon as the next one is asked for.

        `start` is the file offset of the first byte: 0 or the end of an earlier part. Raises what `blocks`
        and the store raise.
        """
        stream = self.begin(profile, start)
        try:
            for block in blocks:
                yield from stream.write(block)
            yield from stream.end()
        except GeneratorExit:
            stream.stop()
            raise
        except BaseException:
            yield from stream.stop()
            raise

    def submit(self, chunks: list[memoryview]) -> Future[Placed]:
        """Hash and store one part in the pool."""
        return self._pool.submit(copy_context().run, self._place, chunks)

    def _place(self, chunks: list[memoryview]) -> Placed:
        objects = [(ObjectName("chunks", digest_of(chunk)), chunk) for chunk in chunks]
        receipts = self._store.put(objects)
        return tuple(
            PlacedChunk(name.digest, len(chunk), receipt.was_there)
            for (name, chunk), receipt in zip(objects, receipts, strict=True)
        )


class Stream:
    """One stream on its way into the store (port Pouring)."""

    def __init__(self, pipeline: StorePipeline, profile: Profile, start: int) -> None:
        self._pipeline = pipeline
        self._cutter = Cutter(profile)
        self._offset = start
        self._batch = list[memoryview]()
        self._batch_bytes = 0
        self._under_way = deque[Future[Placed]]()
        self._ready = list[Part]()
        """Durable, and not given yet."""

    def write(self, block: Buffer) -> list[Part]:
        for piece in _pieces(block):
            self._add(self._cutter.feed(piece))
            self._collect(left_max=IN_FLIGHT_PARTS - 1)
        return self._given()

    def end(self) -> list[Part]:
        self._add(self._cutter.finish())
        self._submit()
        self._collect(left_max=0)
        return self._given()

    def stop(self) -> list[Part]:
        """Parts behind one that failed are dropped: they could not be taken up again from there."""
        try:
            self._submit()
            self._collect(left_max=0)
        except DitsError:
            self._batch.clear()
        finally:
            for part in self._under_way:
                part.cancel()
            wait_for_all(self._under_way)
        return self._given()

    def _add(self, chunks: list[memoryview]) -> None:
        self._batch += chunks
        self._batch_bytes += sum(map(len, chunks))
        if self._batch_bytes >= self._pipeline.part_bytes:
            self._submit()

    def _submit(self) -> None:
        if self._batch:
            self._under_way.append(self._pipeline.submit(self._batch))
            self._batch, self._batch_bytes = [], 0

    def _collect(self, left_max: int) -> None:
        """Take parts from the head that are done, waiting while more than `left_max` are left."""
        while self._under_way and (len(self._under_way) > left_max or self._under_way[0].done()):
            chunks = self._under_way[
                0
            ].result()  # if it failed it stays there, and nothing behind it is given
            self._under_way.popleft()
            self._offset += sum(chunk.size_bytes for chunk in chunks)
            self._ready.append(Part(chunks, self._offset))

    def _given(self) -> list[Part]:
        ready, self._ready = self._ready, []
        return ready


def _pieces(block: Buffer) -> Iterator[memoryview]:
    view = memoryview(block).cast("B")
    for at in range(0, len(view), PIECE_BYTES):
        yield view[at : at + PIECE_BYTES]
