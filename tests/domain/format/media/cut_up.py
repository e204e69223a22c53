"""Files cut by their tracks and put together again, and movies as plain values, for tests."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from blake3 import blake3

from domain.format.chunking import VIDEO
from domain.format.digest import Digest
from domain.format.media.cutting import MediaCutter, PictureCutter, cut_file
from domain.format.media.movie import Movie, Samples, Track
from domain.format.media.source import BytesSource
from domain.format.media.units import units_of
from domain.format.recipe import ChunkRef, Recipe


@dataclass(frozen=True)
class CutUp:
    """What came of a file."""

    recipe: Recipe
    chunks: dict[Digest, bytes]

    @staticmethod
    def of(content: bytes) -> CutUp | None:
        """None: it is to be stored opaque."""
        cutter = cut_file(BytesSource(content))
        return None if cutter is None else CutUp.by(cutter)

    @staticmethod
    def by(cutter: MediaCutter) -> CutUp:
        rows, chunks = [bytearray() for _ in cutter.layout.courses], dict[Digest, bytes]()
        for group in cutter.groups():
            for chunk in group:
                ref = ChunkRef.of(chunk.content)
                rows[chunk.stream] += ref.row()
                chunks[ref.digest] = bytes(chunk.content)
        return CutUp(cutter.recipe(rows), chunks)

    def rebuilt(self) -> bytes:
        pieces = self.recipe.pieces(0, self.recipe.size_bytes)
        return b"".join(self.chunks[p.digest][p.offset : p.offset + p.size_bytes] for p in pieces)

    def new_bytes(self, base: CutUp, profile_id: int | None = None) -> int:
        """Of chunks that the base has not, of one profile or of all."""
        streams = [s for s in self.recipe.streams if profile_id in (None, s.profile_id)]
        refs = {chunk for stream in streams for chunk in stream.chunks}
        return sum(chunk.size_bytes for chunk in refs if chunk.digest not in base.chunks)


def noise(size_bytes: int, seed: str = "noise") -> bytes:
    return blake3(seed.encode()).digest(length=size_bytes)


def track(
    sizes: Sequence[int],
    chunks: Sequence[tuple[int, int]],
    handler: str = "vide",
    sync: Sequence[int] | None = None,
) -> Track:
    """Chunks are (offset, number of samples)."""
    samples = Samples(
        len(sizes),
        sizes=array("I", sizes),
        chunk_offsets=array("Q", [offset for offset, _ in chunks]),
        chunk_counts=array("I", [count for _, count in chunks]),
        sync=None if sync is None else array("I", sync),
    )
    return Track(1, handler, 1000, 0, "none", samples=samples)


def movie_of(*tracks: Track) -> Movie:
    return Movie(("isom",), 1000, 0, tracks, is_fragmented=False, boxes=(), issues=())


def cut_pictures(groups: Sequence[Sequence[int]], content: bytes, block_bytes: int = 1 << 20) -> list[bytes]:
    """A picture track of these samples, group by group, cut alone."""
    sizes = [size for group in groups for size in group]
    starts = [at for at, group in zip(accumulate(map(len, groups), initial=0), groups, strict=False) if group]
    units = units_of(track(sizes, [], sync=starts).samples)
    assert units is not None
    cutter, chunks = PictureCutter(units), list[memoryview]()
    for at in range(0, len(content), block_bytes):
        chunks += cutter.feed(memoryview(content)[at : at + block_bytes])
    chunks += cutter.finish()
    assert all(0 < len(chunk) <= VIDEO.max_bytes and chunk.readonly for chunk in chunks)
    return [bytes(chunk) for chunk in chunks]
