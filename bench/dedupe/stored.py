"""What Dits stores of a file, cut by its tracks or opaque, and whether the file can be had back from that.

Promises: chunks and recipes are those of a push; new are the chunks that the base has not, each once, and
the whole recipe.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from domain.format.chunking import OPAQUE, Cutter
from domain.format.media.cutting import BLOCK_BYTES, cut_file
from domain.format.recipe import ChunkRef, Recipe
from domain.ids import Digest

ROUNDS = 5
Keep = Callable[[ChunkRef, memoryview], object]
Cut = Callable[[Path, Keep], Recipe]


@dataclass(frozen=True, slots=True)
class FileSource:
    descriptor: int
    size_bytes: int

    def read(self, offset: int, size_bytes: int) -> bytes:
        return os.pread(self.descriptor, size_bytes, offset)


@dataclass(frozen=True, slots=True)
class Stored:
    recipe: Recipe
    chunks: Mapping[Digest, bytes]

    @staticmethod
    def of(path: Path, cut: Cut) -> Stored:
        chunks = dict[Digest, bytes]()
        recipe = cut(path, lambda ref, content: chunks.setdefault(ref.digest, bytes(content)))
        return Stored(recipe, chunks)

    def new_bytes(self, base: Stored) -> int:
        new = (len(chunk) for digest, chunk in self.chunks.items() if digest not in base.chunks)
        return sum(new) + len(self.recipe.encode())

    def rebuilds(self, path: Path) -> bool:
        """Bit for bit, from the recipe as it is stored and from chunks by their names."""
        recipe = Recipe.decode(self.recipe.encode())
        with path.open("rb") as file:
            for piece in recipe.pieces(0, recipe.size_bytes):
                content = self.chunks[piece.digest][piece.offset : piece.offset + piece.size_bytes]
                if file.read(piece.size_bytes) != content:
                    return False
            return not file.read(1)


def by_tracks(path: Path, keep: Keep) -> Recipe:
    with path.open("rb") as file:
        cutter = cut_file(FileSource(file.fileno(), path.stat().st_size))
        assert cutter is not None, f"{path.name} was not cut by its tracks"
        rows = [bytearray() for _ in cutter.layout.courses]
        for group in cutter.groups():
            for chunk in group:
                ref = ChunkRef.of(chunk.content)
                rows[chunk.stream] += ref.row()
                keep(ref, chunk.content)
        return cutter.recipe(rows)


def opaque(path: Path, keep: Keep) -> Recipe:
    cutter, refs = Cutter(OPAQUE), list[ChunkRef]()

    def take(chunks: list[memoryview]) -> None:
        for chunk in chunks:
            refs.append(ChunkRef.of(chunk))
            keep(refs[-1], chunk)

    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            take(cutter.feed(block))
    take(cutter.finish())
    return Recipe.opaque(refs)


def mb_per_cpu_second(path: Path, cut: Cut) -> float:
    """The best of some rounds, from a file that lies in the page cache."""
    best_s = min(_cpu_s(path, cut) for _ in range(ROUNDS))
    return path.stat().st_size / best_s / 1e6


def _cpu_s(path: Path, cut: Cut) -> float:
    began = process_time()
    cut(path, lambda _ref, _content: None)
    return process_time() - began
