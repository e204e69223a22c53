"""What the saves of a gzip'd project cost, unpacked before chunking and as they come: ``python -m
bench.dedupe.projects``.

A made project of 120,000 clips; between two saves 3 clips change and 3 are inserted, at places of chance.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from random import Random

from domain.format.chunking import OPAQUE, cut
from domain.format.cutters import cutter_for
from domain.format.digest import Digest
from domain.format.media.source import BytesSource
from domain.format.packing.repacking import ENGINES, NewEngine, packed
from domain.format.recipe import ChunkRef, Recipe

CLIPS = 120_000
SAVES = 11
EDITS = 3
MB = 1e6
SPELLED_BYTES = 2_000_000


def clip(chance: Random) -> str:
    place, name = chance.randrange(10**12), chance.randrange(10**6)
    return f'\t<Clip ObjectID="{name}"><Name>clip {name}</Name><InPoint>{place}</InPoint></Clip>\n'


def saves() -> Iterator[bytes]:
    chance = Random(1)
    clips = [clip(chance) for _ in range(CLIPS)]
    for _ in range(SAVES):
        body = "".join(clips)
        yield gzip.compress(f'<PremiereData Version="3">\n{body}</PremiereData>\n'.encode(), 6, mtime=0)
        for _ in range(EDITS):
            clips[chance.randrange(len(clips))] = clip(chance)
            clips.insert(chance.randrange(len(clips)), clip(chance))


def unpacked(content: bytes) -> tuple[Recipe, dict[Digest, int]]:
    cutter = cutter_for(BytesSource(content))
    assert cutter is not None, "this machine's zlib is another one"
    rows, sizes = bytearray(), dict[Digest, int]()
    for chunk in (each for group in cutter.groups() for each in group):
        ref = ChunkRef.of(chunk.content)
        rows += ref.row()
        sizes[ref.digest] = ref.size_bytes
    return cutter.recipe([rows]), sizes


def opaque(content: bytes) -> tuple[Recipe, dict[Digest, int]]:
    refs = [ChunkRef.of(chunk) for chunk in cut(content, OPAQUE)]
    return Recipe.opaque(refs), {ref.digest: ref.size_bytes for ref in refs}


def stored(kept: dict[Digest, int], made: tuple[Recipe, dict[Digest, int]]) -> int:
    """Bytes anew, with the recipe."""
    recipe, sizes = made
    fresh = sum(size for name, size in sizes.items() if name not in kept)
    kept |= sizes
    return fresh + len(recipe.encode())


def speed(engine: NewEngine, content: bytes) -> float:
    """MB of unpacked bytes a second, packed twice as a reader does."""
    recipe, _ = unpacked(content)
    assert recipe.packing is not None
    plain, began = gzip.decompress(content), time.perf_counter()
    assert b"".join(packed(lambda: [plain], recipe.packing, [engine])) == content
    return len(plain) / MB / (time.perf_counter() - began)


def main() -> None:
    """Prints one row a save, sums and speeds."""
    ways: dict[str, Callable[[bytes], tuple[Recipe, dict[Digest, int]]]] = {
        "unpacked": unpacked,
        "as it comes": opaque,
    }
    kept: dict[str, dict[Digest, int]] = {way: {} for way in ways}
    sums = dict.fromkeys(ways, 0)
    first, began = b"", time.perf_counter()
    print(f"{'save':>5} {'file MB':>8}" + "".join(f" {way + ' MB':>15}{'in sum':>8}" for way in ways))
    for number, content in enumerate(saves(), start=1):
        first = first or content
        row = f"{number:>5} {len(content) / MB:>8.2f}"
        for way, cut_up in ways.items():
            fresh = stored(kept[way], cut_up(content))
            sums[way] += fresh
            row += f" {fresh / MB:>15.2f}{sums[way] / MB:>8.2f}"
        print(row)
    print(f"{SAVES} saves in {time.perf_counter() - began:.1f} s, made, cut and compared")
    small = gzip.compress(gzip.decompress(first)[:SPELLED_BYTES], 6, mtime=0)
    for engine in ENGINES:
        print(f"{engine.__name__}: {speed(engine, small):.2f} MB/s of unpacked bytes, made twice")


if __name__ == "__main__":
    main()
