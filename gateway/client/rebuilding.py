"""Fetching chunks and putting files together: in parallel, in order, and in bounded memory.

Promises: a byte is written only after its chunk was hashed; a file appears under its own name only when
it is whole and synced; what was written before an interruption is hashed and kept. With every chunk and
the recipe checked by its name, the whole file is: a recipe names the chunks, in order, of exactly one
content (I8).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from .contents import CHUNKS_MAX, Contents
from .cutting import GIVE_BACK_BYTES, give_back
from .errors import LocalFileError
from .format.digest import Digest
from .format.recipe import Piece, Recipe
from .nearby import Nearby
from .notes import name_of
from .progress import Tally
from .walking import PARTIAL_PREFIX, PARTIAL_SUFFIX

MIB = 1 << 20
BATCH_BYTES = 8 * MIB
"""Of file that one request brings."""
BATCHES_IN_FLIGHT = 4
RECIPES_AHEAD = 8
"""Asked for before they are needed, so that many small files do not wait for each other."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be written."""

    path: str
    target: Path
    recipe: Digest
    size_bytes: int
    nearby: tuple[Path, Digest] | None = None
    """A file here that an earlier checkout wrote, and its recipe: it may hold many of the same chunks."""

    @property
    def partial(self) -> Path:
        """The same for every try, so that the next one can go on."""
        name = name_of([self.target.name, self.recipe.hex()])[:16]
        return self.target.with_name(f"{PARTIAL_PREFIX}{name}{PARTIAL_SUFFIX}")


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of one file; the last of a file may have none."""

    file: Growing
    piece: Piece | None
    last: bool


class Growing:
    """A file on its way, under its temporary name."""

    def __init__(self, wanted: Wanted, recipe: Recipe, nearby: Nearby | None) -> None:
        self.wanted = wanted
        self.nearby = nearby
        wanted.target.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        handle = os.open(wanted.partial, flags, 0o666)
        self._stream: BinaryIO = os.fdopen(handle, "r+b", buffering=0)
        self.start = verified_bytes(self._stream, recipe)
        self._stream.truncate(self.start)
        self._stream.seek(self.start)
        self._written = self.start

    def write(self, content: memoryview) -> None:
        while content:
            count = self._stream.write(content)
            assert count is not None, "a regular file never says that it would block"
            self._written += count
            if self._written // GIVE_BACK_BYTES != (self._written - count) // GIVE_BACK_BYTES:
                os.fdatasync(self._stream.fileno()) if hasattr(os, "fdatasync") else None
                give_back(self._stream, self._written, count)
            content = content[count:]

    def finish(self) -> None:
        assert self._written == self.wanted.size_bytes, (self._written, self.wanted)
        os.fsync(self._stream.fileno())
        self.close()
        self.wanted.partial.replace(self.wanted.target)

    def close(self) -> None:
        self._stream.close()
        if self.nearby is not None:
            self.nearby.close()


@dataclass(frozen=True, slots=True)
class Brought:
    """The chunks of a batch."""

    chunks: dict[Digest, memoryview]
    local: frozenset[Digest]
    """Those that this disk had."""


class Rebuilder:
    """Writes files one after the other, fetching for the next ones meanwhile. For one thread."""

    def __init__(self, contents: Contents, repo: str, threads: Executor, tally: Tally) -> None:
        self._contents = contents
        self._repo = repo
        self._threads = threads
        self._tally = tally
        self._open: dict[str, Growing] = {}

    def run(self, wanted: Iterable[Wanted], done: Callable[[Wanted], None]) -> None:
        """`done` hears of every file that has its name. Raises DitsError."""
        waiting = deque[tuple[list[Step], Future[Brought]]]()
        try:
            for batch in _batches(self._steps(wanted)):
                waiting.append((batch, self._threads.submit(self._fetch, batch)))
                if len(waiting) >= BATCHES_IN_FLIGHT:
                    self._write(*waiting.popleft(), done)
            while waiting:
                self._write(*waiting.popleft(), done)
        finally:
            for growing in self._open.values():
                growing.close()

    def _steps(self, wanted: Iterable[Wanted]) -> Iterator[Step]:
        ahead = deque[tuple[Wanted, Future[Recipe]]]()
        for each in wanted:
            ahead.append((each, self._threads.submit(self._contents.recipe, self._repo, each.recipe)))
            if len(ahead) >= RECIPES_AHEAD:
                yield from self._begin(*ahead.popleft())
        while ahead:
            yield from self._begin(*ahead.popleft())

    def _begin(self, wanted: Wanted, recipe: Future[Recipe]) -> Iterator[Step]:
        known = recipe.result()
        nearby = self._nearby(wanted)
        try:
            growing = self._open[wanted.path] = Growing(wanted, known, nearby)
        except OSError as error:
            raise unwritable(wanted, error) from error
        self._tally.add(known=growing.start)
        for piece in known.pieces(growing.start, known.size_bytes):
            yield Step(growing, piece, last=False)
        yield Step(growing, None, last=True)

    def _nearby(self, wanted: Wanted) -> Nearby | None:
        if wanted.nearby is None:
            return None
        file, recipe = wanted.nearby
        try:
            return Nearby(file, self._contents.recipe(self._repo, recipe))
        except OSError:  # it went away: everything comes from the server
            return None

    def _fetch(self, batch: Sequence[Step]) -> Brought:
        """In a thread of the pool."""
        chunks = dict[Digest, memoryview]()
        wanted = dict.fromkeys(step.piece.digest for step in batch if step.piece is not None)
        for step in batch:
            if step.piece is not None and step.file.nearby is not None and step.piece.digest not in chunks:
                content = step.file.nearby.chunk(step.piece.digest)
                if content is not None:
                    chunks[step.piece.digest] = content
        local, missing = frozenset(chunks), [digest for digest in wanted if digest not in chunks]
        return Brought(chunks | (self._contents.chunks(self._repo, missing) if missing else {}), local)

    def _write(
        self,
        batch: Sequence[Step],
        fetched: Future[Brought],
        done: Callable[[Wanted], None],
    ) -> None:
        brought = fetched.result()
        for step in batch:
            wanted = step.file.wanted
            try:
                if step.piece is not None:
                    piece = step.piece
                    chunk = brought.chunks[piece.digest]
                    step.file.write(chunk[piece.offset : piece.offset + piece.size_bytes])
                    was_here = piece.digest in brought.local
                    self._tally.add(**{"known" if was_here else "received": piece.size_bytes})
                if step.last:
                    step.file.finish()
                    del self._open[wanted.path]
            except OSError as error:
                raise unwritable(wanted, error) from error
            if step.last:
                self._tally.add(files=1)
                done(wanted)
        self._tally.work_on(batch[-1].file.wanted.path)
        self._tally.report()


def verified_bytes(file: BinaryIO, recipe: Recipe) -> int:
    """How many bytes from its start on the file holds of what the recipe rebuilds, chunk by chunk."""
    sizes: dict[Digest, int] = {}
    if len(recipe.runs) > 1:
        sizes = {chunk.digest: chunk.size_bytes for stream in recipe.streams for chunk in stream.chunks}
    file.seek(0)
    good, at, unfinished = 0, 0, dict[Digest, tuple[blake3, int]]()
    for piece in recipe.pieces(0, recipe.size_bytes):
        content = _read_exactly(file, piece.size_bytes)
        if len(content) < piece.size_bytes:
            break
        hasher, hashed_bytes = unfinished.pop(piece.digest, (blake3(), 0)) if piece.offset else (blake3(), 0)
        hasher.update(content)
        hashed_bytes += piece.size_bytes
        at += piece.size_bytes
        if hashed_bytes < sizes.get(piece.digest, 0):
            unfinished[piece.digest] = (hasher, hashed_bytes)
        elif hasher.digest() != piece.digest:
            break
        if not unfinished:
            good = at
        give_back(file, at, piece.size_bytes)
    return good


def unwritable(wanted: Wanted, error: OSError) -> LocalFileError:
    reason = (error.strerror or type(error).__name__).lower()
    return LocalFileError(path=str(wanted.target), verb="written", reason=reason)


def _read_exactly(file: BinaryIO, size_bytes: int) -> bytes:
    """Fewer only at the end of the file."""
    content = file.read(size_bytes)
    while 0 < len(content) < size_bytes and (more := file.read(size_bytes - len(content))):
        content += more
    return content


def _batches(steps: Iterable[Step]) -> Iterator[list[Step]]:
    batch, digests, size_bytes = list[Step](), set[Digest](), 0
    for step in steps:
        batch.append(step)
        if step.piece is not None:
            digests.add(step.piece.digest)
            size_bytes += step.piece.size_bytes
        if size_bytes >= BATCH_BYTES or len(digests) >= CHUNKS_MAX or len(batch) >= 8 * CHUNKS_MAX:
            yield batch
            batch, digests, size_bytes = [], set(), 0
    if batch:
        yield batch
