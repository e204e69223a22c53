"""Fetching chunks and putting files together: in parallel, in order, and in bounded memory.

Promises: a byte is written only after its chunk was hashed; a file appears under its own name only when
it is whole and synced; what was written before an interruption is hashed and kept. With every chunk and
the recipe checked by its name, the whole file is: a recipe names the chunks, in order, of exactly one
content (I8). A packed file is rebuilt unpacked and packed at its end, and its own digest vouches for it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, NoReturn

from .contents import CHUNKS_MAX, Contents, Recipes
from .errors import IntegrityError, LocalFileError
from .format.digest import Digest
from .format.errors import FormatError
from .format.extension import Extensions
from .format.packing.packing import Packing
from .format.packing.repacking import ENGINES, packed
from .format.recipe import Piece
from .nearby import Nearby
from .notes import name_of
from .progress import Tally
from .verifying import GIVE_BACK_BYTES, blocks_of, give_back, kept_of, verified_bytes
from .walking import PARTIAL_PREFIX, PARTIAL_SUFFIX

MIB = 1 << 20
BATCH_BYTES = 8 * MIB
"""Of file that one request brings."""
BATCHES_IN_FLIGHT = 4
WRITE_BYTES = 256 * 1024
"""Written at once: pieces of interleaved tracks are much smaller, and each would cost a call."""
STEPS_MAX = 16_384
"""Of one batch: 512 bytes of file each are few."""
RECIPES_AHEAD = 8
"""Asked for before they are needed, so that many small files do not wait for each other."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be written."""

    path: str
    target: Path
    recipe: Digest
    size_bytes: int
    extensions: Extensions = ()
    """Of its entry in the tree."""
    nearby: tuple[Path, Digest] | None = None
    """A file here that an earlier checkout wrote, and its recipe: it may hold many of the same chunks."""

    @property
    def partial(self) -> Path:
        """The same for every try, so that the next one can go on."""
        name = name_of([self.target.name, self.recipe.hex()])[:16]
        return self.target.with_name(f"{PARTIAL_PREFIX}{name}{PARTIAL_SUFFIX}")


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of one file; the last one of a file has none."""

    file: Growing
    offset: int
    """In the file."""
    piece: Piece | None


class Growing:
    """A file on its way, under its temporary name."""

    def __init__(self, wanted: Wanted, recipes: Recipes, nearby: Nearby | None) -> None:
        self.wanted = wanted
        self._recipes = recipes
        self.nearby = nearby
        wanted.target.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        handle = os.open(wanted.partial, flags, 0o666)
        self._stream: BinaryIO = os.fdopen(handle, "r+b", buffering=0)
        self.kept = kept_of(self._stream, recipes.newest.unpacked)
        self._stream.truncate(self.kept.end)
        self._at = self.kept.end
        """Where what waits goes."""
        self._stream.seek(self._at)
        self._waiting = list[memoryview]()
        self._waiting_bytes = 0

    def add(self, content: memoryview, offset: int) -> None:
        if offset != self._at + self._waiting_bytes:
            self._write()
            self._at = self._stream.seek(offset)
        self._waiting.append(content)
        self._waiting_bytes += len(content)
        if self._waiting_bytes >= WRITE_BYTES:
            self._write()

    def _write(self) -> None:
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        content = waiting[0] if len(waiting) == 1 else memoryview(b"".join(waiting))
        while content:
            count = self._stream.write(content)
            assert count is not None, "a regular file never says that it would block"
            self._at += count
            if self._at // GIVE_BACK_BYTES != (self._at - count) // GIVE_BACK_BYTES:
                os.fdatasync(self._stream.fileno()) if hasattr(os, "fdatasync") else None
                give_back(self._stream, self._at, count)
            content = content[count:]

    def finish(self) -> None:
        """Raises IntegrityError if a recipe that stands for the named one brought another file."""
        self._write()
        named, newest = self._recipes.named, self._recipes.newest
        assert self._at == newest.unpacked.size_bytes, (self._at, self.wanted)
        if newest.packing is not None:
            self._pack(newest.packing)
        if named is not newest and verified_bytes(self._stream, named) != self.wanted.size_bytes:
            self._refuse()
        os.fsync(self._stream.fileno())
        self.close()
        self.wanted.partial.replace(self.wanted.target)

    def _pack(self, packing: Packing) -> None:
        """In its own place, once it is known to come out right; broken off, it is fetched again."""
        with TemporaryFile(dir=self.wanted.target.parent) as target:
            try:
                for piece in packed(lambda: blocks_of(self._stream), packing, ENGINES):
                    target.write(piece)
            except FormatError:
                self._refuse()
            self._stream.truncate(self._stream.seek(0))
            for block in blocks_of(target):
                self._stream.write(block)

    def _refuse(self) -> NoReturn:
        self.wanted.partial.unlink(missing_ok=True)
        raise IntegrityError(thing="file", name=self.wanted.path)

    def close(self) -> None:
        self._stream.close()
        if self.nearby is not None:
            self.nearby.close()


@dataclass(slots=True)
class Batch:
    """Neighbouring steps."""

    before: frozenset[Digest]
    """Chunks of the batch before it: where tracks are interleaved, many go on in this one."""
    steps: list[Step] = field(default_factory=list[Step])
    digests: set[Digest] = field(default_factory=set[Digest])
    size_bytes: int = 0

    def add(self, step: Step) -> None:
        self.steps.append(step)
        if step.piece is not None:
            self.digests.add(step.piece.digest)
            self.size_bytes += step.piece.size_bytes

    @property
    def is_full(self) -> bool:
        return (
            self.size_bytes >= BATCH_BYTES or len(self.digests) >= CHUNKS_MAX or len(self.steps) >= STEPS_MAX
        )


@dataclass(frozen=True, slots=True)
class Brought:
    """The chunks of a batch."""

    chunks: dict[Digest, memoryview] = field(default_factory=dict[Digest, memoryview])
    local: frozenset[Digest] = frozenset()
    """Those that this disk had."""

    def after(self, earlier: Brought) -> Brought:
        return Brought(earlier.chunks | self.chunks, earlier.local | self.local)

    def only(self, digests: set[Digest]) -> Brought:
        chunks = {digest: content for digest, content in self.chunks.items() if digest in digests}
        return Brought(chunks, self.local & digests)


class Rebuilder:
    """Writes files one after the other, fetching for the next ones meanwhile. For one thread."""

    def __init__(self, contents: Contents, repo: str, threads: Executor, tally: Tally) -> None:
        self._contents = contents
        self._repo = repo
        self._threads = threads
        self._tally = tally
        self._open: dict[str, Growing] = {}
        self._brought = Brought()
        """What the batch that was written last needed."""

    def run(self, wanted: Iterable[Wanted], done: Callable[[Wanted], None]) -> None:
        """`done` hears of every file that has its name. Raises DitsError."""
        waiting = deque[tuple[Batch, Future[Brought]]]()
        try:
            for batch in batched(self._steps(wanted)):
                waiting.append((batch, self._threads.submit(self._fetch, batch)))
                if len(waiting) >= BATCHES_IN_FLIGHT:
                    self._write(*waiting.popleft(), done)
            while waiting:
                self._write(*waiting.popleft(), done)
        finally:
            for growing in self._open.values():
                growing.close()

    def _steps(self, wanted: Iterable[Wanted]) -> Iterator[Step]:
        ahead = deque[tuple[Wanted, Future[Recipes]]]()
        for each in wanted:
            ahead.append((each, self._threads.submit(self._contents.recipes, self._repo, each.recipe)))
            if len(ahead) >= RECIPES_AHEAD:
                yield from self._begin(*ahead.popleft())
        while ahead:
            yield from self._begin(*ahead.popleft())

    def _begin(self, wanted: Wanted, recipes: Future[Recipes]) -> Iterator[Step]:
        known = recipes.result()
        recipe = known.newest.unpacked
        nearby = self._nearby(wanted)
        try:
            growing = self._open[wanted.path] = Growing(wanted, known, nearby)
        except OSError as error:
            raise unwritable(wanted, error) from error
        kept = growing.kept
        self._tally.add(known=kept.size_bytes)
        for hole in kept.holes:
            yield Step(growing, hole.offset, hole.piece)
        offset = kept.end
        for piece in recipe.pieces(offset, recipe.size_bytes):
            yield Step(growing, offset, piece)
            offset += piece.size_bytes
        yield Step(growing, offset, None)

    def _nearby(self, wanted: Wanted) -> Nearby | None:
        if wanted.nearby is None:
            return None
        file, recipe = wanted.nearby
        try:
            return Nearby(file, self._contents.recipes(self._repo, recipe).newest)
        except OSError:  # it went away: everything comes from the server
            return None

    def _fetch(self, batch: Batch) -> Brought:
        """In a thread of the pool."""
        chunks, missing = dict[Digest, memoryview](), dict[Digest, None]()
        for step in batch.steps:
            if step.piece is None or step.piece.digest in batch.before or step.piece.digest in chunks:
                continue
            content = None if step.file.nearby is None else step.file.nearby.chunk(step.piece.digest)
            if content is not None:
                chunks[step.piece.digest] = content
            else:
                missing[step.piece.digest] = None
        wanted = [digest for digest in missing if digest not in chunks]
        fetched = self._contents.chunks(self._repo, wanted) if wanted else {}
        return Brought(chunks | fetched, frozenset(chunks))

    def _write(self, batch: Batch, fetched: Future[Brought], done: Callable[[Wanted], None]) -> None:
        brought = fetched.result().after(self._brought)
        self._brought = brought.only(batch.digests)
        for step in batch.steps:
            wanted = step.file.wanted
            try:
                if step.piece is None:
                    step.file.finish()
                    del self._open[wanted.path]
                else:
                    chunk, start = brought.chunks[step.piece.digest], step.piece.offset
                    step.file.add(chunk[start : start + step.piece.size_bytes], step.offset)
            except OSError as error:
                raise unwritable(wanted, error) from error
            if step.piece is None:
                self._tally.add(files=1)
                done(wanted)
        pieces = [step.piece for step in batch.steps if step.piece is not None]
        known_bytes = sum(piece.size_bytes for piece in pieces if piece.digest in brought.local)
        self._tally.add(known=known_bytes, received=batch.size_bytes - known_bytes)
        self._tally.work_on(batch.steps[-1].file.wanted.path)
        self._tally.report()


def unwritable(wanted: Wanted, error: OSError) -> LocalFileError:
    reason = (error.strerror or type(error).__name__).lower()
    return LocalFileError(path=str(wanted.target), verb="written", reason=reason)


def batched(steps: Iterable[Step]) -> Iterator[Batch]:
    batch = Batch(frozenset())
    for step in steps:
        batch.add(step)
        if batch.is_full:
            yield batch
            batch = Batch(frozenset(batch.digests))
    if batch.steps:
        yield batch
