"""How one file is rebuilt from chunks: streams of chunks, interleaved by runs (`docs/formats.md`, Recipe).

Promises: a Recipe that exists is valid, and has one encoding; a range of the file is found in O(log n) steps.
Serves commits, checkouts and byte ranges; the streams are for tracks, which an opaque file has one of. What
is packed as a whole is rebuilt unpacked, and packed again by `packing.repacking`.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain, pairwise, starmap

from .chunking import OPAQUE, Profile, chunk_bytes_max
from .codec import SIZE_BYTES_MAX, Body, require, seal, unseal
from .digest import DIGEST_BYTES, Digest, digest_of
from .packing.packing import UNPACKED_BYTES_MAX, Packing

PACKED_VERSION = 2
"""Of the layout, with a packing behind it; without one a recipe is of version 1."""
STREAMS_MAX = 255
CHUNKS_MAX = 1024 * 1024
"""Of one recipe: 36 MiB of rows, so it fits into an object; a file of 320 GiB cut opaque, 1.25 TiB wide."""
RUNS_MAX = 1024 * 1024
"""Nine MiB: more than an hour of film whose tracks are interleaved frame by frame."""

_ROW = struct.Struct(">32sI")
_RUN = struct.Struct(">BQ")


@dataclass(frozen=True, slots=True)
class ChunkRef:
    """A chunk by its name and size."""

    digest: Digest
    size_bytes: int

    @staticmethod
    def of(chunk: bytes | memoryview) -> ChunkRef:
        return ChunkRef(digest_of(chunk), len(chunk))

    def row(self) -> bytes:
        return _ROW.pack(self.digest, self.size_bytes)


@dataclass(frozen=True, slots=True)
class Stream:
    """An ordered list of chunks, held as the rows that are stored: 36 bytes a chunk."""

    profile_id: int
    rows: bytes

    @staticmethod
    def of(profile_id: int, chunks: Iterable[ChunkRef]) -> Stream:
        return Stream(profile_id, b"".join(chunk.row() for chunk in chunks))

    def __post_init__(self) -> None:
        require(len(self.rows) > 0, "a stream has at least one chunk")
        require(len(self.rows) % _ROW.size == 0, "a stream's rows have 36 bytes each")
        limit_bytes = chunk_bytes_max(self.profile_id)
        smallest, largest = min(self.sizes()), max(self.sizes())
        require(smallest >= 1 and largest <= limit_bytes, f"a chunk has 1 to {limit_bytes} bytes")

    def __len__(self) -> int:
        return len(self.rows) // _ROW.size

    @property
    def chunks(self) -> Iterator[ChunkRef]:
        return starmap(ChunkRef, _ROW.iter_unpack(self.rows))

    def sizes(self) -> Iterator[int]:
        return (size_bytes for _, size_bytes in _ROW.iter_unpack(self.rows))

    def digest_at(self, index: int) -> Digest:
        start = index * _ROW.size
        return Digest(self.rows[start : start + DIGEST_BYTES])


@dataclass(frozen=True, slots=True)
class Run:
    """Take the next `size_bytes` of a stream."""

    stream: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of one chunk: `size_bytes` from `offset` on."""

    digest: Digest
    offset: int
    size_bytes: int


@dataclass(frozen=True)
class Recipe:
    """A file. Raises FormatError when made from parts that do not fit together."""

    streams: tuple[Stream, ...]
    runs: tuple[Run, ...]
    packing: Packing | None = None
    """What makes the file of the bytes that streams and runs rebuild, unless these are the file."""

    def __post_init__(self) -> None:
        require(len(self.streams) <= STREAMS_MAX, f"a recipe has at most {STREAMS_MAX} streams")
        require(sum(map(len, self.streams)) <= CHUNKS_MAX, f"a recipe has at most {CHUNKS_MAX} chunks")
        require(len(self.runs) <= RUNS_MAX, f"a recipe has at most {RUNS_MAX} runs")
        _check_runs(self.runs, [sum(stream.sizes()) for stream in self.streams])
        is_packable = 0 < self._rebuilt_bytes <= UNPACKED_BYTES_MAX
        require(self.packing is None or is_packable, f"what is packed has 1 to {UNPACKED_BYTES_MAX} bytes")

    @staticmethod
    def opaque(chunks: Iterable[ChunkRef], profile: Profile = OPAQUE) -> Recipe:
        """A file as one stream and one run; without chunks, the empty file."""
        rows = b"".join(chunk.row() for chunk in chunks)
        if not rows:
            return Recipe((), ())
        stream = Stream(profile.id, rows)
        return Recipe((stream,), (Run(0, sum(stream.sizes())),))

    @cached_property
    def size_bytes(self) -> int:
        """Of the file."""
        return self.packing.size_bytes if self.packing is not None else self._rebuilt_bytes

    @cached_property
    def unpacked(self) -> Recipe:
        """Of the bytes that streams and runs rebuild: itself, unless the file is packed."""
        return self if self.packing is None else Recipe(self.streams, self.runs)

    @cached_property
    def _rebuilt_bytes(self) -> int:
        return sum(run.size_bytes for run in self.runs)

    @cached_property
    def digest(self) -> Digest:
        """The recipe's name."""
        return digest_of(self.encode())

    def children(self) -> tuple[Digest, ...]:
        """The chunks it names, each once, in the order of its streams."""
        names = (stream.digest_at(i) for stream in self.streams for i in range(len(stream)))
        return tuple(dict.fromkeys(names))

    def encode(self) -> bytes:
        head = struct.pack(">QBI", self._rebuilt_bytes, len(self.streams), len(self.runs))
        streams = (struct.pack(">BI", each.profile_id, len(each)) + each.rows for each in self.streams)
        runs = (_RUN.pack(run.stream, run.size_bytes) for run in self.runs)
        body = b"".join(chain((head,), streams, runs))
        if self.packing is None:
            return seal(b"DITR", body)
        return seal(b"DITR", body + self.packing.encode(), PACKED_VERSION)

    @staticmethod
    def decode(encoded: bytes) -> Recipe:
        """Raises ManifestCorruptionError if the trailer does not fit, else FormatError."""
        body = unseal(b"DITR", encoded, newest=PACKED_VERSION)
        size_bytes, stream_count, run_count = body.number(8), body.number(1), body.number(4)
        streams = tuple(_stream(body) for _ in range(stream_count))
        runs = tuple(starmap(Run, _RUN.iter_unpack(body.take(run_count * _RUN.size))))
        packing = Packing.decode(body) if body.version == PACKED_VERSION else None
        body.end()
        recipe = Recipe(streams, runs, packing)
        require(recipe._rebuilt_bytes == size_bytes, "its runs do not add up to its size")
        return recipe

    def pieces(self, start: int, stop: int) -> Iterator[Piece]:
        """The parts of chunks that make up the file's bytes ``start <= i < stop``, in order.

        Of a packed file there are none: ask its `unpacked`.
        """
        assert self.packing is None, "no chunk holds bytes of a packed file"
        assert 0 <= start <= stop <= self.size_bytes, (start, stop, self.size_bytes)
        index = bisect_right(self._places.runs, start) - 1
        while start < stop:
            offset = start - self._places.runs[index]
            size_bytes = min(stop - start, self.runs[index].size_bytes - offset)
            first = self._places.taken[index] + offset
            yield from self._stream_pieces(self.runs[index].stream, first, first + size_bytes)
            start, index = start + size_bytes, index + 1

    def _stream_pieces(self, stream: int, start: int, stop: int) -> Iterator[Piece]:
        borders = self._places.chunks[stream]
        index = bisect_right(borders, start) - 1
        while start < stop:
            size_bytes = min(stop, borders[index + 1]) - start
            yield Piece(self.streams[stream].digest_at(index), start - borders[index], size_bytes)
            start, index = start + size_bytes, index + 1

    @cached_property
    def _places(self) -> _Places:
        return _Places.of(self)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where everything begins, made once a recipe for all its ranges."""

    runs: array[int]
    """Where each run begins in the file."""
    taken: array[int]
    """How far into its stream each run begins."""
    chunks: tuple[array[int], ...]
    """Where each chunk begins in its stream, and the stream's end."""

    @staticmethod
    def of(recipe: Recipe) -> _Places:
        taken, used = array("Q"), [0] * len(recipe.streams)
        for run in recipe.runs:
            taken.append(used[run.stream])
            used[run.stream] += run.size_bytes
        return _Places(
            array("Q", accumulate((run.size_bytes for run in recipe.runs), initial=0)),
            taken,
            tuple(array("Q", accumulate(each.sizes(), initial=0)) for each in recipe.streams),
        )


def _stream(body: Body) -> Stream:
    profile_id, chunk_count = body.number(1), body.number(4)
    return Stream(profile_id, body.take(chunk_count * _ROW.size))


def _check_runs(runs: tuple[Run, ...], stream_sizes: list[int]) -> None:
    used = [0] * len(stream_sizes)
    opened = 0
    for run in runs:
        require(run.size_bytes >= 1, "a run has at least one byte")
        require(
            run.stream <= opened and run.stream < len(used), "streams are numbered as runs first use them"
        )
        opened = max(opened, run.stream + 1)
        used[run.stream] += run.size_bytes
    require(
        all(a.stream != b.stream for a, b in pairwise(runs)), "neighbouring runs are of different streams"
    )
    require(used == stream_sizes, "the runs use each stream to its last byte")
    require(sum(used) <= SIZE_BYTES_MAX, f"a file has at most {SIZE_BYTES_MAX} bytes")
