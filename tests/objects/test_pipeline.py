"""The store pipeline: order, resume, errors on both sides, nothing left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InsufficientStorageError, UnavailableError
from domain.format.chunking import OPAQUE, cut
from domain.format.digest import digest_of
from domain.ids import Digest
from domain.ports import ObjectName, Part, StoredObject
from infra.objects import pipeline as module
from infra.objects.memory import MemoryStore
from infra.objects.pipeline import PART_BYTES, StorePipeline
from tests.objects.faulty import FailingStore, unavailable

CONTENT = Random(1).randbytes(3 * PART_BYTES + 1_234_567)
CHUNKS = tuple(digest_of(chunk) for chunk in cut(CONTENT, OPAQUE))


def blocks(content: bytes = CONTENT, size_bytes: int = 1_000_003) -> Iterator[bytes]:
    for at in range(0, len(content), size_bytes):
        yield content[at : at + size_bytes]


@pytest.fixture(autouse=True)
def no_thread_stays_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore("hot")


@pytest.fixture
def pipeline(store: MemoryStore) -> Iterator[StorePipeline]:
    pipeline = StorePipeline(store, threads=3)
    yield pipeline
    pipeline.close()


def digests(parts: Sequence[Part]) -> tuple[Digest, ...]:
    return tuple(chunk.digest for part in parts for chunk in part.chunks)


def content_of(store: MemoryStore, parts: Sequence[Part]) -> bytes:
    return b"".join(store.get(ObjectName("chunks", digest)) for digest in digests(parts))


def test_a_stream_becomes_its_chunks_in_order(store: MemoryStore, pipeline: StorePipeline) -> None:
    parts = list(pipeline.store(blocks(), OPAQUE))
    assert digests(parts) == CHUNKS
    assert content_of(store, parts) == CONTENT
    assert parts[-1].end_offset == len(CONTENT)


def test_every_part_ends_where_its_chunks_end(pipeline: StorePipeline) -> None:
    offset = 0
    for part in pipeline.store(blocks(), OPAQUE):
        offset += sum(chunk.size_bytes for chunk in part.chunks)
        assert part.end_offset == offset


def test_an_empty_stream_has_no_parts(pipeline: StorePipeline) -> None:
    assert list(pipeline.store([], OPAQUE)) == []
    assert list(pipeline.store([b""], OPAQUE)) == []


def test_a_block_as_large_as_the_file_makes_no_larger_parts(pipeline: StorePipeline) -> None:
    parts = list(pipeline.store([CONTENT], OPAQUE))
    assert digests(parts) == CHUNKS
    assert max(sum(chunk.size_bytes for chunk in part.chunks) for part in parts) < PART_BYTES + (4 << 20)


def test_a_block_may_be_reused_at_once(pipeline: StorePipeline) -> None:
    def reused() -> Iterator[memoryview]:
        window = bytearray(1_000_003)
        for block in blocks():
            window[: len(block)] = block
            yield memoryview(window)[: len(block)]

    assert digests(list(pipeline.store(reused(), OPAQUE))) == CHUNKS


def test_what_was_there_is_said(store: MemoryStore, pipeline: StorePipeline) -> None:
    first = list(pipeline.store(blocks(), OPAQUE))
    again = list(pipeline.store(blocks(), OPAQUE))
    assert not any(chunk.was_there for part in first for chunk in part.chunks)
    assert all(chunk.was_there for part in again for chunk in part.chunks)


@settings(max_examples=4)  # each stores 50 MB
@given(at=st.integers(0, 3), size_bytes=st.integers(50_000, 5_000_000))
def test_a_stream_is_taken_up_again_at_the_end_of_any_part(at: int, size_bytes: int) -> None:
    pipeline = StorePipeline(MemoryStore("hot"), threads=2)
    parts = list(pipeline.store(blocks(), OPAQUE))[: at + 1]
    end = parts[-1].end_offset
    rest = list(pipeline.store(blocks(CONTENT[end:], size_bytes), OPAQUE, start=end))
    pipeline.close()
    assert digests([*parts, *rest]) == CHUNKS
    assert [*parts, *rest][-1].end_offset == len(CONTENT)


class LineCutError(Exception):
    """What a source may raise."""


@pytest.mark.parametrize("received_bytes", [0, 10, 300_000, PART_BYTES, 2 * PART_BYTES + 5_000_000])
def test_what_came_before_the_line_was_cut_is_stored(pipeline: StorePipeline, received_bytes: int) -> None:
    def broken_off() -> Iterator[bytes]:
        yield from blocks(CONTENT[:received_bytes])
        raise LineCutError

    parts = list[Part]()
    with pytest.raises(LineCutError):
        collect(pipeline.store(broken_off(), OPAQUE), parts)
    assert digests(parts) == CHUNKS[: len(digests(parts))]
    assert (
        sum(chunk.size_bytes for part in parts for chunk in part.chunks) > received_bytes - OPAQUE.max_bytes
    )


def collect(given: Iterator[Part], parts: list[Part]) -> None:
    """Keeps what was given also when an error follows it."""
    while (part := next(given, None)) is not None:
        parts.append(part)


class FullStore(MemoryStore):
    """Takes so many batches and is full then."""

    def __init__(self, batches: int) -> None:
        super().__init__("hot")
        self.batches_left = batches

    def put(self, objects: Sequence[tuple[ObjectName, bytes | memoryview]]) -> tuple[StoredObject, ...]:
        if self.batches_left == 0:
            raise InsufficientStorageError(store="hot")
        self.batches_left -= 1
        return super().put(objects)


@pytest.mark.parametrize("batches", range(3))
def test_what_came_before_the_store_was_full_is_given(batches: int) -> None:
    pipeline = StorePipeline(FullStore(batches), threads=1)
    parts = list[Part]()
    with pytest.raises(InsufficientStorageError):
        collect(pipeline.store(blocks(), OPAQUE), parts)
    pipeline.close()
    assert len(parts) == batches
    assert digests(parts) == CHUNKS[: len(digests(parts))]


def test_nothing_is_given_behind_a_part_that_failed() -> None:
    pipeline = StorePipeline(FailingStore(unavailable()), threads=3)
    parts = list[Part]()
    with pytest.raises(UnavailableError):
        collect(pipeline.store(blocks(), OPAQUE), parts)
    pipeline.close()
    assert digests(parts) == CHUNKS[: len(digests(parts))]


@pytest.mark.parametrize("taken", range(4))
def test_a_reader_may_go_away_at_any_part(store: MemoryStore, pipeline: StorePipeline, taken: int) -> None:
    source = blocks()
    parts = pipeline.store(source, OPAQUE)
    for _ in range(taken):
        next(parts)
    parts.close()
    in_store = len(list(store.list("chunks")))
    list(pipeline.store([b"another stream of the same pool"], OPAQUE))
    assert len(list(store.list("chunks"))) == in_store + 1


def test_the_source_is_read_in_the_callers_thread(pipeline: StorePipeline) -> None:
    threads = set[threading.Thread]()

    def noted() -> Iterator[bytes]:
        for block in blocks():
            threads.add(threading.current_thread())
            yield block

    list(pipeline.store(noted(), OPAQUE))
    assert threads == {threading.current_thread()}


def test_no_more_is_read_than_is_under_way(pipeline: StorePipeline) -> None:
    read_bytes = 0

    def counted() -> Iterator[bytes]:
        nonlocal read_bytes
        for block in blocks(CONTENT * 3):
            read_bytes += len(block)
            yield block

    for part in pipeline.store(counted(), OPAQUE):
        assert read_bytes - part.end_offset <= (module.IN_FLIGHT_PARTS + 1) * (PART_BYTES + (2 << 20))
