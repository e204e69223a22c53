"""How bytes become chunks: FastCDC profiles, one cut over a buffer, and the same cuts over a stream.

Promises: the cuts of a content do not depend on how it arrives, and cutting can go on at any earlier cut
with the same result (resume, S2.1). A `Cutter` holds one arena of four largest chunks; the chunks it returns
are read-only views of arenas, which are written once, so they are valid for as long as they are kept.

pyfastcdc's `cut_stream` invalidates a chunk when the next one is made; only `cut_buf` is used here, whose
chunks are slices of what it was given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pyfastcdc import FastCDC

from .errors import FormatError

KIB = 1024
MIB = 1024 * KIB
CHUNK_BYTES_MAX = 4 * MIB
"""Of any profile: one chunk is one request, one object and one piece of memory in every stage."""
ARENA_CHUNKS = 4
"""Size of an arena in largest chunks: what waits for its cut is copied into the next one, 1 byte in 3."""

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Profile:
    """FastCDC with these parameters. The id is stored in recipes and never reused."""

    name: str
    id: int
    min_bytes: int
    avg_bytes: int
    max_bytes: int
    normalization: Literal[0, 1, 2, 3] = 2
    """How strongly lengths are drawn to the average: the less, the sooner cuts are in step after an edit."""


OPAQUE = Profile("opaque", 1, 64 * KIB, 256 * KIB, 1 * MIB)
WIDE = Profile("wide", 2, 256 * KIB, 1 * MIB, 4 * MIB)
VIDEO = Profile("video", 3, 256 * KIB, 1 * MIB, 4 * MIB)
"""Of a picture track: cut at its sync samples first (`media.cutting`)."""
AUDIO = Profile("audio", 4, 16 * KIB, 64 * KIB, 256 * KIB, normalization=0)
"""A trim costs 72 KiB of sound on average; with normalisation 2 it were 154 (decision 0101)."""
SKELETON = Profile("skeleton", 5, 4 * KIB, 16 * KIB, 64 * KIB)
"""Of what a container has between its tracks."""
PROFILES = (OPAQUE, WIDE, VIDEO, AUDIO, SKELETON)


WIDE_FROM_BYTES = 128 * 1024 * MIB
"""A recipe names at most 1,048,576 chunks; opaque chunks are 320 KiB on average, and half of that is safe."""


def profile_for(size_bytes: int) -> Profile:
    """Of a file that is cut blindly."""
    return OPAQUE if size_bytes < WIDE_FROM_BYTES else WIDE


def chunk_bytes_max(profile_id: int) -> int:
    """The largest chunk that a reader takes. Raises FormatError for an id that is not registered.

    Tracks may be cut otherwise one day, so a reader holds them to the limit of all profiles only.
    """
    for profile in PROFILES:
        if profile.id == profile_id:
            return profile.max_bytes if profile in (OPAQUE, WIDE) else CHUNK_BYTES_MAX
    raise FormatError(reason=f"chunking profile {profile_id} is not known here")


def cut(buffer: Buffer, profile: Profile) -> Iterator[memoryview]:
    """The chunks of a whole content, as views of it; none for an empty one."""
    for chunk in _fastcdc(profile).cut_buf(memoryview(buffer).cast("B")):
        yield chunk.data


class Cutter:
    """Cuts a content that arrives in blocks of any size. For one content and one thread at a time.

    `feed` copies a block, which may be reused at once. A reader that can fill memory by itself saves that
    copy: ``count = file.readinto(cutter.room()); chunks = cutter.filled(count)``.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._fastcdc = _fastcdc(profile)
        self._arena = bytearray()
        self._start = 0
        self._stop = 0

    @property
    def held_bytes(self) -> int:
        """Bytes taken in whose chunk is not out yet; the last cut lies that far behind the input."""
        return self._stop - self._start

    def room(self) -> memoryview:
        """Where the next bytes go; at least a quarter of the largest chunk. Valid until `filled`."""
        if len(self._arena) - self._stop < self._profile.max_bytes // 4:
            self._move_on()
        return memoryview(self._arena)[self._stop :]

    def filled(self, size_bytes: int) -> list[memoryview]:
        """Take in the first bytes of `room` and return the chunks that are final."""
        assert 0 <= size_bytes <= len(self._arena) - self._stop, size_bytes
        self._stop += size_bytes
        return self._cut(self._profile.max_bytes) if self.held_bytes >= self._profile.max_bytes else []

    def feed(self, block: Buffer) -> list[memoryview]:
        """Take in a copy of the block and return the chunks that are final."""
        rest, chunks = memoryview(block).cast("B"), list[memoryview]()
        while rest:
            room = self.room()
            size_bytes = min(len(room), len(rest))
            room[:size_bytes] = rest[:size_bytes]
            chunks += self.filled(size_bytes)
            rest = rest[size_bytes:]
        return chunks

    def finish(self) -> list[memoryview]:
        """The content has ended: its last chunks. The cutter is then at the start of another content."""
        return self._cut(1)

    def _cut(self, known_bytes: int) -> list[memoryview]:
        """Cut while at least `known_bytes` are held; with a largest chunk known, a cut is final."""
        held = memoryview(self._arena).toreadonly()[self._start : self._stop]
        rest = iter(self._fastcdc.cut_buf(held))
        chunks = list[memoryview]()
        while self.held_bytes >= known_bytes:
            chunk = next(rest)
            self._start += chunk.length
            chunks.append(chunk.data)
        return chunks

    def _move_on(self) -> None:
        """A fresh arena: chunks that are out keep the old one alive and unchanged."""
        arena = bytearray(ARENA_CHUNKS * self._profile.max_bytes)
        arena[: self.held_bytes] = memoryview(self._arena)[self._start : self._stop]
        self._arena, self._start, self._stop = arena, 0, self.held_bytes


def _fastcdc(profile: Profile) -> FastCDC:
    return FastCDC(
        profile.avg_bytes,
        min_size=profile.min_bytes,
        max_size=profile.max_bytes,
        normalized_chunking=profile.normalization,
    )
